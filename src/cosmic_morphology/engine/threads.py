"""Threads of a worker: the cores are shared out among processes."""

from __future__ import annotations

import os
import sys

_threads: int | None = None


def threads_here() -> int:
    """Threads that a column function may open in this process.

    Examples
    --------
    >>> threads_here() >= 1
    True
    """
    return _threads or os.cpu_count() or 1


def limit_threads(count: int) -> None:
    """Make this process, a worker, compute with so many threads, whatever libraries it loads."""
    global _threads  # noqa: PLW0603 - holds for the whole process
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    _threads = count
    # For libraries that are loaded later, and for those that are here.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(count)))
    threadpool_limits(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
