"""FITS pictures: one or three planes of any numbers, stretched the way astronomers do."""

from __future__ import annotations

import io
import threading
import warnings
from math import prod
from typing import Any

import numpy as np
from PIL import Image

from cosmic_morphology.imaging.decode import Decoded, refusals
from cosmic_morphology.imaging.fits_packed import check_tiles, unpacked
from cosmic_morphology.imaging.fits_unpacker import image_of_tiles
from cosmic_morphology.imaging.guards import ImageLimits, PictureKind, check_size, refuse
from cosmic_morphology.imaging.samples import check_decoded_bytes

# Longest side, in thumbnails, that is stretched; larger planes are averaged down first.
WORKING_SIDES = 2
# A file may hold thousands of header units without an image.
MAX_UNITS = 1000
# What astropy makes of scaled integers.
_LARGEST_PIXEL_BYTES = 8
# Warnings are switched off for the whole process while astropy reads a damaged header.
_WARNINGS = threading.Lock()


def decode_fits(data: bytes, limits: ImageLimits, *, where: str = "") -> Decoded:
    """Decode the first image of a FITS file, plain, compressed in tiles (``.fz``) or by gzip.

    The first header unit with an image counts: ``(height, width)``, ``(1, height, width)``, or
    ``(3, height, width)`` as red, green, blue. Each plane is clipped by ZScale and stretched by
    asinh (``astropy.visualization``); numbers that are not finite, or blank by the header, become
    black. The first row of a FITS image is its lowest (FITS standard 4.0, section 3.3.2), so the
    image is flipped, unless the header says ``ROWORDER = 'TOP-DOWN'``, as cameras' programs do.

    Raises
    ------
    PictureError
        ``unsupported`` (no image, or a cube), ``too_many_pixels``, ``too_small``, ``truncated``,
        ``corrupt``.
    """
    with refusals(where), _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = unpacked(data, limits, where=where)
        planes, header = _planes(data, limits, where)
        working_px = WORKING_SIDES * limits.thumbnail_side_px
        grey = [_stretched(_averaged(plane, working_px)) for plane in planes]
    pixels = grey[0] if len(grey) == 1 else np.dstack(grey)
    if str(header.get("ROWORDER", "")).strip().upper() != "TOP-DOWN":
        pixels = pixels[::-1]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    height, width = planes.shape[1:]
    return Decoded(picture=picture, width=width, height=height, untouched=False)


def _planes(data: bytes, limits: ImageLimits, where: str) -> tuple[np.ndarray, Any]:
    """Numbers of shape ``(1 or 3, height, width)``, NaN where blank, and their header."""
    from astropy.io import fits

    # Unsigned integers are not told apart, so that blank is heeded in them, too; and a compressed
    # image is opened as the table that it is.
    how = {"uint": False, "disable_image_compression": True, "lazy_load_hdus": True}
    with fits.open(io.BytesIO(data), memmap=False, **how) as units:
        at, unit, shape = _first_image(units, where)
        height, width = shape[-2:]
        check_size(width, height, limits, where=where)
        check_decoded_bytes(prod(shape) * _LARGEST_PIXEL_BYTES, limits, where=where)
        _check_complete(unit, data, where)
        blank = _blank_at_zero(unit.header)
        packed, header = unit.header.get("ZIMAGE") is True, unit.header
        if packed:
            check_tiles(unit, data, limits, where=where)
        else:
            planes = np.asarray(unit.data)
    if packed:
        planes = image_of_tiles(data, at, where=where)
    if blank is not None:
        planes = np.where(planes == blank, np.nan, planes)
    return planes.reshape(-1, height, width), header


def _blank_at_zero(header: Any) -> float | None:
    """The number that means blank where that is stored as zero, which astropy passes over."""
    if header.get("ZBITPIX", header["BITPIX"]) > 0 and header.get("BLANK") == 0:
        return float(header.get("BZERO", 0))
    return None


def _first_image(units: Any, where: str) -> tuple[int, Any, tuple[int, ...]]:
    """Number, unit and shape of the first image."""
    for at, unit in enumerate(units):
        if at == MAX_UNITS:
            break
        shape = _shape(unit)
        if len(shape) < 2 or not all(shape):
            continue
        axis = str(unit.header.get("CTYPE3", "")).strip().upper()
        is_colour = len(shape) == 3 and shape[0] == 3 and axis[:3] in {"", "RGB", "COL"}
        if is_colour or all(side == 1 for side in shape[:-2]):
            return at, unit, shape
        along = f" along {axis}" if axis else ""
        what = f"a FITS cube of shape {shape}{along}; one or three planes are taken"
        raise refuse(PictureKind.UNSUPPORTED, what, where, "Export one plane.")
    what = "the FITS file has no image, only headers or tables"
    raise refuse(PictureKind.UNSUPPORTED, what, where, "Export the image as its own file.")


def _shape(unit: Any) -> tuple[int, ...]:
    """Shape of an image, rows before columns; empty where the unit is none."""
    header = unit.header
    if header.get("ZIMAGE") is True:
        return tuple(int(header[f"ZNAXIS{n}"]) for n in range(int(header["ZNAXIS"]), 0, -1))
    return tuple(unit.shape) if unit.is_image else ()


def _check_complete(unit: Any, data: bytes, where: str) -> None:
    # The padding to 2,880 bytes may be missing, the data may not.
    end = unit.fileinfo()["datLoc"] + unit.size
    if end > len(data):
        what = f"the FITS header declares data up to byte {end:,}, there are {len(data):,}"
        raise refuse(PictureKind.TRUNCATED, what, where, "Fetch it again.")


def _averaged(plane: np.ndarray, side_px: int) -> np.ndarray:
    """Plane averaged in whole blocks down to about ``side_px``; unknown pixels do not count."""
    height, width = plane.shape
    factor = max(height, width) // side_px
    if factor < 2 or min(height, width) < factor:
        return np.asarray(plane, dtype=np.float64)
    rows, columns = height // factor, width // factor
    total = np.zeros((rows, columns), np.float64)
    known = np.zeros((rows, columns), np.int32)
    for y in range(factor):
        for x in range(factor):
            # One pixel of each block at a time: no copy of the whole plane.
            part = plane[y : rows * factor : factor, x : columns * factor : factor]
            finite = np.isfinite(part)
            total += np.where(finite, part, 0)
            known += finite
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / known)


def _stretched(plane: np.ndarray) -> np.ndarray:
    """Plane of uint8, clipped by ZScale and stretched by asinh."""
    from astropy.visualization import AsinhStretch, ZScaleInterval

    finite = np.isfinite(plane)
    if not finite.any():
        return np.zeros(plane.shape, np.uint8)
    with np.errstate(all="ignore"):
        low, high = ZScaleInterval().get_limits(plane)
        if not np.isfinite(high - low) or high <= low:
            low, high = float(plane[finite].min()), float(plane[finite].max())
        if not np.isfinite(high - low) or high <= low:
            return np.zeros(plane.shape, np.uint8)
        scaled = (np.clip(np.where(finite, plane, low), low, high) - low) / (high - low)
        return np.asarray(np.rint(AsinhStretch()(scaled) * 255), dtype=np.uint8)
