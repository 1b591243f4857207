"""Derived columns, one file for each fragment: written by whoever computed it, committed by one.

A commit puts new files beside those of a fragment; rows and other columns are not touched, so that
its cost does not grow with the table. It passes beside appends and beside changes to other
fragments. Where somebody else has changed the same fragment it is tried again on what stands there
now: the file holds, for a fragment never changes its rows.

The kind of commit is Lance's ``Update`` of whole columns. Its ``DataReplacement`` passes beside
changes of other columns of the same fragment, too, but calls itself not stable and leaves old
values in indexes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lance
import pyarrow as pa
from lance.fragment import DataFile

from cosmic_morphology.atlas.storage.column_versions import field_numbers
from cosmic_morphology.atlas.storage.commit import commit
from cosmic_morphology.atlas.storage.lance_tables import Table

ADDRESS = "_rowaddr"
# What Lance puts in the place of a field that another file holds now.
_ELSEWHERE = -2


@dataclass(frozen=True, slots=True)
class ColumnFile:
    """A file of columns of one fragment that is written and not yet committed.

    Attributes
    ----------
    fragment : int
        Number of the fragment.
    file : lance.fragment.DataFile
        As Lance describes it in a manifest.
    """

    fragment: int
    file: DataFile


def write_column_file(table: Table, fragment: int, rows: pa.Table) -> ColumnFile:
    """Write the columns of one fragment as a new file; nobody sees it before it is committed.

    Parameters
    ----------
    table : Table
        At any version that has the fragment and the columns.
    fragment : int
        Number of the fragment.
    rows : pyarrow.Table
        ``_rowaddr`` and the columns; rows of the fragment that it leaves out keep their values.
    """
    with table.translate_errors():
        old = table.dataset.get_fragment(fragment)
        before = {each.path for each in old.metadata.files}
        made, _ = old.update_columns(rows, left_on=ADDRESS, right_on=ADDRESS)
    (file,) = (each for each in made.files if each.path not in before)
    return ColumnFile(fragment, file)


def commit_column_files(table: Table, files: Sequence[ColumnFile]) -> list[ColumnFile]:
    """Make the columns of these files those of their fragments, in one commit.

    Parameters
    ----------
    table : Table
        Any version; afterwards at the one that has the columns.
    files : sequence of ColumnFile
        Of one fragment and column one at most.

    Returns
    -------
    list of ColumnFile
        Those whose fragment or column has gone meanwhile, by compaction or since somebody made
        the column again: their rows are to be filled anew.
    """
    gone: list[ColumnFile] = []

    def change(dataset: Any) -> None:
        gone.clear()
        fragments: dict[int, Any] = {}
        fields: set[int] = set()
        known = field_numbers(dataset)
        for each in files:
            if not known.issuperset(each.file.fields):
                gone.append(each)
                continue
            if each.fragment not in fragments:
                there = dataset.get_fragment(each.fragment)
                if there is None:
                    gone.append(each)
                    continue
                fragments[each.fragment] = there.metadata
            _put(fragments[each.fragment], each.file)
            fields.update(each.file.fields)
        if fragments:
            update = lance.LanceOperation.Update(
                updated_fragments=list(fragments.values()), fields_modified=sorted(fields)
            )
            lance.LanceDataset.commit(dataset, update, read_version=dataset.version)
            dataset.checkout_latest()

    if files:
        commit(table, change)
    return gone


def _put(fragment: Any, file: DataFile) -> None:
    """Put a file into what a manifest says of a fragment, in the place of those it replaces."""
    kept = []
    for other in fragment.files:
        other.fields = [_ELSEWHERE if each in file.fields else each for each in other.fields]
        if any(each != _ELSEWHERE for each in other.fields):
            kept.append(other)
    fragment.files[:] = [*kept, file]
