"""One piece of work, as a worker gets it, does it, and hands it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.query.addresses import take_ids
from cosmic_morphology.atlas.query.columns import read_of, select, split_columns
from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.storage.column_files import ADDRESS, ColumnFile, write_column_file
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.engine.work import load_work


@dataclass(frozen=True, slots=True)
class FragmentTask:
    """Rows of one fragment, mostly those that lack the columns.

    Attributes
    ----------
    work : bytes
        A pickled :class:`~cosmic_morphology.engine.work.ColumnWork`.
    uri : str
        The atlas, as every worker finds it.
    storage_options : mapping, optional
        For object stores.
    table : str
        ``images`` or ``catalogue``.
    version : str
        Of the atlas.
    fragment : int
        Number of the fragment.
    first, end : int
        Addresses of rows: from the first on, up to and without the end.
    rows : int
        Rows in between that lack the columns.
    writes_file : bool
        Whether these are all of the fragment: its file is then written by the worker.
    where : str
        A filter that the rows fit, in Lance's SQL.
    deaths : int
        Workers that have died over it.
    fills : bool
        Whether it is done for the rows that lack the columns; else for all of them.
    """

    work: bytes
    uri: str
    storage_options: Mapping[str, str] | None
    table: str
    version: str
    fragment: int
    first: int
    end: int
    rows: int
    writes_file: bool
    where: str = ""
    deaths: int = 0
    fills: bool = True

    def run(self) -> TaskResult:
        """Do it."""
        return run_task(self)

    def halves(self) -> tuple[FragmentTask, FragmentTask]:
        """The same work as two tasks, which need half of the memory each."""
        middle = (self.first + self.end) // 2
        half = self.rows // 2
        rest = self.rows - half
        return (
            replace(self, end=middle, rows=half, writes_file=False, deaths=0),
            replace(self, first=middle, rows=rest, writes_file=False, deaths=0),
        )


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What a worker hands back.

    Attributes
    ----------
    filled : int
        Rows that were filled.
    counted : int
        What ``ColumnWork.count`` counted in them.
    file : ColumnFile or None
        The written file, where the task was a whole fragment.
    values : pyarrow.Table or None
        Else the values, with their row addresses.
    is_gone : bool
        Whether there is no such fragment any more.
    """

    filled: int
    counted: int
    file: ColumnFile | None = None
    values: pa.Table | None = None
    is_gone: bool = False

    def fits(self, task: FragmentTask, writes: Sequence[pa.Field]) -> bool:
        """Whether it is of that task: a worker may have been steered by what it has decoded."""
        if self.file is not None and self.file.fragment != task.fragment:
            return False
        if self.values is None:
            return True
        wanted = [(each.name, each.type) for each in writes]
        found = [(each.name, each.type) for each in self.values.schema]
        return found == [*wanted, (ADDRESS, pa.uint64())] and len(self.values) == self.filled


_opened: tuple[tuple[str, str], Atlas] | None = None


def run_task(task: FragmentTask) -> TaskResult:
    """Read the rows, fill the columns, and write them or hand them back.

    Raises
    ------
    CosmicError
        The atlas cannot be read or written here, or the function says so.
    """
    work, function = load_work(task.work)
    atlas = _open(task)
    table = atlas.table(task.table)
    own, other, joined = split_columns(
        atlas, table, [each for each in work.reads if each not in work.instead]
    )
    lacking = f"{ADDRESS} >= {task.first} AND {ADDRESS} < {task.end}"
    is_there = work.marker in table.schema.names
    if is_there and task.fills:
        lacking = f"`{work.marker}` IS NULL AND {lacking}"
    if task.where:
        lacking = f"({task.where}) AND {lacking}"
    with table.translate_errors():
        fragment = table.dataset.get_fragment(task.fragment)
    if fragment is None:  # compacted meanwhile: its rows are planned anew
        return TaskResult(0, 0, is_gone=True)
    parts, counted = [], 0
    # Lance reads ahead in threads of its own while the function computes.
    for batch in table.to_batches(
        read_of(table, own), work.batch_size, lacking, fragments=[fragment], with_row_address=True
    ):
        rows = pa.Table.from_batches([batch])
        if other is not None:
            rows = _beside(atlas, rows, other, joined)
        if rows.num_rows:
            given = select(rows, list(dict.fromkeys([KEYS[task.table], *own, *joined])))
            for name, unless in work.instead.items():
                given = _instead(atlas, given, name, unless)
            filled = work.checked(rows, function(given))
            counted += work.count(filled) if work.count else 0
            filled = filled.cast(pa.schema(list(work.writes)))
            parts.append(filled.append_column(ADDRESS, rows.column(ADDRESS)))
    schema = pa.schema([*work.writes, pa.field(ADDRESS, pa.uint64())])
    values = pa.concat_tables(parts) if parts else schema.empty_table()
    if task.writes_file and parts and is_there:
        file = write_column_file(table, task.fragment, values)
        return TaskResult(values.num_rows, counted, file=file)
    return TaskResult(values.num_rows, counted, values=values.combine_chunks())


def lend_atlas(atlas: Atlas, uri: str, version: str) -> None:
    """Let tasks of this process read an atlas that is open, in place of opening it once more."""
    global _opened  # noqa: PLW0603 - as below
    _opened = ((uri, version), atlas)


def _open(task: FragmentTask) -> Atlas:
    global _opened  # noqa: PLW0603 - tasks of one stage read one version of one atlas
    key = (task.uri, task.version)
    if _opened is None or _opened[0] != key:
        options = dict(task.storage_options or {}) or None
        _opened = (key, Atlas.open(task.uri, version=task.version, storage_options=options))
    return _opened[1]


def _beside(atlas: Atlas, rows: pa.Table, other: Table, columns: list[str]) -> pa.Table:
    """Rows with columns of another table beside theirs, without those that it does not have."""
    ids = rows.column(KEYS[other.name]).to_pylist()
    beside, there = take_ids(other, atlas.address_book(other), ids, columns)
    rows = rows.filter(pa.array(there, pa.bool_()))
    for name in columns:
        rows = rows.append_column(beside.schema.field(name), beside.column(name))
    return rows


def _instead(atlas: Atlas, rows: pa.Table, name: str, unless: str) -> pa.Table:
    """Rows with a heavy column of the images, read only where another one is null."""
    lacks = rows.column(unless).is_null().to_numpy()
    at = np.cumsum(lacks) - 1
    ids = rows.column("id").filter(pa.array(lacks)).to_pylist()
    taken = atlas.images(ids, [name]).column(name).combine_chunks()
    return rows.append_column(name, taken.take(pa.array(at, mask=~lacks)))
