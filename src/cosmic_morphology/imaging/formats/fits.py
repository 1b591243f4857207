"""FITS images: one or three planes of any numbers, stretched the way astronomers do."""

from __future__ import annotations

import io
import threading
import warnings
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np
from PIL import Image

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.decode import Decoded, rejections
from cosmic_morphology.imaging.formats.fits_choice import (
    MAX_LOOKED_AT,
    check_planes,
    images_by_rank,
    nothing_on,
    numbers_of_mask,
    shape_of,
    varies,
)
from cosmic_morphology.imaging.formats.fits_packed import check_tiles, unpacked
from cosmic_morphology.imaging.formats.fits_unpacker import image_of_tiles
from cosmic_morphology.imaging.formats.samples import check_decoded_bytes
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, check_size, reject

# Longest side, in thumbnails, that is stretched; larger planes are averaged down first.
WORKING_SIDES = 2
# What astropy makes of scaled integers.
_LARGEST_PIXEL_BYTES = 8
# Larger numbers than this may be further apart than a float can say.
_LARGEST_SPAN = 1e150
# Warnings are switched off for the whole process while astropy reads a damaged header.
_WARNINGS = threading.Lock()


def decode_fits(data: bytes, limits: ImageLimits, *, where: str = "") -> Decoded:
    """Decode the image of a FITS file, plain, compressed in tiles (``.fz``) or by gzip.

    The first image whose numbers differ counts, one named ``SCI`` before all others, and what is
    named a mask, an error or a weight never: ``(height, width)``, ``(1, height, width)``, or
    ``(3, height, width)`` as red, green, blue. Each plane is clipped by ZScale and stretched by
    asinh (``astropy.visualization``); numbers that are not finite, or blank by the header, become
    black. The first row of a FITS image is its lowest (FITS standard 4.0, section 3.3.2), so the
    image is flipped, unless the header says ``ROWORDER = 'TOP-DOWN'``, as cameras' programs do.

    Raises
    ------
    ImageError
        ``unsupported`` (no image, or a cube), ``blank``, ``too_many_pixels``, ``too_small``,
        ``truncated``, ``corrupt``.
    """
    with rejections(where), _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = unpacked(data, limits, where=where)
        planes, header = _planes(data, limits, where)
        working_px = WORKING_SIDES * limits.thumbnail_side_px
        grey = [_stretched(_averaged(plane, working_px)) for plane in planes]
    if not any(plane.any() for plane in grey):
        raise nothing_on(where)
    pixels = grey[0] if len(grey) == 1 else np.dstack(grey)
    if str(header.get("ROWORDER", "")).strip().upper() != "TOP-DOWN":
        pixels = pixels[::-1]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    height, width = planes.shape[1:]
    return Decoded(image=image, width=width, height=height, untouched=False)


def _planes(data: bytes, limits: ImageLimits, where: str) -> tuple[np.ndarray, Any]:
    """Numbers of shape ``(1 or 3, height, width)``, NaN where blank, and their header."""
    from astropy.io import fits

    # Unsigned integers are not told apart, so that blank is heeded in them, too; and a compressed
    # image is opened as the table that it is.
    how = {"uint": False, "disable_image_compression": True, "lazy_load_hdus": True}
    with fits.open(io.BytesIO(data), memmap=False, **how) as units:
        small: ImageError | None = None
        like_masks, blanks = [], 0
        ranked = images_by_rank(units, where)
        for at, unit in ranked:
            try:
                planes = _numbers(data, (at, unit), limits, where)
            except ImageError as error:
                if error.kind != RejectionKind.TOO_SMALL:
                    raise
                small = small or error
                continue
            if varies(planes):
                numbers = numbers_of_mask(planes) if len(ranked) > 1 else 0
                if not numbers:
                    return planes, unit.header
                like_masks.append((numbers, (at, unit)))
            else:
                blanks += 1
            if blanks + len(like_masks) == MAX_LOOKED_AT:
                break
        if like_masks:  # and nothing that is more like an image
            _, image = max(like_masks, key=itemgetter(0))
            return _numbers(data, image, limits, where), image[1].header
        raise small if small and not blanks else nothing_on(where)


def _numbers(data: bytes, image: tuple[int, Any], limits: ImageLimits, where: str) -> np.ndarray:
    """Numbers of one unit, of shape ``(1 or 3, height, width)``, NaN where blank."""
    at, unit = image
    shape = shape_of(unit)
    check_planes(shape, unit.header, where)
    height, width = shape[-2:]
    check_size(width, height, limits, where=where)
    check_decoded_bytes(prod(shape) * _LARGEST_PIXEL_BYTES, limits, where=where)
    _check_complete(unit, data, where)
    blank = _blank_at_zero(unit.header)
    if unit.header.get("ZIMAGE") is True:
        check_tiles(unit, data, limits, where=where)
        planes = image_of_tiles(data, at, where=where)
    else:
        planes = np.asarray(unit.data)
        del unit.data  # astropy keeps it otherwise, beside the planes that are looked at next
    if blank is not None:
        planes = np.where(planes == blank, np.nan, planes)
    return planes.reshape(-1, height, width)


def _blank_at_zero(header: Any) -> float | None:
    """The number that means blank where that is stored as zero, which astropy passes over."""
    if header.get("ZBITPIX", header["BITPIX"]) > 0 and header.get("BLANK") == 0:
        return float(header.get("BZERO", 0))
    return None


def _check_complete(unit: Any, data: bytes, where: str) -> None:
    # The padding to 2,880 bytes may be missing, the data may not.
    end = unit.fileinfo()["datLoc"] + unit.size
    if end > len(data):
        what = f"the FITS header declares data up to byte {end:,}, there are {len(data):,}"
        raise reject(RejectionKind.TRUNCATED, what, where, "Fetch it again.")


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
    largest = np.abs(plane[finite]).max()
    if largest > _LARGEST_SPAN:
        plane = plane / largest
    with np.errstate(all="ignore"):
        low, high = ZScaleInterval().get_limits(plane)
        if not np.isfinite(high - low) or high <= low:
            low, high = float(plane[finite].min()), float(plane[finite].max())
        if not np.isfinite(high - low) or high <= low:
            return np.zeros(plane.shape, np.uint8)
        scaled = (np.clip(np.where(finite, plane, low), low, high) - low) / (high - low)
        return np.asarray(np.rint(AsinhStretch()(scaled) * 255), dtype=np.uint8)
