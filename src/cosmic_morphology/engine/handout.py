"""Tasks over rows, handed out to an executor until each is done, whoever dies on the way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from cosmic_morphology.engine.executors import NO_ANSWER, Executor, Lost
from cosmic_morphology.engine.task import FragmentTask, TaskResult
from cosmic_morphology.errors import EngineError

_LOG = logging.getLogger(__name__)
# Tasks that wait at a slot, so that it need not wait for the driver.
_AHEAD = 2
# A worker may die for reasons of its own; the second time over the same rows they are halved.
_DEATHS = 2
# Rows that are not halved any more: a worker that dies over them dies of them.
_FEWEST_ROWS = 16
_MOST_DEATHS = 5


class Handout:
    """Keeps every slot of an executor busy, and counts what was lost.

    Parameters
    ----------
    stage : str
        For messages.
    writes : sequence of pyarrow.Field
        Columns that a result has.

    Attributes
    ----------
    lost : int
        Workers that died; their tasks were done by others.
    halved : int
        Tasks that were cut in two, since they took too much memory.
    """

    def __init__(self, stage: str, writes: Sequence[pa.Field]) -> None:
        self.lost = 0
        self.halved = 0
        self._stage = stage
        self._writes = writes

    def finished(
        self, executor: Executor, tasks: Iterator[FragmentTask]
    ) -> Iterator[tuple[FragmentTask, TaskResult]]:
        """Each task that is done, or each half of it, with its result; in any order.

        Raises
        ------
        EngineError
            Workers die over the same rows again and again.
        """
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
                if isinstance(done, TaskResult) and done.fits(task, self._writes):
                    yield task, done
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
            _LOG.warning("%s: a machine has gone; its work is done again", self._stage)
            return (task,)
        deaths = task.deaths + 1
        if not lost.lacked_memory and deaths < _DEATHS:
            return (replace(task, deaths=deaths),)
        if task.rows > _FEWEST_ROWS:
            self.halved += 1
            _LOG.warning(
                "%s: a worker %s over %d rows of fragment %d, which is cut in two",
                self._stage, lost.why, task.rows, task.fragment,
            )  # fmt: skip
            return task.halves()
        if deaths < _MOST_DEATHS:
            return (replace(task, deaths=deaths),)
        raise EngineError(
            f"{deaths} workers died over the same {task.rows} rows: the last one {lost.why}",
            where=f"{self._stage}, rows from address {task.first} of {task.table}",
            todo="Give workers more memory (local.processes, ray.resources), or see what is wrong "
            "with these rows.",
        )
