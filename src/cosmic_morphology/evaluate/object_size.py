"""Where the target of an image is, and how much of the image it fills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.evaluate.predictions import Predictions
from cosmic_morphology.evaluate.scoring import PartScores, Scorer, parts
from cosmic_morphology.imaging import read_thumbnail

_SIDE_PX = 96
_SIGMAS = 3.0
# Standard deviation of a normal distribution over its median absolute deviation.
_MAD = 1.4826
_LEAST_NOISE = 0.01
# Captions, logos and frames stand there; the target seldom does.
BORDER = 0.08
SMALL, LARGE = 0.03, 0.25
SIZES = ("small", "medium", "large")


def object_mask(pixels: np.ndarray) -> np.ndarray:
    """The largest bright thing on the sky, bool of shape ``(H, W)``.

    What is three standard deviations (from the median absolute deviation) above the median of the
    smoothed image, and hangs together with the part that has most light.

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(H, W, 3)``
        An image.
    """
    from scipy import ndimage

    grey = ndimage.gaussian_filter(pixels.astype(np.float32).mean(-1) / 255, 1.0)
    level = np.median(grey)
    noise = max(_MAD * float(np.median(np.abs(grey - level))), _LEAST_NOISE)
    bright = grey > level + _SIGMAS * noise
    pieces, found = ndimage.label(bright)
    if not found:
        return np.zeros(grey.shape, bool)
    light = ndimage.sum_labels(grey - level, pieces, np.arange(1, found + 1))
    mask: np.ndarray = pieces == 1 + int(np.argmax(light))
    return mask


def border_mask(shape: tuple[int, int]) -> np.ndarray:
    """The outer frame of an image, in which captions stand, bool of that shape."""
    found = np.ones(shape, bool)
    down, right = (max(1, round(BORDER * side)) for side in shape)
    found[down:-down, right:-right] = False
    return found


def object_area_fraction(atlas: Atlas, ids: Sequence[str]) -> np.ndarray:
    """Share of each image that its target fills, float of shape ``(N,)``."""
    found = []
    for batch in atlas.batches(["thumbnail"], ids=ids):
        seen = [read_thumbnail(each, size=_SIDE_PX) for each in batch["thumbnail"].to_pylist()]
        found += [float(object_mask(pixels).mean()) for pixels in seen]
    return np.array(found, float)


def by_target_size(
    measure: Scorer, answers: Predictions, shares: Sequence[float]
) -> tuple[PartScores, ...]:
    """Scores for small, medium and large targets, in this order."""
    names = np.array(SIZES, object)[np.digitize(shares, (SMALL, LARGE))]
    found = {part.name: part for part in parts(measure, answers, names)}
    return tuple(found[name] for name in SIZES if name in found)
