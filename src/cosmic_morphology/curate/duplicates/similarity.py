"""How far two images that lie over each other are one: pure functions.

Two photographs of one nebula agree in their large shapes, and their stars are in the same
places. Copies agree in everything down to the grain, whatever was done to their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
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
# Rings, limbs, bars and lone stars all fit each other once they are moved and scaled: one outline
# says nothing. Gradients that agree in both directions do, in windows of this width. Turning by
# less than the share of the stronger direction is the curvature of an outline.
_GRADIENT_PX, _TURNING_PX, _TURNING, _SLOPE_FLOOR = 1.5, 3.0, 0.1, 0.1
_AGREEING = 0.5
# So many windows of such structure are a copy; with fewer what is left of one image without the
# other decides, and with still fewer nothing can: a soft blob is any other, scaled. Chosen on
# drawn shapes and on planets and comets of the half for tuning: outlines have at most 8, the four
# corners of a filled box, which fits any other of its shape, at most 13.5, two discs, frames and
# stars with spikes 10 to 19, banded planets 14 and more.
RICH_WINDOWS, LEAST_WINDOWS = 24.0, 14.0
# Share of the contrast that may then be left, and how far (as a logarithm) one may be stretched
# along one axis: copies leave 0.005, and thumbnails are rounded to whole pixels.
MAX_LEFT, MAX_STRETCH = 0.01, 0.01
# An outline in the same place and size, to a hundredth, is one that nothing had to be scaled for.
_IN_PLACE = 0.98
# So is one with as many pixels in one file as in the other (to so much, as a logarithm): frames,
# crops and captions are made without scaling, and drawn shapes that are moved and scaled onto each
# other come by it once in a hundred pairs. Then fewer windows say as much, though more than a ring,
# a disc or a crescent has (6.5), and false colours, which no curve of levels undoes, may leave
# more. Chosen on drawn shapes and on the half for tuning.
UNSCALED_WINDOWS, UNSCALED_LEFT, _UNSCALED = 7.0, 0.05, 0.005


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
    windows : float
        Number of separate windows that agree in more than one outline; 0 where it was not asked.
    left : float
        Standard deviation of one image without the other, in units of its own.
    stretch : float
        Scale across in units of the scale down, as a natural logarithm.
    scale : float
        Length of the common part in pixels of the other file, in units of that in pixels of the
        first one, as a natural logarithm.
    """

    fine: float
    fine_correlation: float
    coarse_correlation: float
    corners: float
    of_one: float
    of_other: float
    windows: float
    left: float
    stretch: float
    scale: float

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
            and self.is_more_than_an_outline
        )

    @property
    def is_more_than_an_outline(self) -> bool:
        """Whether a different image, moved and scaled, would not agree as well."""
        if self.windows >= RICH_WINDOWS or abs(self.stretch) > MAX_STRETCH:
            return self.windows >= RICH_WINDOWS
        in_place = min(self.of_one, self.of_other) >= _IN_PLACE
        if self.left <= MAX_LEFT and (self.windows >= LEAST_WINDOWS or in_place):
            return True
        unscaled = abs(self.scale) <= _UNSCALED
        return unscaled and self.windows >= UNSCALED_WINDOWS and self.left <= UNSCALED_LEFT


def measure_similarity(
    one: np.ndarray,
    other: np.ndarray,
    of_one: float,
    of_other: float,
    *,
    stretch: float = 0.0,
    scale: float = 0.0,
) -> ImageSimilarity:
    """Measure two images that lie over each other.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(height, width)``
        Grey levels of the common part.
    of_one, of_other : float
        Share of each image that the common part is.
    stretch, scale : float
        By how much one was stretched and scaled, as :class:`ImageSimilarity` has it.
    """
    fine, grain = _fine(one, other), _grain(one, other)
    may_be_copy = (fine + grain) / 2 >= MIN_LIKENESS - FRAMED_ALIKE
    shapes = _shapes(one, other) if may_be_copy else 0.0
    windows = agreeing_windows(one, other) if may_be_copy else 0.0
    left = _left(one, other) if may_be_copy and windows < RICH_WINDOWS else 1.0
    corners = _corners(one, other)
    return ImageSimilarity(
        fine, grain, shapes, corners, of_one, of_other, windows, left, stretch, scale
    )


def agreeing_windows(one: np.ndarray, other: np.ndarray) -> float:
    """Area where gradients agree in both directions, in windows.

    Their smaller canonical correlation (Hotelling, Biometrika 28, 321, 1936) is 0 along an edge and
    in noise, and 1 where corners, knots and texture agree, whatever was done to the levels.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(height, width)``
        Grey levels that lie over each other.
    """
    a, b = (np.gradient(blurred(each, _GRADIENT_PX)) for each in (one, other))

    def mean(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return np.asarray(blurred(u * v, _TURNING_PX))

    def spread(gradient: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        down, right = gradient
        yy, xx = mean(down, down), mean(right, right)
        floor = _SLOPE_FLOOR + _TURNING * (yy + xx)
        return yy + floor, xx + floor, mean(down, right)

    (ayy, axx, ayx), (byy, bxx, byx) = spread(a), spread(b)
    (yy, yx), (xy, xx) = ([mean(u, v) for v in b] for u in a)
    # The squares of both correlations are the eigenvalues of A^-1 C B^-1 C^T.
    size = (ayy * axx - ayx**2) * (byy * bxx - byx**2)
    both = (
        (axx * yy - ayx * xy) * (bxx * yy - byx * yx)
        + (axx * yx - ayx * xx) * (byy * yx - byx * yy)
        + (ayy * xy - ayx * yy) * (bxx * xy - byx * xx)
        + (ayy * xx - ayx * yx) * (byy * xx - byx * xy)
    ) / size
    product = (yy * xx - yx * xy) ** 2 / size
    smaller = both / 2 - np.sqrt(np.maximum(both * both / 4 - product, 0))
    return float((smaller > _AGREEING**2).sum()) / (2 * np.pi * _TURNING_PX**2)


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


def _left(one: np.ndarray, other: np.ndarray) -> float:
    """What is left of an image without the other: levels, a shift and sharpness are fitted."""
    model, seen = blurred(one, 1.0), blurred(other, 1.0)
    softer = blurred(model, 1.0) - model
    terms = [np.ones_like(model), model, model * model, *np.gradient(model), softer]
    matrix = np.stack([each.ravel() for each in terms], axis=1).astype(np.float64)
    matrix /= np.maximum(np.abs(matrix).max(axis=0), 1e-9)
    weights = np.linalg.lstsq(matrix, seen.ravel().astype(np.float64), rcond=None)[0]
    left = seen - (matrix @ weights).reshape(seen.shape)
    return float(blurred(left.astype(np.float32), _TURNING_PX).std() / max(float(seen.std()), 1e-6))
