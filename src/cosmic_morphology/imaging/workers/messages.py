"""What the frames between a process that takes images in and its parent say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.ingest import IngestedImage


def read_answer(said: Any, thumbnail: bytes, data: bytes) -> IngestedImage:
    """What a frame out says of an image.

    Raises
    ------
    ImageError
        It was refused.
    """
    if "refused" in said:
        kind, what, where, todo = said["refused"]
        raise ImageError(kind, what, where=where, todo=todo)
    known = said["known"] | {
        "phash": bytes.fromhex(said["known"]["phash"]),
        "thumbnail": data if said["taken_over"] else thumbnail,
    }
    return IngestedImage(**known)


def answer(intake: IngestedImage, data: bytes) -> tuple[dict[str, Any], bytes]:
    """The frame out of an image that was taken in; :func:`read_answer` reads it."""
    taken_over = intake.thumbnail is data
    known = asdict(intake) | {"phash": intake.phash.hex()}
    del known["thumbnail"]
    return {"known": known, "taken_over": taken_over}, b"" if taken_over else intake.thumbnail


def refusal(error: ImageError) -> dict[str, Any]:
    """The frame out of an image that was refused."""
    return {"refused": [error.kind, error.what, error.where, error.todo]}
