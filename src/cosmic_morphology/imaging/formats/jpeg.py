"""JPEGs: where an image ends, whether it is whole, and its pixels.

libjpeg fills what is missing with grey and only warns. An end marker proves little: it may come
from what was appended to a body that was cut. So the marks are followed from segment to segment,
and the decoder is one that tells of its warnings.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.sniff import RejectionKind, reject

_REFETCH = "Fetch it again."
# Within the coded data FF is followed by 00 or by a restart marker; FF may be repeated as filler.
# A pattern that begins with one fixed byte is found ten times faster than with several of them.
_NEXT_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, _SOI, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_ALL = (1 << 64) - 1
# A progressive image has about ten scans. Each passes over all coefficients, however short it is.
MAX_SCANS = 500
# Warnings that say nothing of the pixels, as libjpeg words them.
_HARMLESS = (
    "jfif revision",
    "adobe color transform",
    "icc marker",
)
_PADDED = re.compile(r"(\d+) extraneous bytes before marker 0x(\w\w)")
_CUT = ("premature end", "two soi markers", "unsupported marker type")
# turbojpeg knows the usual subsamplings only; libjpeg knows all.
_ODD_SAMPLING = ("subsampling", "color conversion")


def end_of_jpeg(data: bytes, *, where: str = "") -> int:
    """Where a JPEG ends; what follows was appended by a phone or an editor.

    Returns
    -------
    int
        Offset of the byte after the end marker.

    Raises
    ------
    ImageError
        ``truncated``: the body ends before its image does; ``unsupported``: more than
        :data:`MAX_SCANS` scans.
    """
    at, scans, progressive = 2, 0, False
    coming: dict[int, int] = {}  # of each component the coefficients that are still to come
    while found := _NEXT_MARKER.search(data, at):
        at, marker = found.end(), found[1][0]
        if marker == _EOI:
            if scans and not any(coming.values()):
                return at
            break
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[at : at + 2])
        segment = data[at + 2 : at + length]
        if marker in _FRAMES:
            coming, progressive = dict.fromkeys(segment[6::3], _ALL), marker in _PROGRESSIVE
        elif marker == _SOS:
            _cross_off(coming, segment, progressive=progressive)
            scans += 1
        if scans > MAX_SCANS:
            what = f"the JPEG has more than {MAX_SCANS} scans"
            raise reject(RejectionKind.UNSUPPORTED, what, where, "Save it again.")
        at += length
    what = f"the JPEG stops after {len(data):,} bytes without the end of its image"
    raise reject(RejectionKind.TRUNCATED, what, where, _REFETCH)


def _cross_off(coming: dict[int, int], scan: bytes, *, progressive: bool) -> None:
    """Cross off the coefficients that a scan brings to their last bit (ITU-T T.81, B.2.3)."""
    count = scan[0] if scan else 0
    first, last, bits = scan[1 + 2 * count : 4 + 2 * count].ljust(3, b"\0")
    if not progressive:
        first, last, bits = 0, 63, 0
    if bits & 15 == 0:
        brought = sum(1 << n for n in range(first, min(last, 63) + 1))
        for component in scan[1 : 1 + 2 * count : 2]:
            coming[component] = coming.get(component, 0) & ~brought


def pixels_of_jpeg(
    data: bytes, space: str, at_least: tuple[int, int], *, where: str = ""
) -> np.ndarray | None:
    """Pixels of a JPEG whose every part is there.

    Parameters
    ----------
    data : bytes
        The JPEG, from its beginning to its end marker.
    space : str
        ``GRAY``, ``RGBX`` (as Pillow keeps colours: with a fourth byte) or ``CMYK``.
    at_least : tuple of int
        Width and height, in pixels, down to which the decoder may reduce on its way.

    Returns
    -------
    ndarray of uint8, shape ``(height, width, samples)``, or None
        None where this decoder does not know the layout.

    Raises
    ------
    ImageError
        ``truncated`` or ``corrupt``.
    """
    width, height = at_least
    strict = True
    for _ in range(2):
        try:
            pixels: np.ndarray = simplejpeg.decode_jpeg(
                data, space, min_width=width, min_height=height, strict=strict
            )
        except ValueError as error:
            said = str(error).lower()
            if any(words in said for words in _ODD_SAMPLING):
                return None
            if strict and (padded := _PADDED.search(said)):
                data = _without_padding(data, int(padded[1]), padded[2])
            elif strict and any(words in said for words in _HARMLESS):
                strict = False
            else:
                raise _refusal(str(error), where) from error
        else:
            return pixels
    what = "the JPEG's coded data end in the midst of other bytes"
    raise reject(RejectionKind.CORRUPT, what, where, _REFETCH)


def _without_padding(data: bytes, count: int, marker: str) -> bytes:
    """The same without what lies before the end marker, where that can be padding.

    Programs pad with zeros or ones. All of them go, since the first of them may have filled what
    was missing.
    """
    body, end = data[:-2], data[-2:]
    if marker == "d9" and set(body[-count:]) in ({0}, {255}):
        return body.rstrip(body[-1:]) + end
    return data


def _refusal(said: str, where: str) -> ImageError:
    if any(words in said.lower() for words in _CUT):
        return reject(RejectionKind.TRUNCATED, f"the JPEG is cut ({said})", where, _REFETCH)
    if "unsupported" in said.lower():
        todo = "Save it as an 8-bit JPEG, or as PNG."
        return reject(RejectionKind.UNSUPPORTED, f"the JPEG is not read here ({said})", where, todo)
    return reject(RejectionKind.CORRUPT, f"the JPEG cannot be decoded ({said})", where, _REFETCH)
