"""Which way up an image is: EXIF and XMP, wherever the containers keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from PIL import Image

UPRIGHT = 1
_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""
MIRRORED_ACROSS, MIRRORED_DOWN = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})
"""Orientations whose upright image begins with what was at the far end of a row, of a column."""
# As an attribute, with either quote, or as an element (XMP specification, part 1, section 7).
_IN_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")
# A text that ImageMagick writes: the profile's name, its length in bytes, hexadecimal digits.
_RAW_PROFILES = ("Raw profile type exif", "Raw profile type APP1", "Raw profile type xmp")


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation of an image that is loaded, 1 to 8.

    Broken EXIF counts as upright, it is an ornament. EXIF is asked before XMP.
    """
    for exif in _exif_blocks(image):
        if (turn := valid(_orientation_in(exif))) is not None:
            return turn
    for xmp in _xmp_blocks(image):
        if (turn := orientation_in_xmp(xmp)) is not None:
            return turn
    return UPRIGHT


def orientation_in_xmp(xmp: Any) -> int | None:
    """Orientation that a block of XMP states, None without."""
    found = _IN_XMP.search(xmp) if isinstance(xmp, bytes) else None
    return int(found[1]) if found else None


def valid(orientation: Any) -> int | None:
    """The orientation as a number from 1 to 8, None where it is none.

    Examples
    --------
    >>> valid(3), valid("x")
    (3, None)
    """
    if isinstance(orientation, tuple) and orientation:
        orientation = orientation[0]
    return orientation if orientation in _TURNS or orientation == UPRIGHT else None


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned and mirrored so that it stands; the same object where it does."""
    return image if orientation == UPRIGHT else image.transpose(_TURNS[orientation])


def _orientation_in(exif: bytes) -> Any:
    try:
        block = Image.Exif()
        block.load(exif)
        return block.get(_TAG)
    except Exception:  # noqa: BLE001 - hostile EXIF raises anything; the pixels are still good
        return None


def _exif_blocks(image: Image.Image) -> Iterator[bytes]:
    exif = image.info.get("exif")
    if isinstance(exif, bytes):
        yield exif
    for profile in _raw_profiles(image):
        if profile.startswith((b"Exif\0", b"II", b"MM")):
            yield profile


def _xmp_blocks(image: Image.Image) -> Iterator[bytes]:
    for name in ("xmp", "XML:com.adobe.xmp"):
        xmp = image.info.get(name)
        if isinstance(xmp, (str, bytes)):
            yield xmp.encode() if isinstance(xmp, str) else xmp
    yield from _raw_profiles(image)


def _raw_profiles(image: Image.Image) -> Iterator[bytes]:
    for name in _RAW_PROFILES:
        text = image.info.get(name)
        if isinstance(text, str):
            try:
                yield bytes.fromhex("".join(text.split("\n")[3:]))
            except ValueError:
                continue
