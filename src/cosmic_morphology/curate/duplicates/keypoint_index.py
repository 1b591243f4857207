"""From local fingerprints to pairs of images that share some: keys, probes, one sort.

The code of a blob is the lowest frequencies of the patch around it. Mirroring an image changes
the sign of the odd ones, turning it on its side exchanges rows and columns, and nothing else: so a
blob is told in the one of its eight forms whose first two frequencies are positive and in order.
The signs of the others are the bits of its key. Two images that share keys are candidates.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from cosmic_morphology.curate.duplicates.candidates import MAX_BUCKET, pack_pairs, unpack_pairs
from cosmic_morphology.curate.duplicates.keypoints import FREQUENCIES

_V, _U = np.array(FREQUENCIES).T
# For each of the eight forms: the sign and the place of each frequency after it.
_ODD_U, _ODD_V = np.where(_U % 2, -1.0, 1.0), np.where(_V % 2, -1.0, 1.0)
_SWAPPED = np.array([FREQUENCIES.index((u, v)) for v, u in FREQUENCIES])
Form = tuple[int, int, int]
FORMS: tuple[Form, ...] = tuple(product((0, 1), (0, 1), (0, 1)))
"""(exchanged, mirrored left to right, mirrored top to bottom): first mirrored, then exchanged."""

_FIRST_V, _FIRST_U = FREQUENCIES.index((1, 0)), FREQUENCIES.index((0, 1))


def turned(code: np.ndarray, form: tuple[int, int, int]) -> np.ndarray:
    """Codes of the same blobs in the image that was mirrored and exchanged.

    Parameters
    ----------
    code : ndarray, shape ``(K, F)``
    form : tuple of int
        One of :data:`FORMS`.
    """
    exchanged, left_right, top_bottom = form
    sign = (_ODD_U if left_right else 1.0) * (_ODD_V if top_bottom else 1.0)
    signed = code * np.asarray(sign, dtype=code.dtype)
    return np.asarray(signed[:, _SWAPPED] if exchanged else signed)


def placed(
    x: np.ndarray, y: np.ndarray, form: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where points come when the image is mirrored (about 0) and exchanged."""
    exchanged, left_right, top_bottom = form
    x, y = (-x if left_right else x), (-y if top_bottom else y)
    return (y, x) if exchanged else (x, y)


# Frequencies whose signs are bits of a key, lowest first (the first two fix the form instead).
_BITS = np.array([at for at in range(len(FREQUENCIES)) if at not in (_FIRST_V, _FIRST_U)])
# A choice of form whose margin is less than this is taken both ways, and so are the signs of the
# three frequencies nearest to zero.
_DOUBTFUL = 0.06
_PROBED_BITS = 3
# Pairs that share keys by chance, for each image; and images from which on one key is not
# enough to be a candidate.
_CHANCE_PAIRS = 2.0
_CHUNK = 1 << 16
# Codes of one blob in two copies are at least so alike (cosine).
MIN_COSINE = 0.9


def pairs_by_keys(code: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of images that share keys.

    Parameters
    ----------
    code : ndarray of float32, shape ``(M, F)``
        Codes of the blobs of all N images, one image after the other.
    starts : ndarray of int64, shape ``(N + 1,)``
        Where the blobs of each image begin.

    Returns
    -------
    pairs : ndarray of int64, shape ``(P, 2)``
        Each pair once, the smaller row first, sorted.
    shared : ndarray of float64, shape ``(P,)``
        Keys that they share, each counted for one over all blobs that have it.

    Notes
    -----
    A key has as many bits as make chance pairs rare among so many blobs, so the work grows with
    the number of images, not with its square.
    """
    n = len(starts) - 1
    empty = np.empty((0, 2), np.int64), np.empty(0)
    if n < 2 or not len(code):
        return empty
    owner = np.repeat(np.arange(n), np.diff(starts))
    bits = _bits_for(n, len(code))
    standing = _formed(code, _choices(code)[0])
    base = _keys(standing[:, None], bits)[:, 0, 0]
    order = np.argsort(base, kind="stable")
    ordered = base[order]
    # A key that many have (a lone star on black) tells little: it counts for one over them all.
    rank = np.unique(ordered, return_inverse=True)[1]
    crowd = np.empty(len(code))
    crowd[order] = np.bincount(rank)[rank]
    found, weights = [], []
    for first in range(0, len(code), _CHUNK):
        blobs = np.arange(first, min(first + _CHUNK, len(code)))
        variants, fresh = _standing(code[blobs])
        asking, form, has = _hits(_keys(variants, bits, probing=True), fresh, ordered, order)
        # Sharing a key is cheap; the whole codes must be alike, too.
        alike = np.einsum("ij,ij->i", variants[asking, form], standing[has])
        good = (alike >= MIN_COSINE) & (owner[blobs[asking]] != owner[has])
        asks, other, weight = blobs[asking[good]], owner[has[good]], 1.0 / crowd[has[good]]
        # Each blob that asks counts once for an image.
        order_here = np.lexsort((-weight, other, asks))
        asks, other, weight = asks[order_here], other[order_here], weight[order_here]
        once = np.ones(len(asks), bool)
        once[1:] = (asks[1:] != asks[:-1]) | (other[1:] != other[:-1])
        found.append(pack_pairs(owner[asks[once]], other[once]))
        weights.append(weight[once])
    keys, which = np.unique(np.concatenate(found), return_inverse=True)
    shared = np.bincount(which, np.concatenate(weights), minlength=len(keys))
    return unpack_pairs(keys), shared


def _bits_for(images: int, blobs: int) -> int:
    probes = 4 * 2**_PROBED_BITS
    chances = blobs * (blobs / images) * probes / _CHANCE_PAIRS
    return int(np.clip(np.ceil(np.log2(max(chances, 1))), 12, len(_BITS)))


def _hits(
    probes: np.ndarray, fresh: np.ndarray, ordered: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blob that asks, form in which it asks, and blob that has the key, hit by hit."""
    blobs, forms, tries = np.nonzero(np.broadcast_to(fresh[:, :, None], probes.shape))
    wanted = probes[blobs, forms, tries]
    left = np.searchsorted(ordered, wanted, "left")
    count = np.searchsorted(ordered, wanted, "right") - left
    # A key that very many have (a lone star on black) tells nothing.
    count[count > MAX_BUCKET] = 0
    which = np.repeat(np.arange(len(wanted)), count)
    step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return blobs[which], forms[which], order[left[which] + step]


def _keys(variants: np.ndarray, bits: int, *, probing: bool = False) -> np.ndarray:
    """Keys of codes ``(M, forms, F)``, uint64 of shape ``(M, forms, probes)``."""
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


def _choices(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each code which mirrorings and exchange make it stand, and how surely, ``(M, 3)``."""
    first_u, first_v = code[:, _FIRST_U], code[:, _FIRST_V]
    swapped = np.abs(first_v) > np.abs(first_u)
    margin = np.stack([first_u, first_v, np.abs(first_u) - np.abs(first_v)], axis=1)
    return np.stack([first_u < 0, first_v < 0, swapped], axis=1), np.abs(margin)


def _standing(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes in the form in which the first two frequencies are positive and in order.

    Four forms, ``(M, 4, F)``: as they are, with the least certain choice the other way, with the
    second least, with both; and ``(M, 4)`` whether the form is in doubt at all.
    """
    choice, margin = _choices(code)
    order = np.argsort(margin, axis=1)
    at = np.arange(len(code))
    out = np.empty((len(code), 4, code.shape[1]), code.dtype)
    fresh = np.ones((len(code), 4), bool)
    for variant, flips in enumerate(((), (0,), (1,), (0, 1))):
        chosen = choice.copy()
        for rank in flips:
            chosen[at, order[:, rank]] ^= True
            fresh[:, variant] &= margin[at, order[:, rank]] < _DOUBTFUL
        out[:, variant] = _formed(code, chosen)
    return out, fresh


def _formed(code: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    sign = np.where(chosen[:, :1], _ODD_U, 1.0) * np.where(chosen[:, 1:2], _ODD_V, 1.0)
    signed = code * sign.astype(code.dtype)
    return np.asarray(np.where(chosen[:, 2:], signed[:, _SWAPPED], signed))
