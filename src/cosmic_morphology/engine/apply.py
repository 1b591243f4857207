"""Fill columns of the rows that lack them, on whichever engine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from cosmic_morphology.engine.executors import NO_ANSWER, Executor, Lost
from cosmic_morphology.engine.plan import Plan, address_everywhere, plan
from cosmic_morphology.engine.task import FragmentTask, TaskResult, lend_atlas
from cosmic_morphology.engine.work import ColumnFunction, ColumnWork
from cosmic_morphology.errors import EngineError
from cosmic_morphology.io_utils import Progress

_LOG = logging.getLogger(__name__)
# Tasks that wait at a slot, so that it need not wait for the driver.
_AHEAD = 2
# A commit of a whole atlas is one of so many at most: each leaves a manifest.
_COMMITS = 64
# A worker may die for reasons of its own; the second time over the same rows they are halved.
_DEATHS = 2
# Rows that are not halved any more: a worker that dies over them dies of them.
_FEWEST_ROWS = 16
_MOST_DEATHS = 5
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
    lost: int = 0
    halved: int = 0

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
        return ApplyResult(self.filled, there - self.filled, self.counted, self.lost, self.halved)

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
        files = _Files(self.atlas, self.table, rows_per_commit, fields)
        try:
            for result, fragment in self._finished(executor, tasks):
                files.take(fragment, result)
                goes_on |= result.is_gone or result.filled > 0
                self.filled += result.filled
                self.counted += result.counted
                if self.progress:
                    self.progress(min(self.filled, self.total), self.total)
        finally:  # also what was done before an error, or Ctrl-C
            self.filled -= files.flush()
        return goes_on

    def _finished(
        self, executor: Executor, tasks: Iterator[FragmentTask]
    ) -> Iterator[tuple[TaskResult, int]]:
        again: deque[FragmentTask] = deque()
        in_flight = 0
        while True:
            while in_flight < _AHEAD * executor.slots():
                task = again.popleft() if again else next(tasks, None)
                if task is None:
                    break
                executor.submit(task)
                in_flight += 1
            if not in_flight:
                return
            for task, done in executor.wait():
                in_flight -= 1
                if isinstance(done, TaskResult) and done.fits(task, self.work.writes):
                    yield done, task.fragment
                elif isinstance(done, Lost):
                    self.lost += 1
                    again.extend(self._after_loss(task, done))
                elif isinstance(done, MemoryError):
                    again.extend(self._after_loss(task, Lost("lacked memory", lacked_memory=True)))
                elif isinstance(done, Exception):
                    raise done
                else:
                    self.lost += 1
                    again.extend(self._after_loss(task, Lost(NO_ANSWER)))

    def _after_loss(self, task: FragmentTask, lost: Lost) -> tuple[FragmentTask, ...]:
        """The tasks in the place of one whose worker died."""
        if lost.is_node:
            _LOG.warning("%s: a machine has gone; its work is done again", self.work.stage)
            return (task,)
        deaths = task.deaths + 1
        if not lost.lacked_memory and deaths < _DEATHS:
            return (replace(task, deaths=deaths),)
        if task.rows > _FEWEST_ROWS:
            self.halved += 1
            _LOG.warning(
                "%s: a worker %s over %d rows of fragment %d, which is cut in two",
                self.work.stage, lost.why, task.rows, task.fragment,
            )  # fmt: skip
            return task.halves()
        if deaths < _MOST_DEATHS:
            return (replace(task, deaths=deaths),)
        raise EngineError(
            f"{deaths} workers died over the same {task.rows} rows: the last one {lost.why}",
            where=f"{self.work.stage}, rows from address {task.first} of {self.table}",
            todo="Give workers more memory (local.processes, ray.resources), or see what is wrong "
            "with these rows.",
        )


class _Files:
    """Results on their way into the table: files that are written, and values that wait."""

    def __init__(
        self, atlas: Atlas, table: str, rows_per_commit: int, fields: Sequence[pa.Field]
    ) -> None:
        self._atlas, self._name, self._rows_per_commit = atlas, table, rows_per_commit
        self._fields = fields
        self._files: list[ColumnFile] = []
        self._values: dict[int, list[pa.Table]] = {}
        self._rows: dict[int, int] = {}
        self._lost = 0

    def take(self, fragment: int, result: TaskResult) -> None:
        """Keep a result, and commit when enough has come together."""
        if not result.filled:
            return
        self._rows[fragment] = self._rows.get(fragment, 0) + result.filled
        if result.file is not None:
            self._files.append(result.file)
        elif result.values is not None:
            self._values.setdefault(fragment, []).append(result.values)
        if sum(self._rows.values()) >= self._rows_per_commit:
            self.flush()

    def flush(self) -> int:
        """Commit all; rows, in all, that were in vain since their fragment has gone."""
        table = self._atlas.table(self._name)
        if self._values and self._add(table):
            there = {each.fragment_id for each in table.get_fragments()}
            self._lost += sum(self._rows[each] for each in self._rows.keys() - there)
            self._files, self._values, self._rows = [], {}, {}
            return self._lost
        files = [
            *self._files,
            *(
                write_column_file(table, fragment, pa.concat_tables(parts))
                for fragment, parts in self._values.items()
                if table.dataset.get_fragment(fragment) is not None
            ),
        ]
        written = {each.fragment for each in files}
        gone = {each.fragment for each in commit_column_files(table, files)}
        gone |= self._rows.keys() - written
        self._lost += sum(self._rows[each] for each in gone)
        self._files, self._values, self._rows = [], {}, {}
        return self._lost

    def _add(self, table: Table) -> bool:
        """Let the columns come with these values; False where they are there."""
        schema = pa.schema([*self._fields, pa.field(ADDRESS, pa.uint64())])

        def of_fragment(fragment: Any) -> pa.Table:
            parts = self._values.get(fragment.fragment_id)
            return pa.concat_tables(parts) if parts else schema.empty_table()

        if not {each.name for each in self._fields}.isdisjoint(table.schema.names):
            return False
        return add_filled_columns(table, self._fields, of_fragment)
