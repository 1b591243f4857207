"""The quick comparison: pictures of one framing, turned or mirrored; pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.curate.duplicates_grid import blurred, sampled
from cosmic_morphology.curate.duplicates_keys import FORMS, Form

SIDE_PX = 64
MIN_COARSE, MIN_FINE = 0.95, 0.75
_BLUR_PX, _FINE_PX = 0.6, 2.0


@dataclass(frozen=True, slots=True)
class Small:
    """A picture pressed into a square, and its details alone; both with mean 0 and length 1.

    Attributes
    ----------
    coarse, fine : ndarray of float32, shape ``(64, 64)``
        All zero where there is nothing to see.
    """

    coarse: np.ndarray
    fine: np.ndarray


def small(pixels: np.ndarray) -> Small:
    """What two pictures are compared by.

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(height, width, 3)``
        About :data:`SIDE_PX` on the longer side.
    """
    # The mean of the channels, not the luminance: exchanged colours then change nothing.
    grey = pixels[..., 0].astype(np.float32) + pixels[..., 1] + pixels[..., 2]
    y, x = (((np.arange(SIDE_PX) + 0.5) * n / SIDE_PX) - 0.5 for n in grey.shape)
    square = blurred(sampled(grey, x, y), _BLUR_PX)
    return Small(_unit(square), _unit(square - blurred(square, _FINE_PX)))


def likeness(one: Small, other: Small, forms: Iterable[Form] = FORMS) -> float:
    """Correlation of two pictures of one framing, in [0, 1]: of the details, when they have any.

    The best of several ways to turn the first before it is laid over the other.
    """
    best = 0.0
    for form in forms:
        if _product(one.coarse, other.coarse, form) >= MIN_COARSE:
            best = max(best, _product(one.fine, other.fine, form))
    return best


def _unit(picture: np.ndarray) -> np.ndarray:
    centred = picture - picture.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 1e-3 else np.zeros_like(centred)


def _product(one: np.ndarray, other: np.ndarray, form: Form) -> float:
    exchanged, left_right, top_bottom = form
    laid = one[:: -1 if top_bottom else 1, :: -1 if left_right else 1]
    return float(np.vdot(laid.T if exchanged else laid, other))
