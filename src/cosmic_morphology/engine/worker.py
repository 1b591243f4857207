"""Does tasks, in a process of its own.

Each order is answered by a result, or by the error. The process ends when its standard input does,
so also when its parent is killed.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from cosmic_morphology.engine.answers import write_answer
from cosmic_morphology.engine.executors import Task
from cosmic_morphology.engine.orders import unpack_order
from cosmic_morphology.engine.threads import limit_threads
from cosmic_morphology.frames import read_frame, take_over_output, write_frame


def answer(task: Task, threads: int = 1) -> tuple[dict[str, Any], bytes]:
    """What a task gives, or the error that ended it, as what travels to the driver.

    Parameters
    ----------
    task : Task
        What to do.
    threads : int
        Cores of this worker.
    """
    try:
        limit_threads(threads)
        return write_answer(task.run())
    except Exception as error:  # noqa: BLE001 - the driver raises it
        return write_answer(error)


def main() -> None:
    """Do every task until there are no more."""
    out = take_over_output()
    try:
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            said, data = answer(unpack_order(frame[1]))
            try:
                write_frame(out, said, data)
            except ValueError as error:
                write_frame(out, *write_answer(error))
    except BrokenPipeError:  # the parent is gone and waits for nothing
        os._exit(0)
