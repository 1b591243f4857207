"""The tags of a TIFF's image (TIFF 6.0, section 2; BigTIFF), whatever its byte order."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.sniff import RejectionKind, reject

Tags = dict[int, tuple[int, ...] | bytes]

# Bytes, ASCII and undefined bytes stay bytes; then short, long, and long of 8 bytes.
_BYTES = {1, 2, 6, 7}
_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_PHOTOMETRIC, _SUBFILE, _OLD_SUBFILE, _DNG_VERSION = 262, 254, 255, 50706
# Bits of NewSubfileType; and what the older SubfileType calls a reduced image.
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_MASK_PHOTOMETRIC = 4
_CAMERA_RAW = {32803, 34892}
_MAX_TAGS = 10_000
# Directories that are looked at for a whole image.
_MAX_PAGES = 1000
MAX_NUMBERS = 2_000_000


def at_full_image(data: bytes) -> bytes:
    """The file with its first directory that is no preview and no mask in the first place.

    A file of only one kind stays as it is, and so does a camera's raw file: what refuses it names
    it.
    """
    first = next(_directories(data), None)
    if first is None or not _is_beside(first[1]) or _is_raw(data, first[1]):
        return data
    for at, tags in _directories(data):
        if not _is_beside(tags):
            order, number, place = _header(data)
            offset = struct.pack(order + number, at)
            return data[:place] + offset + data[place + len(offset) :]
    return data


def read_tags(data: bytes, *, where: str = "") -> Tags:
    """Tags of the first image that hold whole numbers or bytes.

    Raises
    ------
    ImageError
        ``truncated``; ``unsupported``: a camera's raw file, or nothing but a preview or a mask;
        ``corrupt``: more numbers than any image needs.
    """
    order, number, first = _header(data)
    try:
        (at,) = struct.unpack_from(order + number, data, first)
        tags, _ = _directory(data, at, where)
    except struct.error as error:
        what = f"the TIFF's tags go on after the end of its {len(data):,} bytes"
        raise reject(RejectionKind.TRUNCATED, what, where, "Fetch it again.") from error
    _refuse_previews(data, tags, where)
    return tags


def _header(data: bytes) -> tuple[str, str, int]:
    """Byte order, letter of an offset, and where the first one stands."""
    order, big = "<" if data[:1] == b"I" else ">", b"+" in data[2:4]
    return order, "Q" if big else "I", 8 if big else 4


def _directory(data: bytes, at: int, where: str, only: set[int] | None = None) -> tuple[Tags, int]:
    """Tags of one directory, all or some, and the place of the next one."""
    order, number, _ = _header(data)
    inline, entry = (8, 20) if number == "Q" else (4, 12)
    tags: Tags = {}
    (count,) = struct.unpack_from(order + ("Q" if number == "Q" else "H"), data, at)
    begins = at + (8 if number == "Q" else 2)
    for n in range(min(count, _MAX_TAGS)):
        tag, kind, length = struct.unpack_from(f"{order}HH{number}", data, begins + entry * n)
        if only is not None and tag not in only:
            continue
        place = begins + entry * n + 4 + inline
        value = _value(data, order, (kind, length, place, inline), where)
        if value is not None and tag not in tags:
            tags[tag] = value
    after = data[begins + entry * count :][:inline]
    return tags, struct.unpack(order + number, after)[0] if len(after) == inline else 0


def _directories(data: bytes) -> Iterator[tuple[int, Tags]]:
    """Place of each directory, and what it says of its kind; ends where one is damaged."""
    order, number, first = _header(data)
    only, seen = {_PHOTOMETRIC, _SUBFILE, _OLD_SUBFILE, _DNG_VERSION}, set[int]()
    try:
        (at,) = struct.unpack_from(order + number, data, first)
        while at and at not in seen and len(seen) < _MAX_PAGES:
            seen.add(at)
            tags, after = _directory(data, at, "", only)
            yield at, tags
            at = after
    except (struct.error, ImageError):  # whoever reads this directory says what is wrong
        return


def _value(
    data: bytes, order: str, entry: tuple[int, int, int, int], where: str
) -> tuple[int, ...] | bytes | None:
    kind, length, place, inline = entry
    letter = "s" if kind in _BYTES else _NUMBERS.get(kind)
    if letter is None:
        return None
    if letter != "s" and length > MAX_NUMBERS:
        what = f"a tag of the TIFF holds {length:,} numbers"
        raise reject(RejectionKind.CORRUPT, what, where, "Fetch it again.")
    if length > len(data):
        raise struct.error
    form = f"{order}{length}{letter}"
    if struct.calcsize(form) > inline:
        (place,) = struct.unpack_from(order + ("Q" if inline == 8 else "I"), data, place)
    if place > len(data):
        raise struct.error
    values = struct.unpack_from(form, data, place)
    return bytes(values[0]) if letter == "s" else values


def _first(tags: Tags, tag: int) -> int:
    return (tags.get(tag) or (0,))[0]


def _is_beside(tags: Tags) -> bool:
    """Whether an image says that it is a smaller copy or the mask of another one."""
    return (
        bool(_first(tags, _SUBFILE) & (_REDUCED | _MASK))
        or _first(tags, _OLD_SUBFILE) == _OLD_REDUCED
        or _first(tags, _PHOTOMETRIC) == _MASK_PHOTOMETRIC
    )


def _is_raw(data: bytes, tags: Tags) -> bool:
    return _first(tags, _PHOTOMETRIC) in _CAMERA_RAW or _DNG_VERSION in tags or data[8:10] == b"CR"


def _refuse_previews(data: bytes, tags: Tags, where: str) -> None:
    """Refuse files that say that their image is not the one that they are about."""
    if _is_raw(data, tags) or _is_beside(tags):
        what = "the TIFF is a camera's raw file, or has only a preview or a mask of another image"
        raise reject(RejectionKind.UNSUPPORTED, what, where, "Export it as TIFF, PNG or FITS.")
