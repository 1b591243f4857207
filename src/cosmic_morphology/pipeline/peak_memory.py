"""Peak memory of this process and its children together."""

from __future__ import annotations

import threading
from typing import Self

import psutil

_INTERVAL_S = 0.5


class PeakMemory:
    """Watch the resident memory of the process tree while a ``with`` block runs.

    Attributes
    ----------
    peak_mb : float
        The largest sum seen, in MB. Pages that processes share are counted for each of them, so
        this is an upper bound.
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while True:
            self.peak_mb = max(self.peak_mb, _tree_mb(own))
            if self._stop.wait(_INTERVAL_S):
                return


def _tree_mb(own: psutil.Process) -> float:
    total = 0
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it ended between the listing and the look
            continue
    return total / 1e6
