"""Where in an image something is, drawn over it."""

from __future__ import annotations

import numpy as np

_HEAT = np.array([236, 122, 38], np.float32)
_STRENGTH = 0.7


def overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A grey image with its salient parts in colour.

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(S, S, 3)``
        The image.
    heat : ndarray, shape ``(S, S)``
        In [0, 1].

    Returns
    -------
    ndarray of uint8, shape ``(S, S, 3)``

    Examples
    --------
    >>> dark = np.zeros((1, 2, 3), np.uint8)
    >>> overlay(dark, np.array([[0.0, 1.0]])).tolist()
    [[[0, 0, 0], [165, 85, 26]]]
    """
    grey = pixels.astype(np.float32).mean(-1, keepdims=True).repeat(3, axis=-1) * 0.85
    share = _STRENGTH * np.clip(heat, 0, 1)[..., None] ** 1.6  # faint heat is no evidence
    mixed: np.ndarray = np.clip(grey * (1 - share) + _HEAT * share, 0, 255).astype(np.uint8)
    return mixed
