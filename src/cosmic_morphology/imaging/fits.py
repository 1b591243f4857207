"""FITS pictures: one or three planes of any numbers, stretched the way astronomers do."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from cosmic_morphology.imaging.decode import Decoded, refusals
from cosmic_morphology.imaging.guards import ImageLimits, PictureKind, check_size, refuse

# Longest side, in thumbnails, that is stretched; larger planes are averaged down first.
WORKING_SIDES = 2
# Warnings are switched off for the whole process while astropy reads a damaged header.
_WARNINGS = threading.Lock()


def decode_fits(data: bytes, limits: ImageLimits, *, where: str = "") -> Decoded:
    """Decode the first image of a FITS file.

    The first header unit with a picture counts: ``(height, width)``, ``(1, height, width)``, or
    ``(3, height, width)`` as red, green, blue. Each plane is clipped by ZScale and stretched by
    asinh (``astropy.visualization``); numbers that are not finite become black. The first row of
    a FITS image is its lowest (FITS standard 4.0, section 3.3.2), so the picture is flipped.

    Raises
    ------
    PictureError
        ``unsupported`` (no image, or a cube), ``too_many_pixels``, ``too_small``, ``truncated``,
        ``corrupt``.
    """
    from astropy.io import fits

    with refusals(where), _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=True) as units:
            unit = _first_image(units, where)
            height, width = unit.shape[-2:]
            check_size(width, height, limits, where=where)
            _check_complete(unit, data, where)
            planes = np.asarray(unit.data).reshape(-1, height, width)
        working_px = WORKING_SIDES * limits.thumbnail_side_px
        grey = [_stretched(_averaged(plane, working_px)) for plane in planes]
    pixels = grey[0] if len(grey) == 1 else np.dstack(grey)
    picture = Image.fromarray(np.ascontiguousarray(pixels[::-1]))
    return Decoded(picture=picture, width=width, height=height, untouched=False)


def _first_image(units: Any, where: str) -> Any:
    for unit in units:
        shape: Sequence[int] = getattr(unit, "shape", ())
        if not unit.is_image or len(shape) < 2 or not all(shape):
            continue
        if all(side == 1 for side in shape[:-2]) or (len(shape) == 3 and shape[0] == 3):
            return unit
        what = f"a FITS cube of shape {tuple(shape)}; one or three planes are taken"
        raise refuse(PictureKind.UNSUPPORTED, what, where, "Export one plane.")
    what = "the FITS file has no image, only headers or tables"
    raise refuse(PictureKind.UNSUPPORTED, what, where, "Export the image as its own file.")


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
        return np.asarray(plane, dtype=np.float32)
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
        return np.asarray(total / known, dtype=np.float32)


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
