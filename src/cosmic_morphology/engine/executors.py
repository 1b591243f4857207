"""Who does tasks: what every executor can do, and the one that needs nobody else."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol, Self

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


NO_ANSWER = "answered what no worker does"
"""Why a worker is lost whose answer cannot be read, or is not one to its task."""


class Task(Protocol):
    """What can be pickled and run anywhere."""

    def run(self) -> Any:
        """Do it; it gives what :func:`~cosmic_morphology.engine.answers.write_answer` takes."""


Finished = tuple[Any, Any]
"""A task and what became of it: its result, :class:`Lost`, or an exception."""


class Executor(Protocol):
    """Takes tasks and gives back what became of them, in any order."""

    is_here: bool
    """Whether tasks are done in the driver's own process."""

    def pack(self, work: ColumnWork, made: ColumnFunction | None) -> bytes:
        """The work, as tasks carry it to whoever does them."""

    def slots(self) -> int:
        """Tasks that can be worked on at the same time, now."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def wait(self) -> list[Finished]:
        """Wait until at least one task is finished."""


class InThisProcess:
    """Does each task as it is waited for."""

    is_here = True

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._tasks.clear()
        forget_function()

    def pack(self, work: ColumnWork, made: ColumnFunction | None) -> bytes:
        """A name for the work: nothing travels, and what cannot be pickled is welcome."""
        name = f"in this process: {id(work)}".encode()
        keep_function(name, work, made or work.make(*work.arguments))
        return name

    def slots(self) -> int:
        """One."""
        return 1

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._tasks.append(task)

    def wait(self) -> list[Finished]:
        """Do the next task."""
        task = self._tasks.popleft()
        return [(task, task.run())]
