"""Pairs of near hashes, as they are or reoriented, without ever comparing all with all.

A form of multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): of m bands of bits, two
hashes that differ in d bits agree on m - d bands at least. Every choice of that many bands is a
table, and rows that agree on it are compared; the paper has fewer bands and looks up keys that are
a bit or two off, which takes twice as long, and seven times in all orientations
(``benchmarks/fast_copies.py``). Mirroring and transposing change a hash within its bands only, so a
row is stored in a table under the least of its keys in all orientations: one table serves them all.

Hashes of images that were mirrored or rotated by right angles: pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, islice, pairwise, product

import numpy as np

from cosmic_morphology.curate.duplicates.candidates import MAX_BUCKET, pack_pairs, unpack_pairs
from cosmic_morphology.curate.duplicates.keypoint_index import ORIENTATIONS, Orientation

SIDE = 8
HASH_BITS = SIDE * SIDE
# Bands that must agree: fewer fill the buckets of a million hashes by chance, more make more tables
# than they save comparisons. One number for all sizes keeps the time in proportion to the rows.
AGREE = 3
# Rows at once: their words in all orientations stay in the cache.
_CHUNK = 1 << 14
# Pairs come up in several tables: so many tables are put together at a time.
_TABLES_AT_ONCE = 16

Band = tuple[int, int]
"""First bit and number of bits."""


def pairs_within_hamming(
    hashes: np.ndarray,
    *,
    max_bits: int,
    transposed: np.ndarray | None = None,
    flips: Sequence[int] = (0,),
) -> np.ndarray:
    """Pairs of rows whose 64-bit hashes differ in at most ``max_bits`` bits.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        Eight rows of eight bits.
    max_bits : int
        Largest Hamming distance in the orientation that brings two hashes nearest to each other.
    transposed : ndarray of uint64, shape ``(N,)``, optional
        The hashes with rows and columns transposed, where these are compared, too.
    flips : sequence of int
        Bits that other orientations change. Each pair of these masks makes one orientation, and so
        does each mask with rows and columns transposed.

    Returns
    -------
    ndarray of int64, shape ``(M, 2)``
        Each pair once, the smaller row first, sorted.

    Notes
    -----
    Nothing is missed, except inside buckets of more than ``MAX_BUCKET`` rows, where rows are
    compared in the order of their other bits only.
    """
    orientations = [hashes] if transposed is None else [hashes, transposed]
    bases = _in_order(np.stack([np.asarray(each, np.uint64) for each in orientations]))
    masks = _in_order(np.array(flips, np.uint64))
    tables = _tables(max_bits)
    found = []
    while some := list(islice(tables, _TABLES_AT_ONCE)):
        alike = [_alike(bases, masks, *table, max_bits) for table in some]
        found.append(_near(bases, masks, _once(chain.from_iterable(alike)), max_bits))
    return unpack_pairs(_once(found))


def _near(bases: np.ndarray, masks: np.ndarray, pairs: np.ndarray, max_bits: int) -> np.ndarray:
    """Those of the pairs (both rows in one number) that are near in any orientation."""
    one, other = unpack_pairs(pairs).T
    near = np.zeros(len(pairs), bool)
    for base in bases:
        across = base[one] ^ bases[0, other]
        for mask in masks:
            near |= np.bitwise_count(across ^ mask) <= max_bits
    return np.asarray(pairs[near & (one != other)])


def _once(several: Iterable[np.ndarray]) -> np.ndarray:
    """What is in any of several arrays, sorted (twice as fast as numpy's ``unique`` here)."""
    ordered = np.sort(np.concatenate([np.empty(0, np.uint64), *several]))
    fresh = np.ones(len(ordered), bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[fresh])


def _alike(
    bases: np.ndarray, masks: np.ndarray, key: list[Band], others: list[Band], max_bits: int
) -> Iterator[np.ndarray]:
    """Pairs in one bucket that are alike in more bits than its key, in a few large steps."""
    # One sort of plain numbers (key, as many other bits as there is room for, row) brings together
    # what is to be compared: most pairs are told apart without looking anything up.
    row_bits = max(1, (bases.shape[1] - 1).bit_length())
    key, others = _that_fit(key, others, HASH_BITS - row_bits)
    other_bits = sum(bits for _, bits in others)
    words = _words(bases, masks, key + others, other_bits, row_bits)
    words.sort()
    rows_of, low = np.uint64((1 << row_bits) - 1), np.uint64(row_bits)
    same_key = np.uint64(1 << (other_bits + row_bits))
    at = np.flatnonzero(words[1:] ^ words[:-1] < same_key)
    for step in range(1, MAX_BUCKET):
        if not len(at):
            return
        off = np.bitwise_count((words[at] ^ words[at + step]) >> low)
        near = at[off <= max_bits]
        yield pack_pairs(words[near] & rows_of, words[near + step] & rows_of)
        at = at[at + step + 1 < len(words)]
        at = at[words[at] ^ words[at + step + 1] < same_key]


def _words(
    bases: np.ndarray, masks: np.ndarray, bands: list[Band], other_bits: int, row_bits: int
) -> np.ndarray:
    """Key, other bits and row of each row, in the orientation in which that is least.

    A row whose key is least in several orientations stands there in each of them.
    """
    flips = _taken(masks, bands)
    words = np.empty(bases.shape[1], np.uint64)
    same_key, low = np.uint64(1 << other_bits), np.uint64(row_bits)
    again = []
    for start in range(0, len(words), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(words)), dtype=np.uint64)
        plain = _taken(bases[:, start : start + _CHUNK], bands)
        orientations = (plain[:, None] ^ flips[:, None]).reshape(-1, len(rows))
        least = orientations.min(axis=0)
        words[start : start + _CHUNK] = (least << low) | rows
        tied = orientations ^ least < same_key
        several = np.flatnonzero(tied.sum(axis=0, dtype=np.uint8) > 1)
        if len(several):
            orientation, which = np.nonzero(
                tied[:, several] & (orientations[:, several] != least[several])
            )
            again.append((orientations[orientation, several[which]] << low) | rows[several[which]])
    return np.concatenate([words, *again])


def _tables(max_bits: int) -> Iterator[tuple[list[Band], list[Band]]]:
    """The bands of each table's key, and the other bands."""
    at = np.flatnonzero(_BAND_MAY_END)
    wanted = np.linspace(0, HASH_BITS, max_bits + AGREE + 1)
    edges = at[np.abs(at[None] - wanted[:, None]).argmin(axis=1)].tolist()
    bands = [(a, b - a) for a, b in pairwise(edges)]
    for key in combinations(bands, AGREE):
        yield list(key), [band for band in bands if band not in key]


def _that_fit(key: list[Band], others: list[Band], room: int) -> tuple[list[Band], list[Band]]:
    total = np.cumsum([bits for _, bits in key + others])
    fit = int(np.searchsorted(total, room, "right"))
    return key[:fit], others[: max(0, fit - len(key))]


def _taken(hashes: np.ndarray, bands: list[Band]) -> np.ndarray:
    taken = np.zeros_like(hashes)
    for first, bits in bands:
        part = (hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)
        taken = (taken << np.uint64(bits)) | part
    return taken


def _by_exchange() -> tuple[np.ndarray, np.ndarray]:
    """The bits in an order in which those that exchange their places stand side by side.

    Six bits that do and one that does not, in turn; and whether a band may end before each place.
    """
    both = [[SIDE * a + b, SIDE * b + a] for a in range(SIDE) for b in range(a)]
    alone = [[(SIDE + 1) * a] for a in range(SIDE)]
    units = []
    for number, unit in enumerate(both):
        units.append(unit)
        if number % 3 == 2 and alone:
            units.append(alone.pop())
    units += alone
    starts = np.zeros(HASH_BITS + 1, bool)
    starts[np.cumsum([0, *map(len, units)])] = True
    return np.concatenate(units), starts


_ORDER, _BAND_MAY_END = _by_exchange()


def _in_order(hashes: np.ndarray) -> np.ndarray:
    """Hashes with their bits in the order of the bands, highest first."""
    octets = np.ascontiguousarray(hashes).astype(">u8")[..., None].view(np.uint8)
    bits = np.unpackbits(octets, axis=-1)[..., _ORDER[::-1]]
    return np.ascontiguousarray(np.packbits(bits, axis=-1)).view(">u8")[..., 0].astype(np.uint64)


# Bits of the frequencies that are odd from left to right, and from top to bottom.
_ODD_COLUMNS = 0x5555555555555555
_ODD_ROWS = 0x00FF00FF00FF00FF


def near_reoriented_hashes(hashes: np.ndarray, *, max_bits: int) -> np.ndarray:
    """Pairs of rows whose hashes are near when one of the images is mirrored or rotated.

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
    over = reoriented_hash(hashes, (1, 0, 0))
    flips = [
        _ODD_COLUMNS * left_right ^ _ODD_ROWS * top_bottom
        for left_right, top_bottom in product((0, 1), (0, 1))
    ]
    return pairs_within_hamming(hashes, max_bits=max_bits, transposed=over, flips=flips)


def near_orientations(one: np.ndarray, other: np.ndarray, *, max_bits: int) -> np.ndarray:
    """The orientations of the first image of each pair that bring its hash near the other's.

    Parameters
    ----------
    one, other : ndarray of uint64, shape ``(N,)``
    max_bits : int
        Largest Hamming distance; all eight where none is as near.

    Returns
    -------
    ndarray of bool, shape ``(N, 8)``
        Which of ``ORIENTATIONS`` do.
    """
    off = [
        np.bitwise_count(reoriented_hash(one, orientation) ^ other) for orientation in ORIENTATIONS
    ]
    near = np.stack(off, axis=1) <= max_bits
    near[~near.any(axis=1)] = True
    return near


def reoriented_hash(hashes: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Perceptual hashes of the images that were mirrored and transposed, almost.

    Mirroring an image changes the sign of its odd frequencies, transposing it that of rows
    and columns. The median that the bits are measured against moves a little, too: of images of
    the sky 97 in 100 are at most 6 bits off.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        The first frequency in the highest bit, row by row.
    orientation : tuple of int
        One of :data:`ORIENTATIONS`.
    """
    transposed, left_right, top_bottom = orientation
    changed = hashes ^ np.uint64(_ODD_COLUMNS * left_right ^ _ODD_ROWS * top_bottom)
    if not transposed:
        return np.asarray(changed)
    bits = np.unpackbits(changed.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    over = np.packbits(bits.reshape(-1, 8, 8).swapaxes(1, 2).reshape(-1, 64), axis=1)
    return over.view(">u8").ravel().astype(np.uint64)
