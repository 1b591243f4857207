"""``python -m …imaging.workers.decode_worker``: takes images in, in a process of its own.

The first frame in brings the limits; then each frame in (where, image) is answered by one frame
out (what is known or why it was refused, thumbnail). The process ends when its standard input
does, so also when its parent is killed.
"""

from __future__ import annotations

import os
import sys

from cosmic_morphology.errors import ImageError
from cosmic_morphology.frames import read_frame, take_over_output, write_frame
from cosmic_morphology.imaging.ingest import ingest_image
from cosmic_morphology.imaging.sniff import ImageLimits
from cosmic_morphology.imaging.workers.messages import answer, refusal


def main() -> None:
    """Answer every image until there are no more."""
    out = take_over_output()
    opened = read_frame(sys.stdin.buffer)
    if opened is None:
        return
    limits = ImageLimits(**opened[0])
    write_frame(out, "ready")
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        where, data = frame
        try:
            intake = ingest_image(data, limits=limits, source_hint=where)
        except ImageError as error:
            write_frame(out, refusal(error))
        else:
            write_frame(out, *answer(intake, data))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the parent is gone and waits for nothing
        os._exit(0)
