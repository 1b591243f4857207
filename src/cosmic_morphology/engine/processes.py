"""Processes on this machine, which start once and keep their model from task to task.

They are started anew, not by forking: no lock or thread of this process is in
them, and a script that calls this package is not run again.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, BinaryIO, Self, cast

from cosmic_morphology.engine.answers import read_answer
from cosmic_morphology.engine.executors import NO_ANSWER, Finished, Lost, Task
from cosmic_morphology.engine.orders import pack_order
from cosmic_morphology.engine.work import ColumnFunction, ColumnWork
from cosmic_morphology.frames import read_frame, write_frame
from cosmic_morphology.without_pandas import is_without_pandas

# Not by ``-m``: pandas has to be kept out before the package of the worker is imported.
_PLAIN = "from cosmic_morphology.engine.worker import main; main()"
_LIGHT = (
    f"from cosmic_morphology.without_pandas import do_without_pandas; do_without_pandas(); {_PLAIN}"
)


class Processes:
    """Does tasks in processes; one that dies is replaced.

    Parameters
    ----------
    count : int
        How many.
    """

    is_here = False

    def __init__(self, count: int) -> None:
        self._count = count
        self._workers: list[WorkerProcess] = []
        self._idle: queue.SimpleQueue[WorkerProcess] = queue.SimpleQueue()
        self._tasks: dict[Future[Any], Task] = {}
        self._closed = False

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="engine")
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed = True
        for worker in self._workers:  # what they do holds nothing that is not done again
            worker.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def pack(self, work: ColumnWork, made: ColumnFunction | None) -> bytes:
        """The work; each process makes the function for itself."""
        del made
        return pack_order(work)

    def slots(self) -> int:
        """The number of processes."""
        return self._count

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._tasks[self._threads.submit(self._do, task)] = task

    def wait(self) -> list[Finished]:
        """Wait until a process is done with a task, or dead."""
        done, _ = wait(self._tasks, return_when=FIRST_COMPLETED)
        return [(self._tasks.pop(each), each.result()) for each in done]

    def _do(self, task: Task) -> Any:
        worker = self._idle.get()
        order = pack_order(task)
        try:
            answer = worker.ask(order)
        except (OSError, EOFError):
            return self._lost(worker, worker.stop())
        except ValueError:
            # Whatever it was that has steered it so: its task gets another one.
            worker.stop()
            return self._lost(worker, NO_ANSWER)
        self._idle.put(worker)
        return answer

    def _lost(self, worker: WorkerProcess, why: str) -> Lost:
        if not self._closed:
            self._workers.remove(worker)
            self._start()
        return Lost(why)

    def _start(self) -> None:
        worker = WorkerProcess()
        self._workers.append(worker)
        self._idle.put(worker)


class WorkerProcess:
    """One process, and the pipe to it."""

    def __init__(self) -> None:
        path = os.pathsep.join(each for each in sys.path if each)
        self._process = subprocess.Popen(  # noqa: S603 - this very Python and our own module
            [sys.executable, "-c", _LIGHT if is_without_pandas() else _PLAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
        )
        self._into = cast("BinaryIO", self._process.stdin)
        self._out = cast("BinaryIO", self._process.stdout)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def ask(self, order: bytes) -> Any:
        """Have an order done; its result, or the error that ended it.

        Raises
        ------
        OSError, EOFError
            The process has died.
        ValueError
            It answers what is no answer.
        """
        write_frame(self._into, None, order)
        answer = read_frame(self._out)
        if answer is None:
            raise EOFError
        return read_answer(*answer)

    def stop(self) -> str:
        """End the process; how it ended, as the end of a sentence."""
        try:
            self._process.wait(timeout=0.5)  # one that has died says why
        except subprocess.TimeoutExpired:
            self._process.kill()
        code = self._process.wait()
        for pipe in (self._into, self._out):
            try:
                pipe.close()
            except OSError:  # what was left to be sent has nobody to go to
                continue
        if code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        return f"ended with the code {code}"
