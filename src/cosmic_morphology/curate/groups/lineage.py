"""What lineage means: made from an image of this atlas, or from one that is known by name."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

# Sources of this package's own renderer, and what its lineage keys begin with.
RENDERED_SOURCES = frozenset({"rendered", "synthetic"})
RENDER = "render:"


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


def train_only(rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Whether each image was rendered here or derived from another image of this atlas.

    Parameters
    ----------
    rows : sequence of N mappings
        All images of the atlas: ``id``, ``source`` and ``lineage``.
    """
    ids = {row["id"] for row in rows}
    return [is_rendered(row) or any(each in ids for each in parents_of(row, ids)) for row in rows]


def origins_of(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """For each image the originals that are known by name only; the parameters are as above."""
    ids = {row["id"] for row in rows}
    return [tuple(each for each in parents_of(row, ids) if each not in ids) for row in rows]


def stand_ins(origins: Sequence[Sequence[str]], order: Iterable[int]) -> set[int]:
    """The rows of which none shares an original with another: the first of each, in this order.

    Parameters
    ----------
    origins : sequence of N sequences of str
        From :func:`origins_of`.
    order : iterable of int
        Rows that may be chosen, the best first.
    """
    taken: set[str] = set()
    chosen: set[int] = set()
    for at in order:
        if taken.isdisjoint(origins[at]):
            taken.update(origins[at])
            chosen.add(at)
    return chosen
