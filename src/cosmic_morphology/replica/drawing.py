"""Small images drawn on the fly: stand-ins where no image is given."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from cosmic_morphology.replica.catalogue import ArchiveRecord

_DISTINCT = 16
_JPEG_QUALITY = 85


class NumberedImages:
    """A few drawn skies, each record's made its own by a JPEG comment with its id.

    Parameters
    ----------
    side_px : int
        Side of every image, px.
    seed : int
        Seed of the drawing.
    """

    def __init__(self, side_px: int, seed: int) -> None:
        self.side_px = side_px
        self.seed = seed

    def read(self, record: ArchiveRecord) -> bytes:
        """The JPEG of one record: valid, and no two records' bytes are the same."""
        body = _sky(int(record.file) % _DISTINCT + _DISTINCT * self.seed, self.side_px)
        note = record.nasa_id.encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
        return body[:2] + comment + body[2:]


@lru_cache(maxsize=64)
def _sky(number: int, side_px: int) -> bytes:
    rng = np.random.default_rng(number)
    return as_jpeg(stars(rng, side_px, side_px, count=60))


def stars(rng: np.random.Generator, width: int, height: int, *, count: int) -> NDArray[np.uint8]:
    """A noisy field of point sources, shape ``(height, width, 3)``."""
    field = rng.normal(18, 4, size=(height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(count):
        x0, y0 = rng.uniform(0, width), rng.uniform(0, height)
        sigma, peak = rng.uniform(0.8, max(1.2, width / 40)), rng.exponential(120)
        spot = peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2))
        field += spot[..., None] * rng.uniform(0.6, 1.0, size=3)
    return np.clip(field, 0, 255).astype(np.uint8)


def as_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """``(height, width, 3)`` pixels as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


@lru_cache(maxsize=8)
def blank(width: int, height: int) -> bytes:
    """What a cutout service answers outside its coverage: one grey, as a JPEG."""
    return as_jpeg(np.full((height, width, 3), 33, dtype=np.uint8))


@lru_cache(maxsize=1)
def placeholder() -> bytes:
    """The one image that a dying archive answers for everything."""
    image = Image.new("RGB", (320, 240), (11, 61, 145))
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 20, 260, 220), outline=(255, 255, 255), width=6)
    pen.line((40, 200, 280, 60), fill=(252, 61, 33), width=10)
    pen.text((130, 110), "N A S A", fill=(255, 255, 255))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
