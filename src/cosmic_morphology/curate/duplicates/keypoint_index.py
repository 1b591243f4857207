"""From keypoints to pairs of images that share some: keys, probes, one sort.

The descriptor of a keypoint is the lowest frequencies of the patch around it. Mirroring an image
changes the sign of the odd ones, rotating it by a right angle exchanges rows and columns, and
nothing else: so a keypoint is described in the one of its eight orientations whose first two
frequencies are positive and in order. The signs of the others are the bits of its key. Two images
that share keys are candidates.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from cosmic_morphology.curate.duplicates.candidates import MAX_BUCKET, pack_pairs, unpack_pairs
from cosmic_morphology.curate.duplicates.keypoints import FREQUENCIES

_V, _U = np.array(FREQUENCIES).T
# For each of the eight orientations: the sign and the place of each frequency after it.
_ODD_U, _ODD_V = np.where(_U % 2, -1.0, 1.0), np.where(_V % 2, -1.0, 1.0)
_SWAPPED = np.array([FREQUENCIES.index((u, v)) for v, u in FREQUENCIES])
Orientation = tuple[int, int, int]
ORIENTATIONS: tuple[Orientation, ...] = tuple(product((0, 1), (0, 1), (0, 1)))
"""(transposed, mirrored left to right, mirrored top to bottom): first mirrored, then transposed."""

_FIRST_V, _FIRST_U = FREQUENCIES.index((1, 0)), FREQUENCIES.index((0, 1))


def reoriented(descriptor: np.ndarray, orientation: tuple[int, int, int]) -> np.ndarray:
    """Descriptors of the same keypoints in the image that was mirrored and transposed.

    Parameters
    ----------
    descriptor : ndarray, shape ``(K, F)``
    orientation : tuple of int
        One of :data:`ORIENTATIONS`.
    """
    transposed, left_right, top_bottom = orientation
    sign = (_ODD_U if left_right else 1.0) * (_ODD_V if top_bottom else 1.0)
    signed = descriptor * np.asarray(sign, dtype=descriptor.dtype)
    return np.asarray(signed[:, _SWAPPED] if transposed else signed)


def transform_points(
    x: np.ndarray, y: np.ndarray, orientation: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where points come when the image is mirrored (about 0) and transposed."""
    transposed, left_right, top_bottom = orientation
    x, y = (-x if left_right else x), (-y if top_bottom else y)
    return (y, x) if transposed else (x, y)


# Frequencies whose signs are bits of a key, lowest first; the first two fix the orientation.
_BITS = np.array([at for at in range(len(FREQUENCIES)) if at not in (_FIRST_V, _FIRST_U)])
# A choice of orientation whose margin is less than this is taken both ways, and so are the signs
# of the three frequencies nearest to zero.
_DOUBTFUL = 0.06
_PROBED_BITS = 3
# Pairs that share keys by chance, for each image; and images from which on one key is not
# enough to be a candidate.
_CHANCE_PAIRS = 2.0
_CHUNK = 1 << 16
# Descriptors of one keypoint in two copies are at least so alike (cosine).
MIN_COSINE = 0.9


def pairs_by_keys(descriptor: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of images that share keys.

    Parameters
    ----------
    descriptor : ndarray of float32, shape ``(M, F)``
        Descriptors of the keypoints of all N images, one image after the other.
    starts : ndarray of int64, shape ``(N + 1,)``
        Where the keypoints of each image begin.

    Returns
    -------
    pairs : ndarray of int64, shape ``(P, 2)``
        Each pair once, the smaller row first, sorted.
    shared : ndarray of float64, shape ``(P,)``
        Keys that they share, each counted for one over all keypoints that have it.

    Notes
    -----
    A key has as many bits as make chance pairs rare among so many keypoints, so the work grows with
    the number of images, not with its square.
    """
    n = len(starts) - 1
    empty = np.empty((0, 2), np.int64), np.empty(0)
    if n < 2 or not len(descriptor):
        return empty
    owner = np.repeat(np.arange(n), np.diff(starts))
    bits = _bits_for(n, len(descriptor))
    canonical = _in_orientation(descriptor, _choices(descriptor)[0])
    base = _keys(canonical[:, None], bits)[:, 0, 0]
    order = np.argsort(base, kind="stable")
    ordered = base[order]
    # A key that many have (a lone star on black) tells little: it counts for one over them all.
    rank = np.unique(ordered, return_inverse=True)[1]
    crowd = np.empty(len(descriptor))
    crowd[order] = np.bincount(rank)[rank]
    found, weights = [], []
    for first in range(0, len(descriptor), _CHUNK):
        keypoints = np.arange(first, min(first + _CHUNK, len(descriptor)))
        variants, fresh = _canonical_variants(descriptor[keypoints])
        asking, orientation, has = _hits(_keys(variants, bits, probing=True), fresh, ordered, order)
        # Sharing a key is cheap; the whole descriptors must be alike, too.
        alike = np.einsum("ij,ij->i", variants[asking, orientation], canonical[has])
        good = (alike >= MIN_COSINE) & (owner[keypoints[asking]] != owner[has])
        asks, other, weight = keypoints[asking[good]], owner[has[good]], 1.0 / crowd[has[good]]
        # Each keypoint that matches counts once for an image.
        order_here = np.lexsort((-weight, other, asks))
        asks, other, weight = asks[order_here], other[order_here], weight[order_here]
        once = np.ones(len(asks), bool)
        once[1:] = (asks[1:] != asks[:-1]) | (other[1:] != other[:-1])
        found.append(pack_pairs(owner[asks[once]], other[once]))
        weights.append(weight[once])
    keys, which = np.unique(np.concatenate(found), return_inverse=True)
    shared = np.bincount(which, np.concatenate(weights), minlength=len(keys))
    return unpack_pairs(keys), shared


def _bits_for(images: int, keypoints: int) -> int:
    probes = 4 * 2**_PROBED_BITS
    chances = keypoints * (keypoints / images) * probes / _CHANCE_PAIRS
    return int(np.clip(np.ceil(np.log2(max(chances, 1))), 12, len(_BITS)))


def _hits(
    probes: np.ndarray, fresh: np.ndarray, ordered: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keypoint that asks, its orientation, and the keypoint that has the key, hit by hit."""
    keypoints, orientations, tries = np.nonzero(np.broadcast_to(fresh[:, :, None], probes.shape))
    wanted = probes[keypoints, orientations, tries]
    left = np.searchsorted(ordered, wanted, "left")
    count = np.searchsorted(ordered, wanted, "right") - left
    # A key that very many have (a lone star on black) tells nothing.
    count[count > MAX_BUCKET] = 0
    which = np.repeat(np.arange(len(wanted)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return keypoints[which], orientations[which], order[left[which] + step]


def _keys(variants: np.ndarray, bits: int, *, probing: bool = False) -> np.ndarray:
    """Keys of descriptors of shape ``(M, V, F)``: uint64 of shape ``(M, V, probes)``."""
    signs = variants[:, :, _BITS[:bits]]
    weight = np.uint64(1) << np.arange(bits, dtype=np.uint64)
    keys = ((signs > 0) * weight).sum(axis=2, dtype=np.uint64)[:, :, None]
    if not probing:
        return np.asarray(keys)
    doubtful = np.argsort(np.abs(signs), axis=2)[:, :, :_PROBED_BITS]
    for at in range(_PROBED_BITS):
        flipped = keys ^ weight[doubtful[:, :, at]][:, :, None]
        keys = np.concatenate([keys, flipped], axis=2)
    return np.asarray(keys)


def _choices(descriptor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which mirrorings and transposition make each canonical, and how surely, ``(M, 3)``."""
    first_u, first_v = descriptor[:, _FIRST_U], descriptor[:, _FIRST_V]
    swapped = np.abs(first_v) > np.abs(first_u)
    margin = np.stack([first_u, first_v, np.abs(first_u) - np.abs(first_v)], axis=1)
    return np.stack([first_u < 0, first_v < 0, swapped], axis=1), np.abs(margin)


def _canonical_variants(descriptor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors in their canonical orientations: first two frequencies positive and in order.

    Four of them, ``(M, 4, F)``: as they are, with the least certain choice the other way, with the
    second least, with both; and ``(M, 4)`` whether the orientation is in doubt at all.
    """
    choice, margin = _choices(descriptor)
    order = np.argsort(margin, axis=1)
    at = np.arange(len(descriptor))
    out = np.empty((len(descriptor), 4, descriptor.shape[1]), descriptor.dtype)
    fresh = np.ones((len(descriptor), 4), bool)
    for variant, flips in enumerate(((), (0,), (1,), (0, 1))):
        chosen = choice.copy()
        for rank in flips:
            chosen[at, order[:, rank]] ^= True
            fresh[:, variant] &= margin[at, order[:, rank]] < _DOUBTFUL
        out[:, variant] = _in_orientation(descriptor, chosen)
    return out, fresh


def _in_orientation(descriptor: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    sign = np.where(chosen[:, :1], _ODD_U, 1.0) * np.where(chosen[:, 1:2], _ODD_V, 1.0)
    signed = descriptor * sign.astype(descriptor.dtype)
    return np.asarray(np.where(chosen[:, 2:], signed[:, _SWAPPED], signed))
