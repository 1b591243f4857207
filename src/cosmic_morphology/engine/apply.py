"""Fill columns of the rows that lack them, on whichever engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.atlas.schema import table_of
from cosmic_morphology.atlas.storage.column_files import (
    ADDRESS,
    ColumnFile,
    add_filled_columns,
    commit_column_files,
    write_column_file,
)
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.display import Shown
from cosmic_morphology.engine.engine import Engine
from cosmic_morphology.engine.executors import Executor
from cosmic_morphology.engine.handout import Handout
from cosmic_morphology.engine.plan import Plan, address_everywhere, plan
from cosmic_morphology.engine.task import FragmentTask, TaskResult, lend_atlas
from cosmic_morphology.engine.work import ColumnFunction, ColumnWork
from cosmic_morphology.io_utils import Progress

# A commit of a whole atlas is one of so many at most: each leaves a manifest.
_COMMITS = 64
# Rows whose fragment was compacted away, and rows that came meanwhile, are done in the next pass.
_PASSES = 5


@dataclass(frozen=True, slots=True, repr=False)
class ApplyResult(Shown):
    """What :func:`apply` did.

    Attributes
    ----------
    filled, already_there : int
        Rows that were filled now, and before.
    counted : int
        What ``ColumnWork.count`` counted in the rows filled now.
    lost_workers : int
        Workers that died; their tasks were done by others.
    halved : int
        Tasks that were cut in two, since they took too much memory.
    """

    filled: int
    already_there: int
    counted: int = 0
    lost_workers: int = 0
    halved: int = 0


def apply(
    atlas: Atlas,
    work: ColumnWork,
    *,
    stamp: ColumnProvenance,
    engine: Engine | None = None,
    made: ColumnFunction | None = None,
    where: str | None = None,
    checkpoint_rows: int = 2048,
    progress: Progress | None = None,
) -> ApplyResult:
    """Fill derived columns of the rows that lack them; a killed run goes on where it stopped.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    work : ColumnWork
        The function, and the columns that it reads and writes.
    stamp : ColumnProvenance
        The stage, its parameters and code; when they differ from those of the columns, all rows
        are done again.
    engine : Engine, optional
        Where it runs; without it on this machine.
    made : callable, optional
        The function, where this process has made it already; others make their own.
    where : str, optional
        Which rows, in Lance's SQL on the table of the columns; all without it.
    checkpoint_rows : int
        Rows between two commits, at least: of a large atlas a 64th.
    progress : callable, optional
        Called with rows done and rows to do.

    Raises
    ------
    EngineError
        The cluster does not answer, or workers die over the same rows again and again.
    """
    run = _Run(atlas, work, stamp, where or "", checkpoint_rows, progress)
    with atlas.held():
        run.go(engine or Engine(), made)
        atlas.tend()
    return run.result()


@dataclass(slots=True)
class _Run:
    """The driver: plans, hands out, collects, commits."""

    atlas: Atlas
    work: ColumnWork
    stamp: ColumnProvenance
    where: str
    checkpoint_rows: int
    progress: Progress | None
    filled: int = 0
    total: int = 0
    counted: int = 0
    handout: Handout = field(init=False)

    def __post_init__(self) -> None:
        self.handout = Handout(self.work.stage, self.work.writes)

    @property
    def table(self) -> str:
        return table_of(self.work.marker)

    def go(self, engine: Engine, made: ColumnFunction | None) -> None:
        comes_at_once = self._comes_at_once()
        if not comes_at_once:
            self.atlas.prepare_columns(self.work.writes, self.stamp)
        to_do = self._plan()
        if not to_do.rows:
            self.atlas.prepare_columns(self.work.writes, self.stamp)
            return
        is_worth = engine.is_worth(self.work, to_do.rows)
        with engine.open(self.work.stage, is_worth=is_worth) as executor:
            if comes_at_once and not executor.is_here:
                self.atlas.prepare_columns(self.work.writes, self.stamp)
                to_do = self._plan()  # of the version that has the columns
            packed = executor.pack(self.work, made)
            for _ in range(_PASSES):
                self.total = self.filled + to_do.rows
                if not self._pass(executor, packed, to_do):
                    return  # what is left has no row in the other table
                to_do = self._plan()
                if not to_do.rows:
                    return

    def result(self) -> ApplyResult:
        filled = f"`{self.work.marker}` IS NOT NULL"
        there = self.atlas.count(
            self.table, f"({self.where}) AND {filled}" if self.where else filled
        )
        return ApplyResult(
            self.filled,
            there - self.filled,
            self.counted,
            self.handout.lost,
            self.handout.halved,
        )

    def _comes_at_once(self) -> bool:
        """Whether one commit may bring the columns with all their values."""
        table = self.atlas.table(self.table)
        new = {each.name for each in self.work.writes}.isdisjoint(table.schema.names)
        return new and table.count_rows() <= self.checkpoint_rows

    def _plan(self) -> Plan:
        return plan(self.atlas, self.work.marker, self.where)

    def _pass(self, executor: Executor, packed: bytes, to_do: Plan) -> bool:
        """Do what is planned; whether another pass may find something to do."""
        goes_on = False
        if executor.is_here:
            lend_atlas(self.atlas, address_everywhere(self.atlas), to_do.version)
        tasks = to_do.tasks(self.atlas, self.table, self.work, packed, executor.slots())
        rows_per_commit = max(self.checkpoint_rows, to_do.rows // _COMMITS)
        fields = [
            pa.field(each.name, each.type, metadata=self.stamp.metadata())
            for each in self.work.writes
        ]
        files = _Files(self.atlas, self.table, rows_per_commit, fields, to_do)
        try:
            for task, result in self.handout.finished(executor, tasks):
                files.take(task, result)
                goes_on |= result.is_gone or result.filled > 0
                self.filled += result.filled
                self.counted += result.counted
                if self.progress:
                    self.progress(min(self.filled, self.total), self.total)
        finally:  # also what was done before an error, or Ctrl-C
            self.filled -= files.flush()
        return goes_on


class _Files:
    """Results on their way into the table: files that are written, and values that wait."""

    def __init__(
        self,
        atlas: Atlas,
        table: str,
        rows_per_commit: int,
        fields: Sequence[pa.Field],
        to_do: Plan,
    ) -> None:
        self._atlas, self._name, self._rows_per_commit = atlas, table, rows_per_commit
        self._fields = fields
        self._files: dict[int, ColumnFile] = {}
        self._values: dict[int, list[pa.Table]] = {}
        self._rows: dict[int, int] = {}
        self._still_to_come = {each: len(rows) for each, rows in to_do.addresses.items()}
        self._lost = 0

    def take(self, task: FragmentTask, result: TaskResult) -> None:
        """Keep a result, and commit when enough has come together."""
        fragment = task.fragment
        self._still_to_come[fragment] -= task.rows
        if not result.filled:
            return
        self._rows[fragment] = self._rows.get(fragment, 0) + result.filled
        if result.file is not None:
            self._files[fragment] = result.file
        elif result.values is not None:
            self._values.setdefault(fragment, []).append(result.values)
        if sum(self._rows.values()) >= self._rows_per_commit:
            # Each commit writes the file of a fragment anew: one that is not whole yet waits for
            # its rest, unless it has enough rows for a commit by itself.
            whole = {each for each in self._rows if not self._still_to_come[each]}
            self._commit(whole or set(self._rows))

    def flush(self) -> int:
        """Commit all; rows, in all, that were in vain since their fragment has gone."""
        self._commit(set(self._rows))
        return self._lost

    def _commit(self, fragments: set[int]) -> None:
        rows = {each: self._rows.pop(each) for each in fragments}
        values = {each: self._values.pop(each) for each in fragments & self._values.keys()}
        files = [self._files.pop(each) for each in fragments & self._files.keys()]
        table = self._atlas.table(self._name)
        if values and self._add(table, values):
            gone = rows.keys() - {each.fragment_id for each in table.get_fragments()}
        else:
            files += [
                write_column_file(table, fragment, pa.concat_tables(parts))
                for fragment, parts in values.items()
                if table.dataset.get_fragment(fragment) is not None
            ]
            written = {each.fragment for each in files}
            gone = {each.fragment for each in commit_column_files(table, files)}
            gone |= rows.keys() - written
        self._lost += sum(rows[each] for each in gone)

    def _add(self, table: Table, values: Mapping[int, Sequence[pa.Table]]) -> bool:
        """Let the columns come with these values; False where they are there."""
        schema = pa.schema([*self._fields, pa.field(ADDRESS, pa.uint64())])

        def of_fragment(fragment: Any) -> pa.Table:
            parts = values.get(fragment.fragment_id)
            return pa.concat_tables(parts) if parts else schema.empty_table()

        if not {each.name for each in self._fields}.isdisjoint(table.schema.names):
            return False
        return add_filled_columns(table, self._fields, of_fragment)
