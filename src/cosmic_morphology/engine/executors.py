"""Who does tasks: what every executor can do, and the one that needs nobody else."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from cosmic_morphology.engine.task import FragmentTask, TaskResult, run_task
from cosmic_morphology.engine.work import (
    ColumnFunction,
    ColumnWork,
    forget_function,
    keep_function,
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A task whose worker has died.

    Attributes
    ----------
    why : str
        As the end of a sentence: ``was killed (signal 9)``.
    lacked_memory : bool
        Whether that is known to have been the reason.
    is_node : bool
        Whether its whole machine went, which says nothing of the task.
    """

    why: str
    lacked_memory: bool = False
    is_node: bool = False


Finished = tuple[FragmentTask, TaskResult | Lost | BaseException]
"""A task and what became of it."""


class Executor(Protocol):
    """Takes tasks and gives back what became of them, in any order."""

    pickled: bytes
    """The work, as tasks carry it."""

    def slots(self) -> int:
        """Tasks that can be worked on at the same time, now."""

    def submit(self, task: FragmentTask) -> None:
        """Take a task."""

    def wait(self) -> list[Finished]:
        """Wait until at least one task is finished."""


class InThisProcess:
    """Does each task as it is waited for.

    Parameters
    ----------
    work : ColumnWork
        What is to be done.
    made : callable, optional
        Its function, where it is made already.
    """

    def __init__(self, work: ColumnWork, made: ColumnFunction | None = None) -> None:
        # Nothing travels: a name of its own is enough, and what cannot be pickled is welcome.
        self.pickled = f"in this process: {id(work)}".encode()
        keep_function(self.pickled, work, made or work.make(*work.arguments))
        self._tasks: deque[FragmentTask] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tasks.clear()
        forget_function()

    def slots(self) -> int:
        """One."""
        return 1

    def submit(self, task: FragmentTask) -> None:
        """Take a task."""
        self._tasks.append(task)

    def wait(self) -> list[Finished]:
        """Do the next task."""
        task = self._tasks.popleft()
        return [(task, run_task(task))]
