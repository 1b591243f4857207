"""What lineage means: made from an image of this atlas, or from one that is known by name."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.curate.hashed import HashedSet, hash64, hash64_of
from cosmic_morphology.curate.records import Records

# Sources of this package's own renderer, and what its lineage keys begin with.
RENDERED_SOURCES = frozenset({"rendered", "synthetic"})
RENDER = "render:"


@dataclass(frozen=True, slots=True)
class Lineage:
    """What each of N images was made from.

    Attributes
    ----------
    is_made : ndarray of bool, shape ``(N,)``
        Whether an image was rendered here, or derived from another image of this atlas.
    child : ndarray of int32, shape ``(M,)``
        Number of an image, ascending; as often as it has parents.
    parent : ndarray of int64, shape ``(M,)``
        Number of what it was made from: below N another image, from N on an original that is
        known by name only.
    origins : int
        How many such originals there are.
    """

    is_made: NDArray[np.bool_]
    child: NDArray[np.int32]
    parent: NDArray[np.int64]
    origins: int


def is_rendered(row: Mapping[str, Any]) -> bool:
    """Whether an image was rendered here, wholly or in part.

    Parameters
    ----------
    row : mapping
        ``source`` and ``lineage``.
    """
    return row["source"] in RENDERED_SOURCES or any(
        parent.startswith(RENDER) for parent in row["lineage"] or ()
    )


def parents_of(row: Mapping[str, Any], ids: Container[str]) -> tuple[str, ...]:
    """What an image was made from: ids of this atlas where there are such images, else names.

    A table beside a folder names the original as it names its files, so an entry may also be the
    id of a sibling without what all ids of that folder begin with.

    Parameters
    ----------
    row : mapping
        ``id`` and ``lineage``.
    ids : container of str
        The ids of the atlas.
    """
    folder = row["id"].partition("/")[0]
    found = (
        sibling if parent not in ids and (sibling := f"{folder}/{parent}") in ids else parent
        for parent in row["lineage"] or ()
    )
    return tuple(dict.fromkeys(each for each in found if each != row["id"]))


def read_lineage(records: Records) -> Lineage:
    """The lineage of all images, from their columns ``id``, ``source`` and ``lineage``."""
    n = len(records)
    ids = HashedSet(hash64_of(records.ids))
    is_made = np.zeros(n, bool)
    children, parents = [np.empty(0, np.int32)], [np.empty(0, np.uint64)]
    for places, rows in records.batches(["id", "source", "lineage"]):
        drawn = pc.is_in(rows.column("source"), value_set=pa.array(sorted(RENDERED_SOURCES)))
        made = pc.greater(pc.list_value_length(rows.column("lineage")), 0).fill_null(False)
        some = pc.or_(drawn, made).combine_chunks()
        listed = rows.filter(some).to_pylist()
        numbers = places[some.to_numpy(zero_copy_only=False)]
        is_made[numbers] = [is_rendered(row) for row in listed]
        of = [parents_of(row, ids) for row in listed]
        children.append(np.repeat(numbers, [len(each) for each in of]))
        parents.append(hash64(parent for each in of for parent in each))
    child, hashes = np.concatenate(children), np.concatenate(parents)
    order = np.argsort(child, kind="stable")
    child, hashes = child[order], hashes[order]
    parent = ids.places(hashes).astype(np.int64)
    is_made[child[parent >= 0]] = True
    names, number = np.unique(hashes[parent < 0], return_inverse=True)
    parent[parent < 0] = n + number
    return Lineage(is_made, child, parent, len(names))


def stand_ins(lineage: Lineage, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The images of which none shares an original with another: the first of each, in an order.

    Parameters
    ----------
    lineage : Lineage
        Of N images.
    order : ndarray of int64
        Numbers of those that may be chosen, the best first.

    Returns
    -------
    ndarray of bool, shape ``(N,)``
        Which are chosen.
    """
    n = len(lineage.is_made)
    by_name = lineage.parent >= n
    child, origin = lineage.child[by_name], lineage.parent[by_name] - n
    has_origin = np.zeros(n, bool)
    has_origin[child] = True
    chosen = np.zeros(n, bool)
    chosen[order] = True
    doubtful = order[has_origin[order]]
    chosen[doubtful] = False
    taken = np.zeros(lineage.origins, bool)
    begins, ends = (np.searchsorted(child, doubtful, side) for side in ("left", "right"))
    for at, begin, end in zip(doubtful.tolist(), begins.tolist(), ends.tolist(), strict=True):
        own = origin[begin:end]
        if not taken[own].any():
            taken[own] = True
            chosen[at] = True
    return chosen
