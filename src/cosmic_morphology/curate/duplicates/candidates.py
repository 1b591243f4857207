"""Pairs of images that may be copies, without ever comparing all with all: pure functions."""

from __future__ import annotations

import numpy as np

# A bucket larger than this holds hashes that mean nothing (black frames): only neighbours in it
# are paired, so the work stays in proportion to the number of images.
MAX_BUCKET = 64


def same_bytes(sha256: np.ndarray) -> np.ndarray:
    """Pairs of rows with equal hashes: each row with the first of its kind.

    Parameters
    ----------
    sha256 : ndarray, shape ``(N,)``
        Texts, or their beginnings as numbers.

    Returns
    -------
    ndarray of int64, shape ``(M, 2)``
    """
    order = np.argsort(sha256, kind="stable")
    if not len(order):
        return np.empty((0, 2), np.int64)
    fresh = np.concatenate([[True], sha256[order][1:] != sha256[order][:-1]])
    first = order[np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))]
    pairs: np.ndarray = np.stack([first, order], axis=1)[~fresh].astype(np.int64)
    return pairs


def unique_pairs(pairs: np.ndarray) -> np.ndarray:
    """Each pair once, the smaller row first, sorted; a row with itself is left out.

    Examples
    --------
    >>> unique_pairs(np.array([[3, 1], [1, 3], [2, 2]])).tolist()
    [[1, 3]]
    """
    pairs = np.sort(pairs, axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    if not len(pairs):
        return pairs.reshape(0, 2).astype(np.int64)
    return unpack_pairs(np.unique(pack_pairs(pairs[:, 0], pairs[:, 1])))


def pack_pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs of rows as one number each, uint64: the smaller row in the higher bits."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    return np.asarray((low.astype(np.uint64) << np.uint64(32)) | high.astype(np.uint64))


def unpack_pairs(keys: np.ndarray) -> np.ndarray:
    """What :func:`pack_pairs` has put together, int64 of shape ``(M, 2)``."""
    return np.stack([keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)
