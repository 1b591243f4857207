"""Registering two images: what makes it fast gives the same, and gives up only on other images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cosmic_morphology.curate.duplicates import registration
from cosmic_morphology.curate.duplicates.keypoint_index import ORIENTATIONS
from cosmic_morphology.curate.duplicates.keypoints import _around
from cosmic_morphology.curate.duplicates.registration import EVEN, LUMINANCE, Levels, compare
from cosmic_morphology.curate.duplicates.transforms import IDENTITY, SimilarityTransform


def texture(seed: int, height: int = 150, width: int = 180) -> np.ndarray:
    rng = np.random.default_rng(seed)
    waves = [
        ndimage.gaussian_filter(rng.normal(size=(height, width, 3)), (s, s, 0)) for s in (2, 6)
    ]
    levels = sum(wave / wave.std() for wave in waves)
    return np.clip(110 + 35 * levels, 0, 255).astype(np.uint8)


@pytest.fixture
def rounds(monkeypatch) -> list[str]:
    """Grows with each look at how alike two images are."""
    calls, real = [], registration._correlation

    def counted(*images):
        calls.append("looked")
        return real(*images)

    monkeypatch.setattr(registration, "_correlation", counted)
    return calls


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_shifted_copy_is_registered_in_any_orientation(orientation):
    pixels = texture(1)
    transposed, left_right, top_bottom = orientation
    turned = pixels[:: -1 if top_bottom else 1, :: -1 if left_right else 1]
    turned = turned.swapaxes(0, 1) if transposed else turned
    width, height = (pixels.shape[1], pixels.shape[0])
    longest = max(width, height)
    back_x, back_y = left_right * width / longest, top_bottom * height / longest
    back_x, back_y = (back_y, back_x) if transposed else (back_x, back_y)
    # Two and three pixels off, as keypoints are.
    found = compare(
        Levels(pixels),
        Levels(turned),
        SimilarityTransform(orientation, 1.0, back_x + 2 / longest, back_y - 3 / longest, 5),
    )
    assert found is not None
    assert found.is_copy
    assert found.similarity > 0.95


def test_different_images_are_given_up_at_once(rounds):
    images = [Levels(texture(seed)) for seed in range(2, 8)]
    for one, other in zip(images[::2], images[1::2], strict=True):
        rounds.clear()
        assert compare(one, other, IDENTITY) is None
        # Of two starts, each with eight steps and more.
        assert len(rounds) <= 4


def test_what_is_known_of_an_image_is_that_of_its_pixels():
    pixels = texture(9)
    known = Levels(pixels)
    assert known.shape == pixels.shape[:2]
    for even, weights in ((True, EVEN), (False, LUMINANCE)):
        grey = (pixels @ weights).astype(np.float32)
        wanted = ndimage.gaussian_filter(grey, 1.2, mode="nearest", truncate=3.0)
        assert np.abs(known.smoothed(1.2, even=even) - wanted).max() < 1e-3
        assert known.smoothed(1.21, even=even) is known.smoothed(1.2, even=even)
    assert not known.has_no_colour
    assert Levels(np.repeat(pixels[..., :1], 3, axis=2)).has_no_colour


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_a_quantile_is_that_of_numpy(share):
    values = np.random.default_rng(4).normal(size=(7, 9)).astype(np.float32)
    assert registration._quantile(values, share) == pytest.approx(np.quantile(values, share))


def test_extremes_are_those_of_filters():
    stack = np.random.default_rng(5).integers(0, 9, (5, 12, 14)).astype(np.float32)
    inner = (slice(1, -1),) * 3
    assert np.array_equal(_around(stack, np.maximum), ndimage.maximum_filter(stack, 3)[inner])
    assert np.array_equal(_around(stack, np.minimum), ndimage.minimum_filter(stack, 3)[inner])
