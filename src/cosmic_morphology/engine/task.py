"""One piece of work, as a worker gets it, does it, and hands it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.storage.column_files import ADDRESS, ColumnFile, write_column_file
from cosmic_morphology.atlas.storage.lance_tables import Table, open_table
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.engine.work import load_work


@dataclass(frozen=True, slots=True)
class FragmentTask:
    """Rows of one fragment that lack the columns.

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
    version : int
        Of the table.
    fragment : int
        Number of the fragment.
    first, end : int
        Addresses of rows: from the first on, up to and without the end.
    rows : int
        Rows in between that lack the columns.
    writes_file : bool
        Whether these are all of the fragment: its file is then written by the worker.
    deaths : int
        Workers that have died over it.
    """

    work: bytes
    uri: str
    storage_options: Mapping[str, str] | None
    table: str
    version: int
    fragment: int
    first: int
    end: int
    rows: int
    writes_file: bool
    deaths: int = 0

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
    """

    filled: int
    counted: int
    file: ColumnFile | None = None
    values: pa.Table | None = None


_opened: tuple[tuple[str, str, int], Table] | None = None


def run_task(task: FragmentTask) -> TaskResult:
    """Read the rows, fill the columns, and write them or hand them back.

    Raises
    ------
    CosmicError
        The atlas cannot be read or written here, or the function says so.
    """
    work, function = load_work(task.work)
    table = _open(task)
    read = list(dict.fromkeys([KEYS[task.table], *work.reads]))
    lacking = f"`{work.marker}` IS NULL AND {ADDRESS} >= {task.first} AND {ADDRESS} < {task.end}"
    with table.told():
        fragment = table.dataset.get_fragment(task.fragment)
    parts, counted = [], 0
    # Lance reads ahead in threads of its own while the function computes.
    for batch in table.to_batches(
        read, work.batch_size, lacking, fragments=[fragment], with_row_address=True
    ):
        if batch.num_rows:
            rows = pa.Table.from_batches([batch])
            filled = work.checked(rows, function(rows.select(read)))
            counted += work.count(filled) if work.count else 0
            filled = filled.cast(pa.schema(list(work.writes)))
            parts.append(filled.append_column(ADDRESS, rows.column(ADDRESS)))
    schema = pa.schema([*work.writes, pa.field(ADDRESS, pa.uint64())])
    values = pa.concat_tables(parts) if parts else schema.empty_table()
    if task.writes_file and parts:
        file = write_column_file(table, task.fragment, values)
        return TaskResult(values.num_rows, counted, file=file)
    return TaskResult(values.num_rows, counted, values=values.combine_chunks())


def _open(task: FragmentTask) -> Table:
    global _opened  # noqa: PLW0603 - tasks of one stage read one version of one table
    key = (task.uri, task.table, task.version)
    if _opened is None or _opened[0] != key:
        store = Store(task.uri, dict(task.storage_options or {}) or None)
        _opened = (key, open_table(store, task.table, task.version))
    return _opened[1]
