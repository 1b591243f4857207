"""Small images and what arrives of them, drawn from a number."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cosmic_morphology.atlas import NewImage, Record


@dataclass(frozen=True)
class DrawnIntake:
    """What ingest_image would give, without the imaging room: tests of the atlas stand alone."""

    sha256: str
    thumbnail: bytes
    media_type: str = "image/jpeg"
    width: int = 48
    height: int = 40
    n_frames: int = 1
    phash: bytes = bytes(8)
    brightness: float = 0.2
    contrast: float = 0.1
    sharpness: float = 1.0
    blankness: float = 0.0
    colourfulness: float = 0.3


def draw_jpeg(seed: int, size: tuple[int, int] = (48, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()


def make_arrival(number: int, **said: object) -> NewImage:
    data = draw_jpeg(number)
    record = Record("nasa", f"x{number:03d}", **{"title": f"image {number}", **said})
    return NewImage(record, DrawnIntake(hashlib.sha256(data).hexdigest(), data), data)
