"""The first look at bytes: what they are by their own word, and whether they may be decoded.

Names, extensions and ``Content-Type`` headers are never asked: archives serve HTML error pages
as ``.jpg`` with status 200, and placeholders as images.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from enum import StrEnum

from cosmic_morphology.errors import ImageError

TEXT_HEAD_BYTES = 4096
PRINTABLE_SHARE_OF_TEXT = 0.95


class RejectionKind(StrEnum):
    """Why bytes were refused (the table is in :mod:`cosmic_morphology.imaging`)."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    SVG = "svg"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BLANK = "blank"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"


@dataclass(frozen=True)
class ImageLimits:
    """What may come in, and how large its thumbnail is.

    Attributes
    ----------
    max_bytes : int
        Largest body, in bytes.
    max_pixels : int
        Largest image, in pixels (width times height), decided from the header before decoding.
    min_side_px : int
        Shortest side that is still an image, in pixels.
    thumbnail_side_px : int
        Longest side of the thumbnail, in pixels; smaller images are not enlarged.
    max_decoded_bytes : int
        What an image deeper than 8 bits, or a compressed FITS file, may unpack to, in bytes.
    max_metadata_bytes : int
        What the compressed texts and colour profiles of a PNG may unpack to, in bytes.
    max_frames_counted : int
        Where the counting of frames and pages stops.
    """

    max_bytes: int = 60_000_000
    max_pixels: int = 120_000_000
    min_side_px: int = 8
    thumbnail_side_px: int = 512
    max_decoded_bytes: int = 480_000_000
    max_metadata_bytes: int = 1024**2
    max_frames_counted: int = 10_000


def media_type_of(data: bytes, *, where: str = "") -> str:
    r"""Media type of an image, from its signature.

    Parameters
    ----------
    data : bytes
        The whole body (only its head is read).
    where : str
        Id, URL or path for the message of the error.

    Returns
    -------
    str
        One of the media types that :func:`~cosmic_morphology.imaging.ingest_image` decodes.

    Raises
    ------
    ImageError
        ``empty``, ``svg``, ``unsupported`` or ``not_an_image``.

    Examples
    --------
    >>> media_type_of(b"\xff\xd8\xff\xe0" + bytes(16))
    'image/jpeg'
    """
    if not data:
        raise reject(RejectionKind.EMPTY, "the file has zero bytes", where, "Fetch it again.")
    for signature, media_type in _IMAGES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(_GZIP) and _gunzipped_head(data).startswith(_FITS):
        return "image/fits+gzip"
    raise _unrecognised(data, where)


def check_bytes(data: bytes, limits: ImageLimits, *, where: str = "") -> None:
    """Refuse a body that is larger than allowed (``too_large``)."""
    if len(data) > limits.max_bytes:
        what = f"the file has {len(data):,} bytes; at most {limits.max_bytes:,} are taken in"
        todo = "Take a smaller rendition, or raise max_bytes."
        raise reject(RejectionKind.TOO_LARGE, what, where, todo)


def check_size(width: int, height: int, limits: ImageLimits, *, where: str = "") -> None:
    """Refuse images with too many or too few pixels (``too_many_pixels``, ``too_small``).

    Parameters
    ----------
    width, height : int
        Size that the header declares, in pixels.
    """
    if width * height > limits.max_pixels:
        what = (
            f"the header declares {width:,} x {height:,} px; "
            f"at most {limits.max_pixels:,} px are decoded"
        )
        todo = "Take a smaller rendition, or raise max_pixels."
        raise reject(RejectionKind.TOO_MANY_PIXELS, what, where, todo)
    if min(width, height) < limits.min_side_px:
        what = f"{width} x {height} px is below {limits.min_side_px} px a side"
        raise reject(RejectionKind.TOO_SMALL, what, where, "Take a larger rendition.")


def reject(kind: RejectionKind, what: str, where: str, todo: str) -> ImageError:
    """The error of one refusal, for the caller to raise."""
    return ImageError(kind, what, where=where, todo=todo)


_FITS = b"SIMPLE  ="
_GZIP = b"\x1f\x8b"
_IMAGES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"BM", "image/bmp"),
    (_FITS, "image/fits"),
)

_UNSUPPORTED = (
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"%!PS", "a PostScript document"),
    (b"XISF0100", "a PixInsight (XISF) image"),
    (b"LUCAM-RECORDER", "a video of a planetary camera (SER)"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIRS", "a camera's raw file"),
    (b"IIU\x00", "a camera's raw file"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance (HDR) image"),
    (b"PF\n", "a portable float map"),
    (b"Pf\n", "a portable float map"),
)

_STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")

_NOT_IMAGES = (
    (b"%PDF", "a PDF document"),
    (_GZIP, "a gzip archive of no FITS file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"\x00\x00\x01\xba", "an MPEG video"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def _gunzipped_head(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data[:TEXT_HEAD_BYTES], len(_FITS))
    except zlib.error:
        return b""


def _unrecognised(data: bytes, where: str) -> ImageError:
    """What bytes without a known image signature are refused as."""
    if name := _unsupported_name(data):
        return _unsupported(name, where)
    if data[4:8] == b"ftyp":
        return _no_image("a video (MP4 or QuickTime)", where)
    if data[:4] == b"RIFF":
        return _no_image("a RIFF recording (WAV or AVI)", where)
    for signature, name in _NOT_IMAGES:
        if data.startswith(signature):
            return _no_image(name, where)
    return _stranger_text(data, where)


def _unsupported_name(data: bytes) -> str | None:
    for signature, name in _UNSUPPORTED:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in _STILL_BRANDS:
        return "an AVIF or HEIC image"
    if re.match(rb"P[1-7][\s#]", data[:3]):
        return "a portable bitmap, graymap or pixmap"
    return None


def _stranger_text(data: bytes, where: str) -> ImageError:
    head = _text(data[:TEXT_HEAD_BYTES])
    if head is None:
        return _no_image("of no known kind", where)
    element = _first_element(head)
    if element == "svg":
        what = "the body is an SVG drawing, which may carry scripts and has no pixels"
        return reject(RejectionKind.SVG, what, where, "Take the PNG or JPEG rendition.")
    if element in {"html", "head", "body", "!doctype html"}:
        return _no_image("an HTML page", where)
    if element is not None:
        return _no_image("an XML document", where)
    return _no_image("a JSON document" if _is_json(data, head) else "plain text", where)


def _unsupported(name: str, where: str) -> ImageError:
    todo = "Convert it to JPEG, PNG, TIFF or FITS."
    return reject(RejectionKind.UNSUPPORTED, f"{name} cannot be decoded here", where, todo)


def _no_image(name: str, where: str) -> ImageError:
    todo = "Look at what the address really serves."
    return reject(RejectionKind.NOT_AN_IMAGE, f"the body is {name}, not an image", where, todo)


def _text(head: bytes) -> str | None:
    """The head as text, or None where it is not text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return head[2 : len(head) & ~1].decode(encoding, errors="replace")
    if b"\x00" in head:
        return None
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    readable = sum(c.isprintable() or c.isspace() for c in text)
    return text if readable >= PRINTABLE_SHARE_OF_TEXT * len(text) else None


# An XML declaration, comments and processing instructions may stand before the first element.
_BEFORE_ELEMENT = re.compile(
    r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE\s+svg[^>\[]*(?:\[.*?\]\s*)?>\s*)*",
    re.DOTALL | re.IGNORECASE,
)
_ELEMENT = re.compile(r"<(?:(!doctype\s+html)|(?:\w+:)?(\w+))", re.IGNORECASE)


def _first_element(text: str) -> str | None:
    """Lower-case name of the first element of an HTML or XML text, None where there is none."""
    before = _BEFORE_ELEMENT.match(text)
    element = _ELEMENT.match(text, before.end() if before else 0)
    if element is None:
        return None
    return "!doctype html" if element[1] else element[2].lower()


def _is_json(data: bytes, head: str) -> bool:
    if not head.lstrip().startswith(("{", "[")):
        return False
    if len(data) > TEXT_HEAD_BYTES:
        return True
    try:
        json.loads(data)
    except ValueError:
        return False
    except RecursionError:  # nested deeper than the parser goes, and JSON so far
        return True
    return True
