"""``python -m …engine.worker``: does tasks, in a process of its own.

Each task is answered by its result, or by the error. The process ends
when its standard input does, so also when its parent is killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any

from cosmic_morphology.engine.executors import Task
from cosmic_morphology.engine.pipes import receive, send
from cosmic_morphology.engine.threads import limit_threads
from cosmic_morphology.errors import CosmicError


def run_safely(task: Task, threads: int = 1) -> Any:
    """A task's result, or the error that ended it, which travels as a value.

    Parameters
    ----------
    task : Task
        What to do.
    threads : int
        Cores of this worker.
    """
    try:
        limit_threads(threads)
        return task.run()
    except CosmicError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the driver raises it: a fault of the program
        return error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")


def _travels(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made a line before
    except Exception:  # noqa: BLE001 - whatever it is, it would fail again in the driver
        return False
    return True


def main() -> None:
    """Do every task until there are no more."""
    # Ctrl-C reaches the whole group; the parent decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The parent reads frames here: nothing else may come between them.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        send(out, run_safely(receive(sys.stdin.buffer)))


if __name__ == "__main__":
    try:
        main()
    except (EOFError, BrokenPipeError):  # the parent is done, or gone and waits for nothing
        os._exit(0)
