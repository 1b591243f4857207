"""Registering one image with another to a fraction of a pixel, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from cosmic_morphology.curate.duplicates.similarity import ImageSimilarity, measure_similarity
from cosmic_morphology.curate.duplicates.transforms import IDENTITY, SimilarityTransform, turned
from cosmic_morphology.imaging.resample import blurred, sampled

# Longer side of the part that both show, when they are registered.
FRAME_PX = 160
_MIN_FRAME_PX = 24
# How grey versions are made (ITU-R BT.601); colours may also have been exchanged for each other.
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
EVEN = np.full(3, 1 / 3, np.float32)
# Less than this between channels, in grey levels, is what JPEG leaves.
_COLOUR_LEVELS = 1.5
# Transforms that are tried at all.
_LEAST_PART, _LEAST_CONTAINED = 0.25, 0.55
# From so many agreeing keypoints on, a transform is good to a few pixels.
_SURE_INLIERS = 8
# Correlation below which a pair is given up: as it lies, after one step, and after more. Of the 381
# registrations on the half for tuning that ended in a copy, each had 0.64, 0.76 and 0.81 by then,
# however coarse the grid; of the 3,786 others half had less than this after two steps.
_GIVEN_UP = (0.45, 0.6, 0.65)
# Step of the grid and blur (in steps), rounds, and the correlation that is needed at the end.
_STEPS = ((4.0, 1.5, 8, 0.75), (2.0, 1.5, 6, 0.8), (1.0, 1.5, 6, 0.75))


class Levels:
    """An image as it is registered; its grey and blurred versions are made once for many pairs.

    Parameters
    ----------
    pixels : ndarray, shape ``(height, width)`` or ``(height, width, 3)``
        Its pixels.
    area : int, optional
        Pixels of the file that they were made of; by default as many as are given.
    """

    def __init__(self, pixels: np.ndarray, area: int | None = None) -> None:
        self._pixels = pixels
        self.area = area or pixels.shape[0] * pixels.shape[1]
        self._grey: dict[bool, np.ndarray] = {}
        self._smoothed: dict[tuple[bool, float], np.ndarray] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        return self._pixels.shape[0], self._pixels.shape[1]

    @cached_property
    def has_no_colour(self) -> bool:
        """Whether its channels differ by no more than what JPEG leaves."""
        return _has_no_colour(self._pixels)

    def smoothed(self, sigma: float, *, even: bool) -> np.ndarray:
        """Blurred grey levels, float32: of equal channels, or luminance.

        Parameters
        ----------
        sigma : float
            Of the blur, px.
        even : bool
            Whether all channels count alike.
        """
        # In steps of a tenth, so that images of one size share their kernels.
        sigma = round(sigma, 1)
        if even not in self._grey:
            self._grey[even] = _grey(self._pixels, EVEN if even else LUMINANCE)
        if (even, sigma) not in self._smoothed:
            self._smoothed[even, sigma] = blurred(
                self._grey[even], sigma, truncate=3.0, edge="nearest"
            )
        return self._smoothed[even, sigma]


def best_similarity(
    one: Levels, other: Levels, transforms: Sequence[SimilarityTransform]
) -> ImageSimilarity | None:
    """The best agreement over several transforms; the first copy found ends the search."""
    best: ImageSimilarity | None = None
    for transform in transforms:
        found = compare(one, other, transform)
        if found and (best is None or found.similarity > best.similarity):
            best = found
        if best and best.is_copy:
            break
    return best


def compare(one: Levels, other: Levels, transform: SimilarityTransform) -> ImageSimilarity | None:
    """Register the first image with the second and compare; None when too little is common.

    Parameters
    ----------
    one, other : Levels
        The images.
    transform : SimilarityTransform
        How the first lies in the second, about.
    """
    even = not (one.has_no_colour or other.has_no_colour)
    a = _Oriented(one, even, transform.orientation)
    b = _Oriented(other, even, IDENTITY.orientation)
    scale, x, y = _in_pixels(transform, one.shape, other.shape)
    place = np.array([scale, scale, x, y])
    starts = [1] if transform.inliers >= _SURE_INLIERS else [0, 1]
    best: ImageSimilarity | None = None
    for start in starts:
        found = _overlap_region(a, b, place, _STEPS[start:])
        if found and (best is None or found.similarity > best.similarity):
            best = found
        if best and best.is_copy:
            break
    return best


class _Oriented:
    """Grey versions of an image that was mirrored and transposed."""

    def __init__(self, image: Levels, even: bool, orientation: tuple[int, int, int]) -> None:
        self.image, self._even, self._orientation = image, even, orientation
        self.shape = image.shape[::-1] if orientation[0] else image.shape

    def smoothed(self, step: float) -> np.ndarray:
        """Without what a grid of this step (px) cannot hold."""
        sigma = 0.5 * np.sqrt(max(step * step - 1.0, 0.0)) + 0.3
        return turned(self.image.smoothed(float(sigma), even=self._even), self._orientation)


def _overlap_region(
    a: _Oriented,
    b: _Oriented,
    place: np.ndarray,
    steps: tuple[tuple[float, float, int, float], ...],
) -> ImageSimilarity | None:
    frame = _frame(a.shape, b.shape, place)
    if frame is None:
        return None
    # Neither a transform can get much better than this, nor an image become a part of another.
    smaller, larger = sorted(_shares(a.shape, b.shape, place))
    if smaller < _LEAST_PART or larger < _LEAST_CONTAINED:
        return None
    scale, pitch = float(place[0]), frame[4]
    for coarser, blur, rounds, least in steps:
        step = coarser * pitch
        frame = _frame(a.shape, b.shape, place, inset_px=3.0, least_pitch=step)
        if frame is None:
            return None
        place, alike = register_lucas_kanade(
            a.smoothed(step / scale), b.smoothed(step), place, frame, blur, rounds
        )
        if alike < least:
            return None
    frame = _frame(a.shape, b.shape, place, inset_px=1.5)
    if frame is None:
        return None
    at_y, at_x = _grid(frame)
    from_x, from_y = (at_x - place[2]) / place[0], (at_y - place[3]) / place[1]
    over = sampled(a.smoothed(frame[4] / place[0]), from_x, from_y)
    target = sampled(b.smoothed(frame[4]), at_x, at_y)
    of_one, of_other = _shares(a.shape, b.shape, place)
    stretch = float(np.log(place[0] / place[1]))
    scale = float(np.log(of_other * b.image.area / (of_one * a.image.area))) / 2
    return measure_similarity(over, target, of_one, of_other, stretch=stretch, scale=scale)


def _grey(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    grey = pixels @ weights if pixels.ndim == 3 else pixels
    return np.asarray(grey, dtype=np.float32)


def _has_no_colour(pixels: np.ndarray) -> bool:
    if pixels.ndim < 3:
        return True
    levels = pixels.astype(np.int16)
    return float(np.abs(levels[..., :2] - levels[..., 1:]).mean()) < _COLOUR_LEVELS


def _in_pixels(
    transform: SimilarityTransform, one: tuple[int, ...], other: tuple[int, ...]
) -> tuple[float, float, float]:
    """Scale and shift from pixels of the reoriented first image to pixels of the second."""
    from_px, to_px = max(one[:2]), max(other[:2])
    transposed, left_right, top_bottom = transform.orientation
    # Mirroring about 0 moves the image by its own width: bring it back.
    back_x = one[1] / from_px if left_right else 0.0
    back_y = one[0] / from_px if top_bottom else 0.0
    if transposed:
        back_x, back_y = back_y, back_x
    scale = transform.scale * to_px / from_px
    x = (transform.x - transform.scale * back_x) * to_px
    y = (transform.y - transform.scale * back_y) * to_px
    # From corners of pixels to their centres.
    return scale, x + 0.5 * scale - 0.5, y + 0.5 * scale - 0.5


def _frame(
    a: tuple[int, ...],
    b: tuple[int, ...],
    place: np.ndarray,
    *,
    inset_px: float = 0.0,
    least_pitch: float = 0.0,
) -> tuple[float, float, float, float, float] | None:
    """The common part in pixels of the second image, and the step of the grid over it."""
    left, right = max(0.0, place[2]), min(b[1] - 1.0, place[2] + place[0] * (a[1] - 1))
    top, bottom = max(0.0, place[3]), min(b[0] - 1.0, place[3] + place[1] * (a[0] - 1))
    pitch = max(1.0, place[0], max(right - left, bottom - top) / FRAME_PX)
    inset = inset_px * pitch
    left, right, top, bottom = left + inset, right - inset, top + inset, bottom - inset
    if min(right - left, bottom - top) / pitch < _MIN_FRAME_PX:
        return None
    return left, right, top, bottom, max(pitch, least_pitch)


def _grid(frame: tuple[float, float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    left, right, top, bottom, pitch = frame
    at_x = np.arange(left, right, pitch, dtype=np.float32)
    at_y = np.arange(top, bottom, pitch, dtype=np.float32)
    return at_y, at_x


def _inside(shape: tuple[int, ...], x: np.ndarray, y: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a grid that lie in an image."""
    return _between(y, shape[0]), _between(x, shape[1])


def _between(at: np.ndarray, length: int) -> slice:
    # The places are in ascending order.
    first, last = np.searchsorted(at, -0.5, "left"), np.searchsorted(at, length - 0.5, "right")
    return slice(int(first), int(last))


def local_contrast_normalise(image: np.ndarray, blur: float) -> np.ndarray:
    """Band of structure with its local strength taken out: stretches and colours drop out."""
    band = blurred(image, blur) - blurred(image, 4 * blur)
    strength = np.sqrt(np.maximum(blurred(band * band, 4 * blur), 0))
    level = _quantile(strength, 0.9)
    return np.asarray(np.clip(band / (strength + 0.1 * level + 1e-3), -3, 3))


def _quantile(values: np.ndarray, share: float) -> float:
    """``numpy.quantile``, in a third of the time for small images."""
    at = share * (values.size - 1)
    below = min(int(at), values.size - 2)
    low, high = np.partition(values.ravel(), (below, below + 1))[below : below + 2].tolist()
    return float(low + (high - low) * (at - below))


def register_lucas_kanade(
    a: np.ndarray,
    b: np.ndarray,
    place: np.ndarray,
    frame: tuple[float, float, float, float, float],
    blur: float,
    rounds: int,
) -> tuple[np.ndarray, float]:
    """Better scales and shifts, and how alike the two then are.

    By Gauss and Newton (Lucas and Kanade, IJCAI 1981).
    """
    pitch = frame[4]
    at_y, at_x = _grid(frame)
    wanted = local_contrast_normalise(sampled(b, at_x, at_y), blur)
    middle_x, middle_y = at_x.mean(), at_y.mean()
    best = -1.0, place
    off_x, off_y = at_x - middle_x, (at_y - middle_y)[:, None]
    for turn in range(rounds + 1):
        from_x, from_y = (at_x - place[2]) / place[0], (at_y - place[3]) / place[1]
        have = local_contrast_normalise(sampled(a, from_x, from_y), blur)
        inside = _inside(a.shape, from_x, from_y)
        seen, missing = have[inside], wanted[inside]
        correlation_now = _correlation(seen, missing)
        if correlation_now > best[0]:
            best = correlation_now, place
        if best[0] < _GIVEN_UP[min(turn, len(_GIVEN_UP) - 1)]:
            break
        sign = 1.0 if float(np.vdot(seen, missing)) >= 0 else -1.0
        # Moving the image by d changes it by -slope * d.
        slopes = np.empty((4, *seen.shape), np.float32)
        slopes[3], slopes[2] = (each[inside] for each in np.gradient(have, -pitch))
        np.multiply(slopes[2], off_x[inside[1]], out=slopes[0])
        np.multiply(slopes[3], off_y[inside[0]], out=slopes[1])
        slopes = slopes.reshape(4, -1)
        missing = (sign * missing - seen).ravel()
        normal = slopes @ slopes.T
        if not np.trace(normal) > 0:
            break  # even all over: nothing says where to move it
        normal += np.eye(4) * 1e-3 * np.trace(normal) / 4
        step = np.linalg.solve(normal, slopes @ missing)
        step = np.clip(step, *_bounds(at_x, at_y, pitch * blur))
        place = np.array(
            [
                place[0] * (1 + step[0]),
                place[1] * (1 + step[1]),
                place[2] * (1 + step[0]) - step[0] * middle_x + step[2],
                place[3] * (1 + step[1]) - step[1] * middle_y + step[3],
            ]
        )
        if np.abs(step[2:]).max() < 0.02 * pitch and np.abs(step[:2]).max() < 2e-4:
            break
    return best[1], best[0]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.size < 64:
        return -1.0
    a, b = a - a.mean(), b - b.mean()
    return abs(float(np.vdot(a, b))) / float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)) + 1e-6)


def _bounds(at_x: np.ndarray, at_y: np.ndarray, most: float) -> tuple[np.ndarray, np.ndarray]:
    """One step moves no point by more than about ``most`` pixels."""
    half = max(float(np.ptp(at_x)), float(np.ptp(at_y))) / 2 + 1
    limit = np.array([most / half, most / half, most, most])
    return -limit, limit


def _shares(a: tuple[int, ...], b: tuple[int, ...], place: np.ndarray) -> tuple[float, float]:
    width, height = place[0] * a[1], place[1] * a[0]
    left, top = place[2] - 0.5 * place[0] + 0.5, place[3] - 0.5 * place[1] + 0.5
    common_x = min(b[1], left + width) - max(0.0, left)
    common_y = min(b[0], top + height) - max(0.0, top)
    area = max(common_x, 0.0) * max(common_y, 0.0)
    return float(area / (width * height)), float(area / (b[0] * b[1]))
