"""The tags of a TIFF's first image (TIFF 6.0, section 2; BigTIFF), whatever its byte order."""

from __future__ import annotations

import struct

from cosmic_morphology.imaging.guards import PictureKind, refuse

Tags = dict[int, tuple[int, ...] | bytes]

# Bytes, ASCII and undefined bytes stay bytes; then short, long, and long of 8 bytes.
_BYTES = {1, 2, 6, 7}
_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_PHOTOMETRIC, _SUBFILE, _DNG_VERSION = 262, 254, 50706
_CAMERA_RAW = {32803, 34892}
_MAX_TAGS = 10_000
MAX_NUMBERS = 2_000_000


def read_tags(data: bytes, *, where: str = "") -> Tags:
    """Tags of the first image that hold whole numbers or bytes.

    Raises
    ------
    PictureError
        ``truncated``; ``unsupported``: a camera's raw file, whose first image is only a preview;
        ``corrupt``: more numbers than any image needs.
    """
    order, big = "<" if data[:1] == b"I" else ">", b"+" in data[2:4]
    number, inline, entry, first = ("Q", 8, 20, 8) if big else ("I", 4, 12, 4)
    tags: Tags = {}
    try:
        (at,) = struct.unpack_from(order + number, data, first)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
        begins = at + (8 if big else 2)
        for n in range(min(count, _MAX_TAGS)):
            tag, kind, length = struct.unpack_from(f"{order}HH{number}", data, begins + entry * n)
            place = begins + entry * n + 4 + inline
            value = _value(data, order, (kind, length, place, inline), where)
            if value is not None and tag not in tags:
                tags[tag] = value
    except struct.error as error:
        what = f"the TIFF's tags go on after the end of its {len(data):,} bytes"
        raise refuse(PictureKind.TRUNCATED, what, where, "Fetch it again.") from error
    _refuse_previews(data, tags, where)
    return tags


def _value(
    data: bytes, order: str, entry: tuple[int, int, int, int], where: str
) -> tuple[int, ...] | bytes | None:
    kind, length, place, inline = entry
    letter = "s" if kind in _BYTES else _NUMBERS.get(kind)
    if letter is None:
        return None
    if letter != "s" and length > MAX_NUMBERS:
        what = f"a tag of the TIFF holds {length:,} numbers"
        raise refuse(PictureKind.CORRUPT, what, where, "Fetch it again.")
    if length > len(data):
        raise struct.error
    form = f"{order}{length}{letter}"
    if struct.calcsize(form) > inline:
        (place,) = struct.unpack_from(order + ("Q" if inline == 8 else "I"), data, place)
    if place > len(data):
        raise struct.error
    values = struct.unpack_from(form, data, place)
    return bytes(values[0]) if letter == "s" else values


def _refuse_previews(data: bytes, tags: Tags, where: str) -> None:
    """Refuse files that say that their first image is not the one that they are about."""
    raw = tags.get(_PHOTOMETRIC, (0,))[:1] in {(kind,) for kind in _CAMERA_RAW}
    preview = (tags.get(_SUBFILE) or (0,))[0] & 1
    if raw or preview or _DNG_VERSION in tags or data[8:10] == b"CR":
        what = "the TIFF is a camera's raw file or begins with a preview of another image"
        raise refuse(PictureKind.UNSUPPORTED, what, where, "Export it as TIFF, PNG or FITS.")
