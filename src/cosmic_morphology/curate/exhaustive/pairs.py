"""Every image against every other, in eight orientations: pairs that are worth a closer look.

Products of matrices in float32, block by block: nothing is indexed, hashed or sampled, so no pair
is passed over because something else about it was unlucky.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cosmic_morphology.curate.exhaustive.maps import CELLS, ORIENTATIONS

# Least correlation of whole images, and of an image with a part of another. Dark frames that were
# compressed to quality 40 keep 0.3 to 0.7 of the whole.
MIN_WHOLE, MIN_PART = 0.35, 0.6
# Of each image (or part of it) so many others are looked at, the most alike first.
NEAREST = 8
# Numbers of a block of scores: they stay in the cache.
_ROWS, _COLUMNS = 128, 512


@dataclass(slots=True)
class CandidatePairs:
    """Pairs to be looked at, each in its best orientation.

    Attributes
    ----------
    whole, of : ndarray of int64, shape ``(M,)``
        Rows: the first as a whole is like (a part of) the second.
    orientation : ndarray of int64, shape ``(M,)``
        Of the first, a place in ``ORIENTATIONS``.
    part : ndarray of int64, shape ``(M,)``
        Which part of the second; 0 is the whole.
    correlation : ndarray of float32, shape ``(M,)``
    """

    whole: np.ndarray
    of: np.ndarray
    orientation: np.ndarray
    part: np.ndarray
    correlation: np.ndarray

    def taken(self, at: np.ndarray) -> CandidatePairs:
        """Some of the pairs, by their places or as a mask."""
        return CandidatePairs(
            self.whole[at], self.of[at], self.orientation[at], self.part[at], self.correlation[at]
        )


def by_parity(versions: np.ndarray) -> np.ndarray:
    """Small versions as four quarters: even and odd from top to bottom and from left to right.

    Mirroring changes no more than the signs of these, and transposing exchanges two of them. So the
    correlations in all eight orientations are sums of eight products of quarters, which take a
    fourth of the time of eight products of whole versions.

    Parameters
    ----------
    versions : ndarray of float32, shape ``(N, 400)``
        As :func:`~cosmic_morphology.curate.exhaustive.maps.small_versions` gives them.

    Returns
    -------
    ndarray of float32, shape ``(4, N, 100)``
        Even and even, odd and even, even and odd, odd and odd (rows first).
    """
    squares, half = versions.reshape(-1, CELLS, CELLS), CELLS // 2
    upper, lower = squares[:, :half], squares[:, : half - 1 : -1]
    made = np.empty((4, len(versions), half, half), np.float32)
    for odd_rows, rows in enumerate((upper + lower, upper - lower)):
        left, right = rows[..., :half], rows[..., : half - 1 : -1]
        made[odd_rows], made[2 + odd_rows] = (left + right) / 2, (left - right) / 2
    return made.reshape(4, -1, half * half)


def candidate_pairs(
    wholes: np.ndarray, versions: np.ndarray, split: np.ndarray, *, part: int, first: int = 0
) -> CandidatePairs:
    """Pairs of images of which one, in some orientation, is like the other or a part of it.

    Parameters
    ----------
    wholes : ndarray of float32, shape ``(4, N, 100)``
        Whole images :func:`by_parity`; unit vectors (or zero: like nothing).
    versions : ndarray of float32, shape ``(4, B, 100)``
        One part of the images ``first`` to ``first`` + B - 1, likewise.
    split : ndarray of int, shape ``(N,)``
        In ascending order. Two images of one split are passed over; -1: of none.
    part : int
        Which part the versions are; with 0 each pair is compared once.
    first : int
        Row of the first version.
    """
    least = MIN_PART if part else MIN_WHOLE
    found: list[tuple[np.ndarray, ...]] = []
    both_ways = np.stack([versions, _transposed(versions)])
    for rows in _runs(split, first, first + versions.shape[1], _ROWS):
        block = both_ways[:, :, rows.start - first : rows.stop - first]
        # Every orientation is asked in one direction only: turning the other one back is among
        # them. So of whole images the later ones are enough.
        for columns in _runs(split, 0 if part else rows.start, wholes.shape[1], _COLUMNS):
            if split[rows.start] == split[columns.start] >= 0:
                continue
            scores = np.matmul(block, wholes[:, columns].swapaxes(1, 2))
            of, whole = np.nonzero(_best(scores) >= least)
            alike = _in_orientations(scores[..., of, whole])
            best = alike.argmax(axis=0)
            of, whole = of + rows.start, whole + columns.start
            apart = (whole > of) if part == 0 else (whole != of)
            every = (whole, of, best, np.full(len(of), part), alike[best, np.arange(len(of))])
            found.append(tuple(each[apart] for each in every))
    return nearest(_joined(found))


def _runs(split: np.ndarray, start: int, stop: int, most: int) -> Iterator[slice]:
    """The rows from start to stop in runs of one split, no longer than ``most``."""
    changes = start + 1 + np.flatnonzero(np.diff(split[start:stop]))
    for low, high in pairwise([start, *changes.tolist(), stop]):
        for at in range(low, high, most):
            yield slice(at, min(at + most, high))


def _transposed(quarters: np.ndarray) -> np.ndarray:
    """Quarters of the transposed images: turning one image back is as good as turning the other."""
    half = CELLS // 2
    squares = quarters.reshape(4, -1, half, half).swapaxes(2, 3)
    # What is odd from top to bottom is odd from left to right then.
    return squares[[0, 2, 1, 3]].reshape(quarters.shape)


def _best(scores: np.ndarray) -> np.ndarray:
    """The largest correlation over all orientations.

    Parameters
    ----------
    scores : ndarray of float32, shape ``(2, 4, B, W)``
        Products of the quarters: of the images as they are, and of one of them transposed.

    Returns
    -------
    ndarray of float32, shape ``(B, W)``
    """
    even, down, across, both = scores.swapaxes(0, 1)
    one = np.abs(down + across)
    one += even
    one += both
    other = np.abs(down - across)
    other += even
    other -= both
    return np.asarray(np.maximum(one, other, out=one).max(axis=0))


def _in_orientations(scores: np.ndarray) -> np.ndarray:
    """The correlations in all ``ORIENTATIONS``, shape ``(8, M)``, of products ``(2, 4, M)``."""
    alike = []
    for exchanged, left_right, top_bottom in ORIENTATIONS:
        even, down, across, both = scores[exchanged]
        mirrored = (-1) ** left_right, (-1) ** top_bottom
        alike.append(
            even + mirrored[1] * down + mirrored[0] * across + mirrored[0] * mirrored[1] * both
        )
    return np.stack(alike)


def nearest(pairs: CandidatePairs) -> CandidatePairs:
    """Each pair once, and of each image the most alike others."""
    order = np.argsort(-pairs.correlation, kind="stable")
    low, high = np.minimum(pairs.whole, pairs.of), np.maximum(pairs.whole, pairs.of)
    _, once = np.unique((low[order] << 32) | high[order], return_index=True)
    order = order[np.sort(once)]
    rank = np.minimum(_rank(low[order]), _rank(high[order]))
    return pairs.taken(order[rank < NEAREST])


def joined(several: list[CandidatePairs]) -> CandidatePairs:
    """All pairs of several findings."""
    return _joined([(e.whole, e.of, e.orientation, e.part, e.correlation) for e in several])


def _joined(found: list[tuple[np.ndarray, ...]]) -> CandidatePairs:
    none = (*(np.empty(0, np.int64) for _ in range(4)), np.empty(0, np.float32))
    return CandidatePairs(*(np.concatenate(each) for each in zip(none, *found, strict=True)))


def _rank(keys: np.ndarray) -> np.ndarray:
    """How many of the same key stand before each place."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    fresh = np.ones(len(keys), bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(fresh)
    counts = np.diff(np.r_[begins, len(keys)]).astype(np.int64)
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(begins, counts)
    return rank
