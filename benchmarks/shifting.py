"""Test pictures as another instrument or another hand would have left them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

SMALL_SIDE_PX = 64
BLUR_PX = 3.0
NOISE = 0.08
JPEG_QUALITY = 12


def shifted(thumbnail: bytes, number: int) -> bytes:
    """One of five changes, chosen by the picture's number."""
    picture = Image.open(io.BytesIO(thumbnail)).convert("RGB")
    change = (_grey, _blurred, _noisy, _small, _same)[number % 5]
    out = io.BytesIO()
    quality = JPEG_QUALITY if change is _same else 95
    change(picture, number).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _grey(picture: Image.Image, number: int) -> Image.Image:
    del number
    return picture.convert("L").convert("RGB")


def _blurred(picture: Image.Image, number: int) -> Image.Image:
    del number
    return picture.filter(ImageFilter.GaussianBlur(BLUR_PX))


def _noisy(picture: Image.Image, number: int) -> Image.Image:
    values = np.asarray(picture, np.float32) / 255
    noise = np.random.default_rng(number).normal(0, NOISE, values.shape)
    return Image.fromarray(((values + noise).clip(0, 1) * 255).astype(np.uint8))


def _small(picture: Image.Image, number: int) -> Image.Image:
    del number
    small = picture.copy()
    small.thumbnail((SMALL_SIDE_PX, SMALL_SIDE_PX))
    return small


def _same(picture: Image.Image, number: int) -> Image.Image:
    del number
    return picture
