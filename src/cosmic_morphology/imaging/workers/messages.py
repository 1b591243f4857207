"""Frames on the pipes between this process and those that decode for it.

Two lengths (4 bytes each, big-endian), a text in JSON, bytes.

What the frames between a process that takes pictures in and its parent say.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from cosmic_morphology.errors import PictureError
from cosmic_morphology.imaging.ingest import Intake

_LENGTHS = struct.Struct(">II")


def write_frame(pipe: BinaryIO, said: Any, data: bytes = b"") -> None:
    """Send one frame at once."""
    text = json.dumps(said).encode()
    pipe.write(_LENGTHS.pack(len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Any, bytes] | None:
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
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    # The folder that a person happens to be in is no place to import from; and one picture is
    # work for one core.
    alone = {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": path, **alone}


def read_answer(said: Any, thumbnail: bytes, data: bytes) -> Intake:
    """What a frame out says of a picture.

    Raises
    ------
    PictureError
        It was refused.
    """
    if "refused" in said:
        kind, what, where, todo = said["refused"]
        raise PictureError(kind, what, where=where, todo=todo)
    known = said["known"] | {
        "phash": bytes.fromhex(said["known"]["phash"]),
        "thumbnail": data if said["taken_over"] else thumbnail,
    }
    return Intake(**known)


def answer(intake: Intake, data: bytes) -> tuple[dict[str, Any], bytes]:
    """The frame out of a picture that was taken in; :func:`read_answer` reads it."""
    taken_over = intake.thumbnail is data
    known = asdict(intake) | {"phash": intake.phash.hex()}
    del known["thumbnail"]
    return {"known": known, "taken_over": taken_over}, b"" if taken_over else intake.thumbnail


def refusal(error: PictureError) -> dict[str, Any]:
    """The frame out of a picture that was refused."""
    return {"refused": [error.kind, error.what, error.where, error.todo]}
