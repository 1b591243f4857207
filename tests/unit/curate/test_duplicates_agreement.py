"""When two images that lie over each other are one, and when they only show the same stars."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cosmic_morphology.curate.duplicates.similarity import measure_similarity

SIDE_PX = 160


def stars(seed: int, width_px: float = 0.8) -> np.ndarray:
    """A field of 400 stars, in grey levels."""
    rng = np.random.default_rng(seed)
    field = np.zeros((SIDE_PX, SIDE_PX))
    at = rng.integers(0, SIDE_PX, (2, 400))
    np.add.at(field, tuple(at), rng.exponential(900, 400))
    return ndimage.gaussian_filter(field, width_px)


def clouds(seed: int) -> np.ndarray:
    """Soft structure of ten pixels and more, in grey levels."""
    noise = np.random.default_rng(seed).normal(size=(SIDE_PX, SIDE_PX))
    return 40 + 400 * ndimage.gaussian_filter(noise, 6)


def noisy(image: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(scale=1.0, size=image.shape)
    return np.asarray(image + noise, np.float32)


def test_an_image_and_its_noisy_copy_of_less_contrast_are_one():
    image = stars(1) + clouds(2)
    found = measure_similarity(noisy(image, 3), noisy(0.7 * image + 20, 4), 1.0, 0.8)
    assert found.is_copy
    assert found.coarse_correlation > 0.97


def test_the_same_stars_before_other_clouds_are_two_images():
    found = measure_similarity(
        noisy(stars(1) + clouds(2), 3), noisy(stars(1, 1.2) + clouds(5), 4), 1.0, 0.8
    )
    assert 0.76 < found.similarity < 0.9, "the stars alone would pass"
    assert found.coarse_correlation < 0.9
    assert not found.is_copy


def test_large_shapes_are_not_looked_at_where_the_fine_structure_differs():
    found = measure_similarity(noisy(stars(1), 3), noisy(stars(6), 4), 1.0, 1.0)
    assert found.coarse_correlation == 0.0
    assert not found.is_copy
