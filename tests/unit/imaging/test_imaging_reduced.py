"""Reducing images: the hash's sample level for level, and thumbnails near those of all pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.imaging.sample import sample_levels
from cosmic_morphology.imaging.thumbnail import read_thumbnail
from cosmic_morphology.replica.drawing import stars

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    "size",
    [(512, 512), (512, 341), (341, 512), (129, 128), (640, 960), (640, 961), (200, 900), (33, 40),
     (2688, 131), (2689, 131), (1001, 777)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["noise", "extremes", "sky"])
def test_the_sample_is_that_of_pillow_level_for_level(size, kind):
    width, height = size
    levels = RNG.integers(0, 256, (height, width), dtype=np.uint8)
    if kind == "extremes":
        levels = np.where(levels > 127, 255, 0).astype(np.uint8)
    if kind == "sky":
        levels = stars(RNG, width, height, count=9)[..., 0]
    grey = Image.fromarray(levels)
    expected = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS))
    assert np.array_equal(sample_levels(grey), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1600, 1100), (1283, 1999)])
def test_a_large_jpeg_is_reduced_as_all_its_pixels_would_be(size, orientation):
    """A half full block at the edge must not stretch the rest, whichever way up the image is."""
    coarse = RNG.integers(0, 256, (size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
    sky = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    sky.save(out, "JPEG", quality=92, exif=exif)
    got = ingest_image(out.getvalue())
    upright = Image.open(out)
    whole = {
        2: (Image.Transpose.FLIP_LEFT_RIGHT,),
        3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,),
        5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_270,),
        7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_90,),
    }
    for turn in whole.get(orientation, ()):
        upright = upright.transpose(turn)
    assert (got.width, got.height) == upright.size
    shown = read_thumbnail(got.thumbnail)
    expected = np.asarray(upright.resize(shown.shape[1::-1], Image.Resampling.LANCZOS))
    # Both once through the thumbnail's own JPEG.
    out = io.BytesIO()
    Image.fromarray(expected).save(out, "JPEG", quality=90)
    expected = read_thumbnail(out.getvalue())
    error = np.mean((shown.astype(float) - expected) ** 2)
    assert 10 * np.log10(255**2 / error) > 39  # 29 where the half block stretches it


def test_what_was_appended_to_a_jpeg_is_not_taken_over():
    out = io.BytesIO()
    Image.fromarray(stars(RNG, 90, 80, count=4)).save(out, "JPEG")
    assert ingest_image(out.getvalue() + b"secret").thumbnail == out.getvalue()
