"""The similarity transform between two images, from their keypoints: pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.curate.duplicates.keypoint_index import (
    MIN_COSINE,
    ORIENTATIONS,
    reoriented,
    transform_points,
)
from cosmic_morphology.curate.duplicates.keypoints import Keypoints

# Pairs of keypoints so far from what the others say (in units of the longer side, and in octaves of
# size) do not count for them.
_NEAR = 0.025
_SAME_SIZE = 0.42
_MOST_TRANSFORMS = 3


@dataclass(frozen=True, slots=True)
class SimilarityTransform:
    """How the first image lies in the second.

    Attributes
    ----------
    orientation : tuple of int
        Transposed, mirrored left to right, mirrored top to bottom (see ``ORIENTATIONS``).
    scale : float
        Length in the second image of the first one's longer side, in units of the second's.
    x, y : float
        Place in the second image of the (mirrored, transposed) first one's origin.
    inliers : int
        Keypoints that agree.
    """

    orientation: tuple[int, int, int]
    scale: float
    x: float
    y: float
    inliers: int


IDENTITY = SimilarityTransform((0, 0, 0), 1.0, 0.0, 0.0, 0)


def estimate_transforms(
    one: Keypoints, other: Keypoints, *, least: int = 1
) -> list[SimilarityTransform]:
    """The transforms that most keypoints agree on, at most one an orientation, the best first.

    A symmetric image (a galaxy seen from its edge) fits itself in several orientations: those with
    at least half of the best one's inliers are given, too.

    Parameters
    ----------
    one, other : Keypoints
        Of the images.
    least : int
        Keypoints of the other image that must agree.
    """
    if not len(one) or not len(other):
        return []
    found = []
    for orientation in ORIENTATIONS:
        alike = reoriented(one.descriptor, orientation) @ other.descriptor.T
        # Each keypoint votes once, with the best of the other's keypoints.
        at = alike.argmax(axis=1)
        cosine = alike[np.arange(len(one)), at]
        good = np.flatnonzero(cosine >= MIN_COSINE)
        # No more than these can agree; in most orientations of most pairs it is one or none.
        if len(good) >= least and len(set(at[good].tolist())) >= least:
            found.append((_consensus(one, other, good, at[good], orientation), float(cosine.max())))
    found.sort(key=lambda each: (-each[0].inliers, -each[1]))
    best = [transform for transform, _ in found[:_MOST_TRANSFORMS]]
    return [each for each in best if each.inliers >= least and 2 * each.inliers >= best[0].inliers]


def _consensus(
    one: Keypoints,
    other: Keypoints,
    mine: np.ndarray,
    theirs: np.ndarray,
    orientation: tuple[int, int, int],
) -> SimilarityTransform:
    x, y = transform_points(one.x[mine], one.y[mine], orientation)
    to_x, to_y = other.x[theirs], other.y[theirs]
    scale = other.size[theirs] / one.size[mine]
    # What each pair alone says of the transform, and how far every pair is from that.
    from_x, from_y = to_x - scale * x, to_y - scale * y
    off_x = np.abs(scale[:, None] * x[None] + from_x[:, None] - to_x[None])
    off_y = np.abs(scale[:, None] * y[None] + from_y[:, None] - to_y[None])
    off_size = np.abs(np.log2(scale)[:, None] - np.log2(scale)[None])
    # A size is known to a few percent: the farther from the pair, the less its scale can say.
    far = np.hypot(x[:, None] - x[None], y[:, None] - y[None]) * scale[:, None]
    room = _NEAR + 0.12 * far
    agree = (off_x < room) & (off_y < room) & (off_size < _SAME_SIZE)
    most = int(np.argmax(_distinct(agree, theirs)))
    inside = np.flatnonzero(agree[most])
    fitted = _fitted(x[inside], y[inside], to_x[inside], to_y[inside])
    if fitted is None:
        fitted = float(scale[most]), float(from_x[most]), float(from_y[most])
    left = np.hypot(fitted[0] * x + fitted[1] - to_x, fitted[0] * y + fitted[2] - to_y) < _NEAR
    inliers = len(set(theirs[left].tolist()))
    if inliers > 2:
        again = _fitted(x[left], y[left], to_x[left], to_y[left])
        fitted = again or fitted
    return SimilarityTransform(orientation, *fitted, inliers=inliers)


def _distinct(agree: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """For each row the number of different keypoints of the other image that agree with it."""
    names, which = np.unique(theirs, return_inverse=True)
    table = np.zeros((len(theirs), len(names)), dtype=bool)
    table[np.arange(len(theirs)), which] = True
    return np.asarray((agree.astype(np.int32) @ table.astype(np.int32) > 0).sum(axis=1))


def _fitted(
    x: np.ndarray, y: np.ndarray, to_x: np.ndarray, to_y: np.ndarray
) -> tuple[float, float, float] | None:
    """Scale and shift that bring points to points, by least squares."""
    # For a handful of points numpy's mean takes three times as long as its sum.
    at_x, at_y, at_to_x, at_to_y = (each.sum() / len(each) for each in (x, y, to_x, to_y))
    dx, dy = x - at_x, y - at_y
    spread = float((dx * dx + dy * dy).sum())
    if spread < 1e-3:
        return None
    scale = float((dx * (to_x - at_to_x) + dy * (to_y - at_to_y)).sum()) / spread
    if not 0.05 < scale < 20:
        return None
    return scale, float(at_to_x - scale * at_x), float(at_to_y - scale * at_y)


def turned(grey: np.ndarray, orientation: tuple[int, int, int]) -> np.ndarray:
    """A grey image in another orientation."""
    transposed, left_right, top_bottom = orientation
    if left_right:
        grey = grey[:, ::-1]
    if top_bottom:
        grey = grey[::-1]
    return grey.T if transposed else grey
