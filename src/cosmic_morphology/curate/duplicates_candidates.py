"""Pairs of pictures that may be copies, without ever comparing all with all: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np

HASH_BITS = 64
# A bucket larger than this holds hashes that mean nothing (black frames): only neighbours in it
# are paired, so the work stays in proportion to the number of pictures.
MAX_BUCKET = 64
# Bands that must agree: fewer fill the buckets of a million hashes by chance, more make more tables
# than they save comparisons. One number for all sizes keeps the time in proportion to the rows.
AGREE = 3


def same_bytes(sha256: np.ndarray) -> np.ndarray:
    """Pairs of rows with equal hashes: each row with the first of its kind.

    Parameters
    ----------
    sha256 : ndarray of str, shape ``(N,)``

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


def near_hashes(hashes: np.ndarray, *, max_bits: int) -> np.ndarray:
    """Pairs of rows whose 64-bit hashes differ in at most ``max_bits`` bits.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
    max_bits : int
        Largest Hamming distance.

    Returns
    -------
    ndarray of int64, shape ``(M, 2)``
        Each pair once, the smaller row first, sorted.

    Notes
    -----
    Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): of m bands of bits, two hashes
    that differ in d bits agree on m - d bands at least. Every choice of that many bands is a
    table, and rows that agree on it are compared. Nothing is missed, except inside buckets of
    more than ``MAX_BUCKET`` rows, which are compared in the order of their hashes only.
    """
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for bands in _tables(max_bits):
        for one, other in pairs_of_buckets(_taken(hashes, bands)):
            near = np.bitwise_count(hashes[one] ^ hashes[other]) <= max_bits
            found.append(np.stack([one[near], other[near]], axis=1))
        if len(found) > 64:
            found = [unique_pairs(np.concatenate(found))]
    return unique_pairs(np.concatenate(found))


def pairs_of_buckets(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows with equal keys, in a few large steps; of large buckets only neighbours.

    Parameters
    ----------
    keys : ndarray of uint64, shape ``(N,)``
        Small enough that a key and a row number go into 64 bits together.
    """
    if not len(keys):
        return
    # One sort of plain numbers, key before row, is several times faster than an argsort.
    row_bits = np.uint64(max(1, int(len(keys) - 1).bit_length()))
    both = np.sort((keys << row_bits) | np.arange(len(keys), dtype=np.uint64))
    ordered = both >> row_bits
    rows = (both & ((np.uint64(1) << row_bits) - np.uint64(1))).astype(np.int64)
    at = np.flatnonzero(ordered[1:] == ordered[:-1])
    for step in range(1, MAX_BUCKET):
        if not len(at):
            return
        yield rows[at], rows[at + step]
        at = at[at + step + 1 < len(rows)]
        at = at[ordered[at] == ordered[at + step + 1]]


def unique_pairs(pairs: np.ndarray) -> np.ndarray:
    """Each pair once, the smaller row first, sorted; a row with itself is left out."""
    pairs = np.sort(pairs, axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    if not len(pairs):
        return pairs.reshape(0, 2).astype(np.int64)
    keys = np.unique(
        (pairs[:, 0].astype(np.uint64) << np.uint64(32)) | pairs[:, 1].astype(np.uint64)
    )
    return np.stack([keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)


def _tables(max_bits: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """The bands (first bit, bits) of each table: a bucket then holds few rows by chance."""
    edges = np.linspace(0, HASH_BITS, max_bits + AGREE + 1).round().astype(int)
    bands = [(int(a), int(b - a)) for a, b in pairwise(edges)]
    yield from combinations(bands, AGREE)


def _taken(hashes: np.ndarray, bands: tuple[tuple[int, int], ...]) -> np.ndarray:
    keys = np.zeros_like(hashes)
    for first, bits in bands:
        part = (hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)
        keys = (keys << np.uint64(bits)) | part
    return keys
