"""The files of an archive: originals and their renditions, made once and kept while they fit."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image

from cosmic_morphology.replica.catalogue import ArchiveCatalogue, ArchiveRecord
from cosmic_morphology.replica.quirks import Quirks

WIDTHS_PX = {"thumb": 640, "small": 640, "medium": 1280, "large": 1920}
"""Widths of the library's renditions; a smaller original is passed on as it is."""

_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
}
_MODIFIED = b"Wed, 01 Jan 2025 00:00:00 GMT"
_JPEG_QUALITY = 88
_MAX_SHAPES = 200_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What a link says of a file: width and height in px (0: unknown) and size in bytes."""

    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class FileBody:
    """One file, ready to be sent."""

    body: bytes
    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]


# Bodies are kept in memory up to this many bytes; the oldest leave first.
_KEPT_BYTES = 128_000_000


class Images:
    """Renditions of the holdings' images, by record and name.

    Parameters
    ----------
    holdings : ArchiveCatalogue
        Where the originals are.
    quirks : Quirks
        Which originals are TIFF, which images opt out.
    """

    def __init__(self, holdings: ArchiveCatalogue, quirks: Quirks) -> None:
        self._holdings = holdings
        self._quirks = quirks
        self._kept: OrderedDict[tuple[str, str], FileBody] = OrderedDict()
        self._kept_bytes = 0
        self._shapes: dict[tuple[str, str], Shape] = {}

    def suffix(self, record: ArchiveRecord, rendition: str) -> str:
        """The ending of a rendition's file name, with its dot."""
        if rendition != "orig":
            return ".jpg"
        if self._quirks.has("tif_original", record.nasa_id) and not self.alone(record):
            return ".tif"
        return suffix_of(record)

    def names(self, record: ArchiveRecord) -> list[str]:
        """The renditions that a record has, the original first."""
        return ["orig"] if self.alone(record) else ["orig", *reversed(WIDTHS_PX)]

    def alone(self, record: ArchiveRecord) -> bool:
        """Whether the original is the record's only file."""
        return self._quirks.has("canonical_only", record.nasa_id)

    def served(self, record: ArchiveRecord, rendition: str) -> FileBody:
        """The file of a rendition.

        Raises
        ------
        FileNotFoundError
            The record has no such file.
        """
        return self._file(record, self._body(record, rendition))

    def shape(self, record: ArchiveRecord, rendition: str) -> Shape | None:
        """Width, height and size of a rendition's file; None where there is no such file."""
        try:
            return self._shape(record, self._body(record, rendition))
        except FileNotFoundError:
            return None

    def scaled(self, record: ArchiveRecord, width_px: int) -> FileBody:
        """The image at a width, or as it is where it is not wider.

        Raises
        ------
        FileNotFoundError
            The record has no image.
        """
        fits = self._shape(record, "source").width <= width_px
        return self._file(record, "source" if fits else str(width_px))

    def source(self, record: ArchiveRecord) -> Shape | None:
        """Width, height and size of the image as it was given; None without one."""
        try:
            return self._shape(record, "source")
        except FileNotFoundError:
            return None

    def _body(self, record: ArchiveRecord, rendition: str) -> str:
        """Which body a rendition is: a small JPEG is passed on as it is under all names."""
        if rendition == "orig":
            return "tiff" if self.suffix(record, rendition) == ".tif" else "source"
        if rendition not in WIDTHS_PX or self.alone(record):
            raise FileNotFoundError(rendition)
        fits = self._shape(record, "source").width <= WIDTHS_PX[rendition]
        return "source" if fits and suffix_of(record) in (".jpg", ".jpeg") else rendition

    def _shape(self, record: ArchiveRecord, body: str) -> Shape:
        key = (record.nasa_id, body)
        shape = self._shapes.get(key)
        if shape is None:
            content = self._file(record, body).body
            shape = Shape(*_sides(content), len(content))
            if len(self._shapes) > _MAX_SHAPES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape

    def _file(self, record: ArchiveRecord, body: str) -> FileBody:
        key = (record.nasa_id, body)
        file = self._kept.get(key)
        if file is None:
            file = self._kept[key] = self._made(record, body)
            self._kept_bytes += len(file.body)
            while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._kept_bytes -= len(old.body)
        return file

    def _made(self, record: ArchiveRecord, body: str) -> FileBody:
        original = self._holdings.read(record)
        opt_out = self._quirks.has("opt_out", record.nasa_id)
        if body == "source":
            return served(original, _TYPES[suffix_of(record)], opt_out=opt_out)
        if body == "tiff":
            return served(_as_tiff(original), _TYPES[".tif"], opt_out=opt_out)
        width_px = WIDTHS_PX.get(body) or int(body)
        return served(_scaled(original, width_px), _TYPES[".jpg"], opt_out=opt_out)


def served(body: bytes, media_type: str, *, opt_out: bool = False) -> FileBody:
    """Bytes with the headers that every file of the archive carries."""
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'.encode()
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"etag", etag),
        (b"last-modified", _MODIFIED),
        (b"accept-ranges", b"bytes"),
    ]
    if opt_out:
        headers.append((b"x-robots-tag", b"noai, noimageai"))
    return FileBody(body, etag, tuple(headers))


def suffix_of(record: ArchiveRecord) -> str:
    """The ending of a record's file, with its dot; ``.jpg`` where it has none."""
    found = "." + record.file.rpartition(".")[2].lower()
    return found if found in _TYPES else ".jpg"


def _sides(body: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(body)) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        # A broken image is served as it is: whoever fetches it must find out.
        return 0, 0


def _scaled(original: bytes, width_px: int) -> bytes:
    try:
        with Image.open(io.BytesIO(original)) as image:
            if image.width <= width_px and image.format == "JPEG":
                return original
            image.draft("RGB", (width_px, width_px))
            height_px = max(1, round(image.height * width_px / image.width))
            small = image.convert("RGB")
            if image.width > width_px:
                small = small.resize(
                    (width_px, height_px), Image.Resampling.BILINEAR, reducing_gap=2
                )
            return _saved(small, "JPEG")
    except (OSError, ValueError, Image.DecompressionBombError):
        return original


def _as_tiff(original: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(original)) as image:
            return _saved(image.convert("RGB"), "TIFF")
    except (OSError, ValueError, Image.DecompressionBombError):
        return original


def _saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "JPEG":
        image.save(buffer, kind, quality=_JPEG_QUALITY)
    else:
        image.save(buffer, kind, compression="tiff_deflate")
    return buffer.getvalue()
