"""Hashes of pictures that were mirrored or turned by right angles: pure functions."""

from __future__ import annotations

from itertools import product

import numpy as np

from cosmic_morphology.curate.duplicates_hashes import near_hashes
from cosmic_morphology.curate.duplicates_keys import FORMS, Form

# Bits of the frequencies that are odd from left to right, and from top to bottom.
_ODD_COLUMNS = 0x5555555555555555
_ODD_ROWS = 0x00FF00FF00FF00FF


def near_turned_hashes(hashes: np.ndarray, *, max_bits: int) -> np.ndarray:
    """Pairs of rows whose hashes are near when one of the pictures is mirrored or turned.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        Perceptual hashes, the first frequency in the highest bit.
    max_bits : int
        Largest Hamming distance.

    Returns
    -------
    ndarray of int64, shape ``(M, 2)``
        Each pair once, the smaller row first, sorted; pairs that are near as they are among them.
    """
    over = turned_hash(hashes, (1, 0, 0))
    flips = [
        _ODD_COLUMNS * left_right ^ _ODD_ROWS * top_bottom
        for left_right, top_bottom in product((0, 1), (0, 1))
    ]
    return near_hashes(hashes, max_bits=max_bits, exchanged=over, flips=flips)


def near_forms(one: np.ndarray, other: np.ndarray, *, max_bits: int) -> np.ndarray:
    """The ways to turn the first picture of each pair that bring its hash near the other's.

    Parameters
    ----------
    one, other : ndarray of uint64, shape ``(N,)``
    max_bits : int
        Largest Hamming distance; all eight where none is as near.

    Returns
    -------
    ndarray of bool, shape ``(N, 8)``
        Which of ``FORMS`` do.
    """
    off = [np.bitwise_count(turned_hash(one, form) ^ other) for form in FORMS]
    near = np.stack(off, axis=1) <= max_bits
    near[~near.any(axis=1)] = True
    return near


def turned_hash(hashes: np.ndarray, form: Form) -> np.ndarray:
    """Perceptual hashes of the pictures that were mirrored and exchanged, almost.

    Mirroring a picture changes the sign of its odd frequencies, exchanging its sides that of rows
    and columns. The median that the bits are measured against moves a little, too: of pictures of
    the sky 97 in 100 are at most 6 bits off.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        The first frequency in the highest bit, row by row.
    form : tuple of int
        One of :data:`FORMS`.
    """
    exchanged, left_right, top_bottom = form
    changed = hashes ^ np.uint64(_ODD_COLUMNS * left_right ^ _ODD_ROWS * top_bottom)
    if not exchanged:
        return np.asarray(changed)
    bits = np.unpackbits(changed.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    over = np.packbits(bits.reshape(-1, 8, 8).swapaxes(1, 2).reshape(-1, 64), axis=1)
    return over.view(">u8").ravel().astype(np.uint64)
