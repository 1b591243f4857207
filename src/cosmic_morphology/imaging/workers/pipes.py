"""Frames on the pipes between this process and those that decode for it.

Two lengths (4 bytes each, big-endian), a text in JSON, bytes.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")


def write_message(pipe: BinaryIO, said: Any, data: bytes = b"") -> None:
    """Send one frame at once."""
    text = json.dumps(said).encode()
    pipe.write(_LENGTHS.pack(len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def read_message(pipe: BinaryIO) -> tuple[Any, bytes] | None:
    """Receive one frame; None at the end of the pipe."""
    head = pipe.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    of_text, of_data = _LENGTHS.unpack(head)
    text, data = pipe.read(of_text), pipe.read(of_data)
    if len(text) < of_text or len(data) < of_data:
        return None
    return json.loads(text), data


def environment() -> dict[str, str]:
    """What a process of ours is started with."""
    here = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    # The folder that a person happens to be in is no place to import from; and one image is
    # work for one core.
    alone = {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": path, **alone}
