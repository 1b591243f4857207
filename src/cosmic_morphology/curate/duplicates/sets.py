"""Which images are copies of which: one set for each image that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.display import Tabular, table_html
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import write_csv

_FACTS = ("source", "title", "label", "split", "page_url")
COLUMNS = ("set", "id", "kept", "similarity", "reason", *_FACTS)
"""Columns of the table: ``set`` is the id of the image that is kept."""


@dataclass(frozen=True, slots=True)
class DuplicateSet:
    """An image with its copies.

    Attributes
    ----------
    ids : tuple of str
        The image that is kept, then its copies by id.
    similarities : tuple of float or None
        How alike each copy and another image of the set are, 1 for equal bytes; None for the image
        that is kept.
    reasons : tuple of str
        Why each is a copy; empty for the image that is kept.
    """

    ids: tuple[str, ...]
    similarities: tuple[float | None, ...]
    reasons: tuple[str, ...]

    @property
    def kept(self) -> str:
        """Id of the image that is kept."""
        return self.ids[0]


class DuplicateSets(Tabular, Sequence[DuplicateSet]):
    """All sets of an atlas, the largest first.

    Parameters
    ----------
    sets : sequence of DuplicateSet
        In their order.
    facts : mapping of str to mapping
        Source, title, label, split and page of each image, by id.
    """

    def __init__(
        self, sets: Sequence[DuplicateSet], facts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._sets = tuple(sets)
        self._about = facts

    def __getitem__(self, at: Any) -> Any:
        """One set, or some."""
        return self._sets[at]

    def __len__(self) -> int:
        return len(self._sets)

    def __repr__(self) -> str:
        return f"<{len(self)} sets of duplicates, {self.copies} copies>"

    def _shown_rows(self) -> list[dict[str, Any]]:
        return list(self.rows())

    def _repr_html_(self) -> str:
        return table_html(f"{len(self)} sets of duplicates", self._shown_rows())

    @property
    def copies(self) -> int:
        """Images that are copies of another one."""
        return sum(len(each.ids) - 1 for each in self._sets)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row for each image, with the columns of :data:`COLUMNS`."""
        for each in self._sets:
            for at, id_ in enumerate(each.ids):
                yield {
                    "set": each.kept,
                    "id": id_,
                    "kept": at == 0,
                    "similarity": each.similarities[at],
                    "reason": each.reasons[at],
                    **self._about[id_],
                }

    def write(self, file: Path) -> None:
        """Write the rows as CSV; what a spreadsheet would take for a formula is written as text."""
        write_csv(file, COLUMNS, self.rows())


def duplicate_sets(atlas: Atlas) -> DuplicateSets:
    """Read the sets of duplicates; nothing is compared again.

    Raises
    ------
    UsageError
        Copies were never searched in this atlas.

    Examples
    --------
    >>> duplicate_sets(atlas)
    <0 sets of duplicates, 0 copies>
    """
    there = set(atlas.columns())
    if "duplicate_of" not in there:
        raise UsageError(
            "copies were not searched yet", where=atlas.uri, todo="Run `cosmic curate` first."
        )
    wanted = ("id", "duplicate_flag", "duplicate_of", "duplicate_score", "duplicate_reason")
    table = atlas.read([each for each in (*wanted, *_FACTS) if each in there])
    # Of images without copies nothing is held but what Arrow reads.
    is_copy = table.column("duplicate_flag").fill_null(False)
    kept = pc.unique(table.column("duplicate_of").filter(is_copy))
    table = table.filter(pc.or_(is_copy, pc.is_in(table.column("id"), value_set=kept)))
    rows = {row["id"]: dict.fromkeys((*wanted, *_FACTS)) | row for row in table.to_pylist()}
    copies: dict[str, list[str]] = {}
    for id_, row in sorted(rows.items()):
        if row["duplicate_flag"] and row["duplicate_of"] in rows:
            copies.setdefault(row["duplicate_of"], []).append(id_)
    largest_first = sorted(copies.items(), key=lambda each: (-len(each[1]), each[0]))
    facts = {id_: {name: row[name] for name in _FACTS} for id_, row in rows.items()}
    return DuplicateSets([_set_of(first, ids, rows) for first, ids in largest_first], facts)


def _set_of(kept: str, ids: Sequence[str], rows: Mapping[str, Mapping[str, Any]]) -> DuplicateSet:
    return DuplicateSet(
        ids=(kept, *ids),
        # The column is low where an image is a copy, as the scores of all checks are.
        similarities=(None, *(round(1 - rows[each]["duplicate_score"], 4) for each in ids)),
        reasons=("", *(rows[each]["duplicate_reason"] or "" for each in ids)),
    )
