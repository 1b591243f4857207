"""Guards for FITS files that are packed: gzip around the file, or tiles inside it.

What they unpack to is bounded before anything is unpacked in full.
"""

from __future__ import annotations

import gzip
import io
import zlib
from math import prod
from typing import Any

import numpy as np

from cosmic_morphology.imaging.formats.samples import check_decoded_bytes
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, reject

# Tiles are unpacked one by one in Python; by custom a tile is a row.
MAX_TILES = 100_000
_LARGEST_PIXEL_BYTES = 8
_ITEM_BYTES = {"B": 1, "I": 2, "J": 4, "E": 4, "D": 8}
_GZIP, _GZIP_HEADER = b"\x1f\x8b", 31
_REFETCH = "Fetch it again."


def unpacked(data: bytes, limits: ImageLimits, *, where: str = "") -> bytes:
    """The FITS file inside a gzip file; a plain one as it is.

    Raises
    ------
    ImageError
        ``too_many_pixels``, ``truncated``, ``corrupt``.
    """
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            plain = stream.read(limits.max_decoded_bytes + 1)
    except EOFError as error:
        what = f"the gzip file stops after {len(data):,} bytes without its end"
        raise reject(RejectionKind.TRUNCATED, what, where, _REFETCH) from error
    except (OSError, zlib.error) as error:
        what = f"the gzip file is damaged ({error})"
        raise reject(RejectionKind.CORRUPT, what, where, _REFETCH) from error
    check_decoded_bytes(len(plain), limits, where=where)
    return plain


def check_tiles(table: Any, data: bytes, limits: ImageLimits, *, where: str = "") -> None:
    """Refuse a compressed image whose tiles are too many, too large or lie outside of the file.

    Parameters
    ----------
    table : astropy.io.fits.BinTableHDU
        The compressed image as the table that it is (FITS standard 4.0, section 10.1).
    data : bytes
        The whole file.

    Raises
    ------
    ImageError
        ``too_many_pixels``, ``unsupported``, ``corrupt``.
    """
    header = table.header
    pixels = prod(int(header[f"ZNAXIS{n}"]) for n in range(1, int(header["ZNAXIS"]) + 1))
    check_decoded_bytes(pixels * abs(int(header["ZBITPIX"])) // 8, limits, where=where)
    n_tiles, row_bytes = int(header["NAXIS2"]), int(header["NAXIS1"])
    if n_tiles > MAX_TILES:
        what = f"the FITS image is packed in {n_tiles:,} tiles; at most {MAX_TILES:,} are unpacked"
        raise reject(RejectionKind.UNSUPPORTED, what, where, "Unpack it with funpack.")
    heap_at = int(header.get("THEAP", n_tiles * row_bytes))
    begins = table.fileinfo()["datLoc"]
    heap = memoryview(data)[begins + heap_at : begins + table.size]
    places = table.data.view(np.ndarray)
    budget = pixels * _LARGEST_PIXEL_BYTES
    for column in table.columns:
        form = column.format.removeprefix("1")
        if form[:1] not in {"P", "Q"}:
            continue
        tiles = places[column.name].astype(np.int64).reshape(-1, 2)
        tiles[:, 0] *= _ITEM_BYTES[form[1]]
        if tiles.size and (tiles.min() < 0 or tiles.sum(axis=1).max() > len(heap)):
            what = "a tile of the FITS image lies outside of its file"
            raise reject(RejectionKind.CORRUPT, what, where, _REFETCH)
        if column.name == "GZIP_COMPRESSED_DATA" or str(header["ZCMPTYPE"]).startswith("GZIP"):
            _check_inflated(heap, tiles, budget, where)


def _check_inflated(heap: memoryview, tiles: np.ndarray, budget: int, where: str) -> None:
    """Refuse tiles packed by gzip that unpack to more than their image has room for."""
    for size, at in tiles.tolist():
        packed = heap[at : at + size]
        if bytes(packed[:2]) != _GZIP:
            continue
        try:
            budget -= len(zlib.decompressobj(_GZIP_HEADER).decompress(packed, budget + 1))
        except zlib.error as error:
            what = f"a tile of the FITS image is damaged ({error})"
            raise reject(RejectionKind.CORRUPT, what, where, _REFETCH) from error
        if budget < 0:
            what = "a tile of the FITS image unpacks to more than the image has room for"
            raise reject(RejectionKind.TOO_MANY_PIXELS, what, where, _REFETCH)
