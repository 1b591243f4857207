"""Many rendered pictures: parallel processes, fixed order, bounded memory."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from cosmic_morphology.synthesize.rendering import Rendered, check_job, render

Job = tuple[str, int, int]
"""Class, seed and size in pixels of one picture."""
BATCH = 8


def render_many(
    counts: Mapping[str, int], *, seed: int, size_px: int = 256, workers: int | None = None
) -> Iterator[Rendered]:
    """Render many pictures in parallel processes, in a fixed order, in bounded memory.

    The classes take turns, so that any beginning of the stream is balanced. Picture ``i`` of a
    class is ``render(kind, picture_seed(seed, i), size_px=size_px)``, whatever the workers.

    Parameters
    ----------
    counts : mapping
        Pictures wanted for each class.
    seed : int
        Seed of the whole set.
    size_px : int, optional
        Longer side in pixels.
    workers : int, optional
        Processes; by default one for each core, 1 renders in this process.

    Raises
    ------
    UsageError
        If a class, the seed or the size cannot be rendered.
    """
    return render_jobs(jobs_for(counts, seed=seed, size_px=size_px), workers=workers)


def jobs_for(counts: Mapping[str, int], *, seed: int, size_px: int) -> list[Job]:
    """The pictures of a set, the classes taking turns."""
    return [
        (kind, picture_seed(seed, index), size_px)
        for index in range(max(counts.values(), default=0))
        for kind, count in counts.items()
        if index < count
    ]


def picture_seed(seed: int, index: int) -> int:
    """Seed of the picture ``index`` of a set; sets with different seeds do not overlap."""
    return seed * 1_000_003 + index


def render_jobs(jobs: Sequence[Job], *, workers: int | None = None) -> Iterator[Rendered]:
    """Render pictures in the order of ``jobs``, as :func:`render_many` does."""
    for job in jobs:
        check_job(*job)
    processes = min(workers or os.cpu_count() or 1, max(1, len(jobs) // BATCH))
    if processes <= 1:
        return (render(kind, seed, size_px=size) for kind, seed, size in jobs)
    return _in_processes(jobs, processes)


def _in_processes(jobs: Sequence[Job], processes: int) -> Iterator[Rendered]:
    """Batches of jobs through a pool; at most a few batches wait at any time."""
    # Spawned processes inherit no locks or threads of this one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: deque[Future[list[Rendered]]] = deque()
        try:
            for start in range(0, len(jobs), BATCH):
                waiting.append(pool.submit(_render_batch, jobs[start : start + BATCH]))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _render_batch(jobs: Sequence[Job]) -> list[Rendered]:
    return [render(kind, seed, size_px=size) for kind, seed, size in jobs]
