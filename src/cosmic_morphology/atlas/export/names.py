"""File names for ids and classes, which come from outside and may hold anything."""

from __future__ import annotations

import hashlib
import re

_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "image/fits": "fits",
    "image/fits+gzip": "fits.gz",
    "application/fits": "fits",
}
# Keeps a name in a tar's oldest and most widely read header (100 bytes).
_LONGEST = 72


def safe_name(text: str) -> str:
    """A file or folder name for any text: letters, digits and ``_.-``, none of these first."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".-")[:_LONGEST]
    return plain.rstrip(".") or "_"


def ending_of(media_type: str | None) -> str:
    """The ending of a file of this type, without its dot."""
    return _ENDINGS.get(media_type or "", "bin")


class FileNames:
    """Gives each id a file name of its own, without dots, whatever else it has named before.

    Two ids that would become one name are told apart by a hash of the id, so that an image keeps
    its name whichever others are exported. Names that differ in capitals only count as one, since
    some file systems take them so.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, folder: str, id_: str) -> str:
        """A name for this id that is not yet taken in this folder."""
        name = safe_name(id_).replace(".", "_")
        if f"{folder}/{name}".casefold() in self._taken:
            name = f"{name}-{hashlib.sha256(id_.encode()).hexdigest()[:12]}"
        self._taken.add(f"{folder}/{name}".casefold())
        return name
