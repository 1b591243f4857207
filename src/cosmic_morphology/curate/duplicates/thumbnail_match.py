"""The quick comparison: images of one framing, in eight orientations; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from cosmic_morphology.curate.duplicates.keypoint_index import ORIENTATIONS, Orientation
from cosmic_morphology.curate.duplicates.similarity import agreeing_windows
from cosmic_morphology.imaging.resample import blurring, sampled

SIDE_PX = 64
MIN_COARSE, MIN_FINE = 0.95, 0.85
# Small bodies on black: their outlines are most of the details, and those of one size agree. What
# lies within them is looked at more closely.
_FEW_PX, MIN_DETAIL = 170, 0.93
_MOST = (0.02, 0.98)
_LEAST_CROP = 1 / 8
# Rings and discs of nearly one place and size correlate up to this; their copies more, 0.99 where a
# caption was written into them. Fewer windows than this (see similarity.py) agree in one outline;
# they are counted at this contrast, in grey levels. A small outline turns within a window, and has
# up to 10: few different ones of nearly one place correlate more than this, and their copies do.
MIN_OUTLINE, MIN_SMALL_OUTLINE = 0.98, 0.94
_OUTLINE_WINDOWS, _SMALL_WINDOWS, _CONTRAST_LEVELS = 5.0, 10.0, 40.0
_BLUR_PX, _FINE_PX = 0.6, 2.0
_BLOCKS = 16
# Images must agree without an eighth of each side, too, and without a quarter. Where copies do not,
# since there is next to nothing to see, the comparisons that come after find them.
_INSIDE = (slice(8, -8), slice(16, -16))


@dataclass(frozen=True, slots=True)
class ThumbnailFeatures:
    """An image pressed into a square, and its details alone; both with mean 0 and length 1.

    Attributes
    ----------
    coarse, fine : ndarray of float32, shape ``(64, 64)``
        All zero where there is nothing to see.
    blocks : ndarray of float32, shape ``(16, 16)``
        What is left of ``coarse`` in blocks of 4 x 4 px, as lengths go.
    residual : float
        Length of the rest.
    detailed_px : float
        In how many of the 4,096 px the details stand (participation ratio of their squares).
    """

    coarse: np.ndarray
    fine: np.ndarray
    blocks: np.ndarray
    residual: float
    detailed_px: float


def extract_features(images: Sequence[np.ndarray]) -> list[ThumbnailFeatures]:
    """What images are compared by.

    Parameters
    ----------
    images : sequence of ndarray of uint8, shape ``(height, width, 3)``
        About :data:`SIDE_PX` on the longer side.
    """
    squares = np.stack([_square(each) for each in images])
    blur = blurring(SIDE_PX, _FINE_PX)
    coarse, fine = _units(squares), _units(squares - blur @ squares @ blur.T)
    step = SIDE_PX // _BLOCKS
    blocks = coarse.reshape(-1, _BLOCKS, step, _BLOCKS, step).sum(axis=(2, 4)) / step
    residual = np.sqrt(np.maximum(_squared(coarse) - _squared(blocks), 0)).tolist()
    detailed = (1 / np.maximum(_squared(fine**2), 1e-9)).tolist()
    # Copies, so that one image of many does not keep the others.
    return [
        ThumbnailFeatures(whole.copy(), details.copy(), part.copy(), length, few)
        for whole, details, part, length, few in zip(
            coarse, fine, blocks, residual, detailed, strict=True
        )
    ]


def prefilter(
    features: dict[int, ThumbnailFeatures], pairs: np.ndarray, orientations: np.ndarray
) -> np.ndarray:
    """In which of these orientations two images may be alike, by their blocks alone.

    No image is lost by it: what the blocks do not hold adds no more than the product of its
    lengths (Cauchy and Schwarz).

    Parameters
    ----------
    features : dict of int to ThumbnailFeatures
        The images, by row.
    pairs : ndarray of int64, shape ``(M, 2)``
        Rows.
    orientations : ndarray of bool, shape ``(M, 8)``
        Which of :data:`ORIENTATIONS` are asked for.

    Returns
    -------
    ndarray of bool, shape ``(M, 8)``
    """
    rows, which = np.unique(pairs, return_inverse=True)
    blocks = np.stack([features[row].blocks for row in rows.tolist()])
    residual = np.array([features[row].residual for row in rows.tolist()], np.float32)
    one, other = which.reshape(-1, 2).T
    # Rounding must not part what the whole images would tie.
    least = MIN_COARSE - 1e-4 - residual[one] * residual[other]
    possible = np.zeros_like(orientations)
    for number, orientation in enumerate(ORIENTATIONS):
        asked = np.flatnonzero(orientations[:, number])
        reoriented = _reoriented(blocks[one[asked]], orientation)
        alike = np.einsum("ijk,ijk->i", reoriented, blocks[other[asked]])
        possible[asked, number] = alike >= least[asked]
    return possible


def agreeing_orientations(
    one: ThumbnailFeatures,
    other: ThumbnailFeatures,
    orientations: Iterable[Orientation] = ORIENTATIONS,
    *,
    least: float = MIN_FINE,
) -> list[tuple[float, Orientation]]:
    """Correlation of two images of one framing: of the details, when they have any.

    Parameters
    ----------
    one, other : ThumbnailFeatures
        The images.
    orientations : iterable of Orientation
        Of the first, which are tried.
    least : float
        Least correlation of details; where one outline is all, more is asked.

    Returns
    -------
    list of (float, Orientation)
        Every orientation of the first in which it agrees with the other, with the correlation in
        [0, 1].
    """
    found = []
    for orientation in orientations:
        coarse = _reoriented(one.coarse, orientation)
        if np.vdot(coarse, other.coarse) >= MIN_COARSE and _agree_inside(
            coarse, other.coarse, MIN_COARSE
        ):
            fine = _reoriented(one.fine, orientation)
            score = float(np.vdot(fine, other.fine))
            if score < least or not _agree_inside(fine, other.fine, MIN_FINE):
                continue
            if score >= MIN_OUTLINE or score >= _least_of_outlines(coarse, other.coarse):
                found.append((score, orientation))
    return found


def has_few_details(one: ThumbnailFeatures, other: ThumbnailFeatures) -> bool:
    """Whether one of two images has details in so few places that a closer look is needed."""
    return min(one.detailed_px, other.detailed_px) < _FEW_PX


def detail_correlation(
    one: ThumbnailFeatures,
    other: ThumbnailFeatures,
    pixels: np.ndarray,
    other_pixels: np.ndarray,
    orientation: Orientation,
) -> float:
    """Correlation of the details where both images have any, seen as large as they are there.

    Parameters
    ----------
    one, other : ThumbnailFeatures
        The images.
    pixels, other_pixels : ndarray of uint8, shape ``(height, width, 3)``
        The same, larger.
    orientation : Orientation
        Of the first, before it is compared with the other.
    """
    box = _box(_reoriented(one.fine, orientation) ** 2 + other.fine**2)
    both = (_reoriented_pixels(pixels, orientation), other_pixels)
    # The larger one shows more: both are seen as the smaller one is.
    height, width = (min(each.shape[axis] for each in both) for axis in (0, 1))
    first, second = extract_features([_crop(each, box, height, width) for each in both])
    return float(np.vdot(first.fine, second.fine))


def _box(energy: np.ndarray) -> list[tuple[float, float]]:
    """Between which shares of the height and of the width most of it stands."""
    found = []
    for axis in (1, 0):
        summed = np.cumsum(energy.sum(axis=axis))
        start, stop = np.searchsorted(summed, np.array(_MOST) * summed[-1]) / SIDE_PX
        stop += 1 / SIDE_PX
        wider = max(0.0, _LEAST_CROP - (stop - start)) / 2
        found.append((max(0.0, start - wider), min(1.0, stop + wider)))
    return found


def _crop(
    pixels: np.ndarray, box: list[tuple[float, float]], height: int, width: int
) -> np.ndarray:
    """What stands within the box, in the pixels of an image of that size."""
    (top, bottom), (left, right) = box
    y, x = pixels.shape[:2]
    size = (max(1, round((right - left) * width)), max(1, round((bottom - top) * height)))
    seen = Image.fromarray(np.ascontiguousarray(pixels)).resize(
        size, Image.Resampling.LANCZOS, box=(left * x, top * y, right * x, bottom * y)
    )
    return np.asarray(seen)


def _agree_inside(one: np.ndarray, other: np.ndarray, least: float) -> bool:
    """Whether more than a frame or a caption agrees: those are the same in different images."""
    for inside in _INSIDE:
        a, b = one[inside, inside], other[inside, inside]
        a, b = a - a.mean(), b - b.mean()
        power = float(np.vdot(a, a)) * float(np.vdot(b, b))
        if float(np.vdot(a, b)) < least * np.sqrt(power):
            return False
    return True


def _least_of_outlines(one: np.ndarray, other: np.ndarray) -> float:
    """Least correlation of copies, the higher the less agrees beside a smooth outline."""
    levels = _CONTRAST_LEVELS * SIDE_PX
    windows = agreeing_windows(np.ascontiguousarray(one) * levels, other * levels)
    if windows < _OUTLINE_WINDOWS:
        return MIN_OUTLINE
    return MIN_SMALL_OUTLINE if windows < _SMALL_WINDOWS else MIN_FINE


def _square(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    channels = pixels.reshape(height, 3 * width).astype(np.float32)
    return np.asarray(_pressed(height, 1) @ (channels @ _pressed(width, 3).T))


@lru_cache(maxsize=2 * SIDE_PX)
def _pressed(length: int, channels: int) -> np.ndarray:
    """Sampling at :data:`SIDE_PX` places and a little blur, as a matrix.

    The sum of the channels, not the luminance: exchanged colours then change nothing.
    """
    places = ((np.arange(SIDE_PX) + 0.5) * length / SIDE_PX) - 0.5
    sampling = sampled(np.eye(length, dtype=np.float32), np.arange(length), places)
    made = np.repeat(blurring(SIDE_PX, _BLUR_PX) @ sampling, channels, axis=1)
    made.flags.writeable = False
    return made


def _units(images: np.ndarray) -> np.ndarray:
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt(_squared(centred))
    factor = np.where(length > 1e-3, 1 / np.maximum(length, 1e-3), 0)
    centred *= factor[:, None, None]
    return np.asarray(centred)


def _squared(images: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ijk,ijk->i", images, images))


def _reoriented(images: np.ndarray, orientation: Orientation) -> np.ndarray:
    transposed, left_right, top_bottom = orientation
    reoriented = images[..., :: -1 if top_bottom else 1, :: -1 if left_right else 1]
    return reoriented.swapaxes(-1, -2) if transposed else reoriented


def _reoriented_pixels(pixels: np.ndarray, orientation: Orientation) -> np.ndarray:
    return np.moveaxis(_reoriented(np.moveaxis(pixels, 2, 0), orientation), 0, 2)
