"""The quick comparison: pictures of one framing whose hashes are close; pure functions."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SIDE_PX = 64
MIN_COARSE, MIN_FINE = 0.95, 0.75


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures of one framing, in [0, 1]: of the details, when they have any.

    Parameters
    ----------
    one, other : ndarray of uint8, shape ``(height, width, 3)``
    """
    a, b = _small(one), _small(other)
    coarse = _correlation(a, b)
    fine = _correlation(a - ndimage.gaussian_filter(a, 2.0), b - ndimage.gaussian_filter(b, 2.0))
    if coarse < MIN_COARSE:
        return 0.0
    return float(max(0.0, fine))


def _small(pixels: np.ndarray) -> np.ndarray:
    grey = pixels.mean(axis=2)
    return np.asarray(
        ndimage.zoom(
            ndimage.gaussian_filter(grey, max(grey.shape) / SIDE_PX / 2),
            (SIDE_PX / grey.shape[0], SIDE_PX / grey.shape[1]),
            order=1,
        )
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-9 else 0.0
