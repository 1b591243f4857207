"""Taking many images in at once, beside an event loop that must not wait.

Threads alone share one interpreter with the loop: each wakes the other up and waits for its lock.
So after the first images every core gets a process; and from then on a decoder that a hostile
image brings down takes that image with it, not the harvest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from typing import BinaryIO, Self, cast

from cosmic_morphology.errors import ImageError
from cosmic_morphology.frames import read_frame, write_frame
from cosmic_morphology.imaging.ingest import IngestedImage, ingest_image
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind
from cosmic_morphology.imaging.workers.environment import environment
from cosmic_morphology.imaging.workers.messages import read_answer

# A process takes about as long to start as these images take here.
WORTH_A_PROCESS = 100
# While a process works on one image, the next one waits in its pipe.
_AHEAD = 2
_MANY = 4
_LEAST_CORES = 2


class DecodePool:
    """Threads that take images in, each with a process as soon as it is worth it.

    Use it in a ``with`` block; :attr:`threads` runs :meth:`ingest_image`.

    Parameters
    ----------
    count : int
        How many images are worked on at the same time.
    limits : ImageLimits
        What may come in.
    worth_a_process : int
        Images that are worth starting processes for.
    """

    def __init__(
        self, count: int, limits: ImageLimits, *, worth_a_process: int = WORTH_A_PROCESS
    ) -> None:
        self._count = count
        self._limits = limits
        self._worth = worth_a_process
        self._begun = 0
        self._started = (os.cpu_count() or 1) < _LEAST_CORES
        self._died = False
        self._change = threading.Condition()
        self._here = threading.Semaphore(count)
        self._workers: list[DecodeWorker] = []
        self._pool = ThreadPoolExecutor(_AHEAD * count, "decode")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._change:
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()

    @property
    def threads(self) -> Executor:
        """Where :meth:`ingest_image` is to be run."""
        return self._pool

    @property
    def started(self) -> bool:
        """Whether :meth:`expect` has nothing left to decide."""
        return self._started

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that are ready."""
        return tuple(each.pid for each in self._workers if each.ready)

    def expect(self, images: int) -> None:
        """Say how many are to come: for many, processes are started before the first one."""
        if not self._started and images >= _MANY * self._worth:
            with self._change:
                self._start_all()

    def ingest_image(self, data: bytes, where: str) -> IngestedImage:
        """As :func:`cosmic_morphology.imaging.ingest_image`, in whatever process has room.

        Raises
        ------
        ImageError
            As there; ``corrupt`` where it has brought its process down.
        """
        worker = self._choose()
        if worker is None:
            with self._here:
                return ingest_image(data, limits=self._limits, source_hint=where)
        try:
            return worker.ingest_image(data, where)
        except (OSError, ValueError) as error:
            self._replace(worker)
            what = "the process that was to decode the image ended"
            todo = "Look at the file: it may be damaged, or made to do harm."
            raise ImageError(RejectionKind.CORRUPT, what, where=where, todo=todo) from error
        finally:
            with self._change:
                worker.waiting -= 1
                self._change.notify()

    def _choose(self) -> DecodeWorker | None:
        """A process with room; None where the work is to be done here."""
        with self._change:
            self._begun += 1
            if self._begun >= self._worth:
                self._start_all()
            while self._workers:
                ready = [each for each in self._workers if each.ready]
                if ready and (chosen := min(ready, key=_waiting)).waiting < _AHEAD:
                    chosen.waiting += 1
                    return chosen
                if not self._died and len(ready) < self._count:
                    return None
                # What has brought one process down must not be tried here.
                self._change.wait()
            return None

    def _start_all(self) -> None:
        if not self._started:
            self._started = True
            for _ in range(self._count):
                self._start()

    def _start(self) -> None:
        try:
            self._workers.append(DecodeWorker(self._limits, self._notify))
        except OSError:  # this machine gives no process: threads do the work as before
            return

    def _replace(self, worker: DecodeWorker) -> None:
        with self._change:
            self._died = True
            if worker in self._workers:
                self._workers.remove(worker)
                worker.stop()
                self._start()
            self._change.notify_all()

    def _notify(self, worker: DecodeWorker) -> None:
        with self._change:
            if not worker.ready and worker in self._workers:
                self._workers.remove(worker)  # it could not even start
            self._change.notify_all()


class DecodeWorker:
    """One process and the way to it; answers come in the order of the questions."""

    def __init__(self, limits: ImageLimits, report: Callable[[DecodeWorker], None]) -> None:
        self.waiting = 0
        self.ready = False
        self._limits = limits
        self._report = report
        self._to_send = threading.Lock()
        self._to_read = threading.Condition()
        self._sent = self._answered = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cosmic_morphology.imaging.workers.decode_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._into = cast("BinaryIO", self._process.stdin)
        self._out = cast("BinaryIO", self._process.stdout)
        threading.Thread(target=self._greet, name="greet", daemon=True).start()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def stop(self) -> None:
        """End the process: it holds nothing that could be lost."""
        self.ready = False
        self._process.kill()
        self._process.wait()
        for pipe in (self._into, self._out):
            try:
                pipe.close()
            except OSError:  # what was left to be sent has nobody to go to
                continue

    def ingest_image(self, data: bytes, where: str) -> IngestedImage:
        """Have one image taken in.

        Raises
        ------
        OSError, ValueError
            The process is gone.
        """
        with self._to_send:
            turn = self._sent
            write_frame(self._into, where, data)
            self._sent += 1
        with self._to_read:
            self._to_read.wait_for(lambda: self._answered == turn)
            try:
                answer = read_frame(self._out)
            finally:
                self._answered += 1
                self._to_read.notify_all()
        if answer is None:
            raise OSError
        return read_answer(*answer, data)

    def _greet(self) -> None:
        """Send the limits; the process answers when all is imported."""
        try:
            write_frame(self._into, asdict(self._limits))
            self.ready = read_frame(self._out) is not None
        except (OSError, ValueError):
            self.ready = False
        self._report(self)


def _waiting(worker: DecodeWorker) -> int:
    return worker.waiting
