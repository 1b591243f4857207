"""Every image against every other, in eight orientations: pairs that are worth a closer look.

Products of matrices in float32, block by block: nothing is indexed, hashed or sampled, so no pair
is passed over because something else about it was unlucky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.curate.exhaustive.maps import CELLS, ORIENTATIONS, oriented

# Least correlation of whole images, and of an image with a part of another. Dark frames that were
# compressed to quality 40 keep 0.3 to 0.7 of the whole.
MIN_WHOLE, MIN_PART = 0.35, 0.6
# Of each image (or part of it) so many others are looked at, the most alike first.
NEAREST = 8
# Numbers of a block of scores: they stay in the cache.
_ROWS, _COLUMNS = 512, 2048


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


def candidate_pairs(
    wholes: np.ndarray, versions: np.ndarray, split: np.ndarray, *, part: int, first: int = 0
) -> CandidatePairs:
    """Pairs of images of which one, in some orientation, is like the other or a part of it.

    Parameters
    ----------
    wholes : ndarray of float32, shape ``(N, 400)``
        Small versions of whole images, unit vectors (or zero: like nothing).
    versions : ndarray of float32, shape ``(B, 400)``
        Small versions of one part of the images ``first`` to ``first`` + B - 1.
    split : ndarray of int, shape ``(N,)``
        Two images of one split are passed over; -1: of none.
    part : int
        Which part the versions are; with 0 each pair is compared once.
    first : int
        Row of the first version.
    """
    least = MIN_PART if part else MIN_WHOLE
    kept = _joined([])
    squares = wholes.reshape(-1, CELLS, CELLS)
    scores = np.empty((_ROWS, _COLUMNS), np.float32)
    for start in range(0, len(versions), _ROWS):
        block = versions[start : start + _ROWS]
        rows = np.arange(first + start, first + start + len(block))
        found: list[tuple[np.ndarray, ...]] = []
        for number, orientation in enumerate(ORIENTATIONS):
            # Every orientation is asked in one direction only: turning the other one back is among
            # them. So of whole images the later ones are enough.
            for at in range(0 if part else int(rows[0]), len(wholes), _COLUMNS):
                if _all_of_one(split[rows], split[at : at + _COLUMNS]):
                    continue
                turned = oriented(squares[at : at + _COLUMNS], orientation).reshape(-1, CELLS**2)
                out = scores[: len(block), : len(turned)]
                np.matmul(block, turned.T, out=out)
                if out.max() < least:
                    continue
                of, whole = np.nonzero(out >= least)
                alike = out[of, whole]
                of, whole = rows[of], whole + at
                apart = (split[of] != split[whole]) | (split[of] < 0)
                apart &= (whole > of) if part == 0 else (whole != of)
                found.append(
                    tuple(
                        each[apart]
                        for each in (
                            whole,
                            of,
                            np.full(len(of), number),
                            np.full(len(of), part),
                            alike,
                        )
                    )
                )
        # Who is not among the nearest here is not among them at the end: memory stays small.
        kept = nearest(joined([kept, _joined(found)]))
    return kept


def _all_of_one(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether all these images are of one split, so that none of their pairs could leak."""
    return bool(one[0] >= 0 and (one == one[0]).all() and (other == one[0]).all())


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
