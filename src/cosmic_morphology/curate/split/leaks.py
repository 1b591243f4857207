"""What two splits share, found in arrays of N records: numbers by id, and the split of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.keys import SharedKeys

# Ties that two splits may not share; series, albums and days are kept in groups where they fit.
FORBIDDEN_KEYS = ("lineage", "press", "object", "body")


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that two splits of the split share.

    Attributes
    ----------
    kind : str
        ``copy`` (the same image), ``lineage``, ``press``, ``object``, or ``group``.
    what : str
        The name that is shared, or how like the images are.
    images : tuple of str
        One id of each split.
    splits : tuple of str
        Their splits.
    """

    kind: str
    what: str
    images: tuple[str, str]
    splits: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SplitOf:
    """Ids of N records, and the split of each.

    Attributes
    ----------
    ids : pyarrow.Array
        Sorted.
    split : ndarray of int8, shape ``(N,)``
        Its place in :data:`~cosmic_morphology.atlas.SPLITS`; -1: of none.
    """

    ids: pa.Array
    split: NDArray[np.int8]

    def leak(self, kind: str, what: str, one: int, other: int) -> Leak:
        """Two records of different splits that share something."""
        pair = one, other
        images = tuple(str(self.ids[at]) for at in pair)
        splits = tuple(SPLITS[self.split[at]] for at in pair)
        return Leak(kind, what, (images[0], images[1]), (splits[0], splits[1]))


def parted_copies(
    of: SplitOf, pairs: NDArray[np.int64], correlation: NDArray[np.float32]
) -> Iterator[Leak]:
    """Images with a copy of theirs, or a copy of a copy, in another split.

    Parameters
    ----------
    of : SplitOf
        The N records.
    pairs : ndarray of int64, shape ``(M, 2)``
        Numbers of records that are copies.
    correlation : ndarray of float32, shape ``(M,)``
    """
    rows = np.unique(pairs)
    at = np.searchsorted(rows, pairs)
    tied = UnionFind(len(rows))
    score: dict[tuple[int, int], float] = {}
    for (one, other), alike in zip(at.tolist(), correlation.tolist(), strict=True):
        tied.union(one, other)
        score[min(one, other), max(one, other)] = alike
    first: dict[int, int] = {}
    for row, place in enumerate(rows.tolist()):
        if of.split[place] < 0:
            continue
        before = first.setdefault(tied.find(row), row)
        if of.split[rows[before]] != of.split[place]:
            alike = score.get((before, row))
            what = "by way of other copies" if alike is None else f"correlation {alike:.2f}"
            yield of.leak("copy", what, int(rows[before]), place)


def parted_keys(of: SplitOf, keys: SharedKeys) -> Iterator[Leak]:
    """Names, press images and originals that two splits share, by kind and name."""
    for kind, name, members in sorted(keys, key=lambda each: each[:2]):
        having = members[of.split[members] >= 0]
        other = having[of.split[having] != of.split[having[:1]]]
        if kind in FORBIDDEN_KEYS and len(other):
            yield of.leak(kind, name, int(having[0]), int(other[0]))


def parted_groups(of: SplitOf, group: NDArray[np.int32], names: pa.Array) -> Iterator[Leak]:
    """Images of another split than the first image of their group."""
    rows = np.flatnonzero(of.split >= 0)
    _, first, inverse = np.unique(group[rows], return_index=True, return_inverse=True)
    before = rows[first[inverse]]
    for at in np.flatnonzero(of.split[before] != of.split[rows]).tolist():
        row = int(rows[at])
        yield of.leak("group", str(names[group[row]]), int(before[at]), row)


def counts_of_splits(
    of: SplitOf, label: NDArray[np.int32], names: pa.Array, group: NDArray[np.int32]
) -> dict[str, Any]:
    """Images, groups and images of each class in train, val and test, for the report."""
    rows = np.flatnonzero(of.split >= 0)
    pairs = np.unique(np.stack([label[rows], of.split[rows]]), axis=1, return_counts=True)
    classes: dict[str, dict[str, int]] = {}
    for (code, side), number in zip(pairs[0].T.tolist(), pairs[1].tolist(), strict=True):
        per = classes.setdefault(names[code].as_py() or "(none)", dict.fromkeys(SPLITS, 0))
        per[SPLITS[side]] += number
    sizes = Counter(of.split[rows].tolist())
    return {
        "images": {name: sizes[at] for at, name in enumerate(SPLITS)},
        "groups": {name: len(np.unique(group[of.split == at])) for at, name in enumerate(SPLITS)},
        "classes": dict(sorted(classes.items())),
        "ratios": {
            name: {s: round(per[s] / sum(per.values()), 4) for s in SPLITS}
            for name, per in sorted(classes.items())
        },
    }
