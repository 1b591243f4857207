"""A worker that answers every order with the bytes of a file, as one would that was steered."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cosmic_morphology.frames import read_frame


def main() -> None:
    read_frame(sys.stdin.buffer)
    sys.stdout.buffer.write(Path(os.environ["STEERED_BY"]).read_bytes())
    sys.stdout.buffer.flush()
