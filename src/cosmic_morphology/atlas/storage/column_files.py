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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lance
import pyarrow as pa
from lance.fragment import DataFile

from cosmic_morphology.atlas.storage.column_versions import field_numbers
from cosmic_morphology.atlas.storage.commit import commit
from cosmic_morphology.atlas.storage.lance_tables import Table

ADDRESS = "_rowaddr"
# An address is the number of the fragment and, in the lower half, the place in it.
_PLACE_BITS = 32
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
    sha256 : str
        Of its bytes, taken by whoever wrote it.
    """

    fragment: int
    file: DataFile
    sha256: str


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
        # Where there is a copy it is written there, and sent from there.
        old = table.reading().get_fragment(fragment)
        before = {each.path for each in old.metadata.files}
        made, _ = old.update_columns(rows, left_on=ADDRESS, right_on=ADDRESS)
        (file,) = (each for each in made.files if each.path not in before)
        return ColumnFile(fragment, file, table.keep(f"data/{file.path}"))


def add_filled_columns(
    table: Table, fields: Sequence[pa.Field], values: Callable[[Any], pa.Table]
) -> bool:
    """Add columns with the values of all rows, in one commit.

    Parameters
    ----------
    table : Table
        Any version with rows; afterwards at the one that has the columns.
    fields : sequence of pyarrow.Field
        The columns, with their metadata.
    values : callable
        Gets a fragment; returns ``_rowaddr`` and the columns of its rows. Those that it leaves
        out become null.

    Returns
    -------
    bool
        False where somebody else has added one of them, so that nothing was done.
    """
    schema = pa.schema([*fields, pa.field(ADDRESS, pa.uint64())])
    files: dict[int, ColumnFile] = {}
    sums: dict[str, str] = {}

    def change(dataset: Any) -> bool:
        if not {each.name for each in fields}.isdisjoint(dataset.schema.names):
            return False
        taken = field_numbers(dataset)
        if any(not taken.isdisjoint(each.file.fields) for each in files.values()):
            files.clear()  # another has added columns, under the numbers of these
        extended: Any = None
        merged = []
        for fragment in dataset.get_fragments():
            number = fragment.fragment_id
            # One at least is written at each try: it says what the schema is by now.
            if extended is None or number not in files:
                there = table.reading().get_fragment(number)
                rows = values(there).select(schema.names)
                rows = pa.Table.from_arrays(rows.columns, schema=schema)
                if not rows.num_rows:  # Lance joins with something only
                    nothing = [{ADDRESS: number << _PLACE_BITS}]
                    rows = pa.Table.from_pylist(nothing, schema=schema)
                made, extended = there.merge(rows, left_on=ADDRESS, right_on=ADDRESS)
                file = made.files[-1]
                files[number] = ColumnFile(number, file, table.keep(f"data/{file.path}"))
            grown = fragment.metadata
            grown.files.append(files[number].file)
            merged.append(grown)
        sums.update((f"data/{each.file.path}", each.sha256) for each in files.values())
        merge = lance.LanceOperation.Merge(merged, extended, preserves_nullability=True)
        table.dataset = lance.LanceDataset.commit(dataset, merge, read_version=dataset.version)
        return True

    return commit(table, change, sums=sums)


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
            table.dataset = lance.LanceDataset.commit(dataset, update, read_version=dataset.version)

    if files:
        commit(table, change, sums={f"data/{each.file.path}": each.sha256 for each in files})
    return gone


def _put(fragment: Any, file: DataFile) -> None:
    """Put a file into what a manifest says of a fragment, in the place of those it replaces."""
    kept = []
    for other in fragment.files:
        other.fields = [_ELSEWHERE if each in file.fields else each for each in other.fields]
        if any(each != _ELSEWHERE for each in other.fields):
            kept.append(other)
    fragment.files[:] = [*kept, file]
