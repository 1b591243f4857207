"""Test images as another instrument or another hand would have left them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from cosmic_morphology.stats.fusion import Fusion

if TYPE_CHECKING:
    from cosmic_morphology.learn import Predictor

SMALL_SIDE_PX = 64
BLUR_PX = 3.0
NOISE = 0.08
JPEG_QUALITY = 12
# Raise it when the same image is changed in another way.
_CODE = "1"


def shifted(thumbnail: bytes, number: int) -> bytes:
    """One of five changes, chosen by the image's number.

    Grey, blurred, noisy, 64 px small, or strongly compressed.
    """
    image = Image.open(io.BytesIO(thumbnail)).convert("RGB")
    change = (_grey, _blurred, _noisy, _small, _same)[number % 5]
    out = io.BytesIO()
    quality = JPEG_QUALITY if change is _same else 95
    change(image, number).save(out, "JPEG", quality=quality)
    return out.getvalue()


@dataclass(slots=True)
class CorruptedInputs:
    """A model that is shown each image with one change, which the image's bytes choose."""

    predictor: Predictor
    name: str
    classes: tuple[str, ...]
    reject_below: float
    fusion: Fusion | None = None

    @classmethod
    def of(cls, predictor: Predictor) -> CorruptedInputs:
        """The model behind changed images."""
        return cls(predictor, predictor.name, predictor.classes, predictor.reject_below)

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities, float32 of shape ``(N, K)``; an image that cannot be read gets NaN."""
        return self.predictor.predict([_changed(each) for each in thumbnails])

    def fingerprint(self) -> str:
        """Hash of everything that decides over an answer."""
        return f"{self.predictor.fingerprint()} shifted {_CODE}"


def _changed(thumbnail: bytes) -> bytes:
    number = int.from_bytes(hashlib.sha256(thumbnail).digest()[:4])
    try:
        return shifted(thumbnail, number)
    except OSError:
        return thumbnail  # the model says that it cannot be read


def _grey(image: Image.Image, number: int) -> Image.Image:
    del number
    return image.convert("L").convert("RGB")


def _blurred(image: Image.Image, number: int) -> Image.Image:
    del number
    return image.filter(ImageFilter.GaussianBlur(BLUR_PX))


def _noisy(image: Image.Image, number: int) -> Image.Image:
    values = np.asarray(image, np.float32) / 255
    noise = np.random.default_rng(number).normal(0, NOISE, values.shape)
    return Image.fromarray(((values + noise).clip(0, 1) * 255).astype(np.uint8))


def _small(image: Image.Image, number: int) -> Image.Image:
    del number
    small = image.copy()
    small.thumbnail((SMALL_SIDE_PX, SMALL_SIDE_PX))
    return small


def _same(image: Image.Image, number: int) -> Image.Image:
    del number
    return image
