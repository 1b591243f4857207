"""PNGs of 16 bits a sample: every count, not the top byte alone.

Pillow keeps 16 bits of grey; of 16-bit colour it keeps the top byte, and that of linear counts is
black. Its decoder gives the low bytes too when the byte order is named the other way round.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import PngImagePlugin

from cosmic_morphology.imaging.formats.samples import Samples, check_decoded_bytes
from cosmic_morphology.imaging.orientation import orientation_of
from cosmic_morphology.imaging.sniff import ImageLimits

_GREY, _RGB, _GREY_ALPHA, _RGBA = 0, 2, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _GREY_ALPHA: 2, _RGBA: 4}


def is_deep(data: bytes) -> bool:
    """Whether the header of a PNG declares 16 bits a sample."""
    return data[24:25] == b"\x10" and data[25] in _SAMPLES


def read_samples(data: bytes, limits: ImageLimits, *, where: str = "") -> Samples:
    """Counts of a PNG of 16 bits a sample.

    Raises
    ------
    ImageError
        ``too_many_pixels``. What the decoder raises passes through.
    """
    kind = data[25]
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    check_decoded_bytes(2 * _SAMPLES[kind] * width * height, limits, where=where)
    image, counts = _counts(data, kind)
    opacity = None
    if kind in {_GREY_ALPHA, _RGBA}:
        opacity = counts[..., -1] / np.float32(65535)
        counts = counts[..., :-1]
    elif "transparency" in image.info:
        # One colour, in all its 16 bits, cannot be seen.
        hidden = np.all(counts == np.array(image.info["transparency"], np.uint16), axis=2)
        opacity = (~hidden).astype(np.float32)
    return Samples(
        counts=counts, opacity=opacity, orientation=orientation_of(image), said=image.info
    )


def _counts(data: bytes, kind: int) -> tuple[Any, np.ndarray]:
    """The image as opened, and its numbers of shape ``(height, width, samples)``."""
    if kind == _GREY:
        image, grey = _decoded(data, None)
        return image, grey[..., None]
    if kind == _GREY_ALPHA:
        # Two numbers of two bytes lie as the four samples of an 8-bit pixel do.
        image, four = _decoded(data, "RGBA")
        wide = four.astype(np.uint16)
        return image, np.stack(
            [wide[..., 0] << 8 | wide[..., 1], wide[..., 2] << 8 | wide[..., 3]], axis=2
        )
    name = "RGB" if kind == _RGB else "RGBA"
    image, high = _decoded(data, f"{name};16B")
    _, low = _decoded(data, f"{name};16L")
    counts = high.astype(np.uint16)
    counts <<= 8
    counts |= low
    return image, counts


def _decoded(data: bytes, raw_mode: str | None) -> tuple[Any, np.ndarray]:
    image = PngImagePlugin.PngImageFile(io.BytesIO(data))
    if raw_mode is not None:
        image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    return image, np.asarray(image)
