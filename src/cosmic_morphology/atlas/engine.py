"""Where column work runs: the same pure function, in this process or on Ray."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.provenance import ColumnProvenance
from cosmic_morphology.atlas.schema import table_of
from cosmic_morphology.display import Shown
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import Progress

# Batches on their way per core of the driver: enough to keep workers busy, few to hold.
_PER_CORE = 4

ColumnFunction = Callable[[pa.Table], pa.Table]
"""A batch of columns in (with ``id``), a batch of new columns out, in the same order; no I/O."""


@dataclass(frozen=True, slots=True, repr=False)
class ApplyResult(Shown):
    """What :func:`apply` did."""

    filled: int
    already_there: int


def apply(
    atlas: Atlas,
    function: ColumnFunction,
    *,
    reads: Sequence[str],
    writes: Sequence[pa.Field],
    stamp: ColumnProvenance,
    batch_size: int = 256,
    checkpoint_rows: int = 2048,
    progress: Progress | None = None,
    engine: str = "local",
) -> ApplyResult:
    """Fill believed columns of the rows that lack them; a killed run resumes where it stopped.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    function : callable
        Pure: a table of ``id`` and ``reads`` in, a table of ``writes`` out, row for row. The
        first of ``writes`` must never be null: its nulls mark the rows still to do.
    reads : sequence of str
        Columns of the catalogue or of the images.
    writes : sequence of pyarrow.Field
        Names and types of the columns that are filled.
    stamp : ColumnProvenance
        The stage, its parameters and code; when they differ from the stamp of the columns, all
        rows are done again.
    batch_size : int
        Rows that the function gets at once.
    checkpoint_rows : int
        Rows between two commits.
    progress : callable, optional
        Called with rows done and rows in all.
    engine : str
        ``local`` or ``ray``.
    """
    atlas.prepare_columns(writes, stamp)
    everything = atlas.ids()
    name = writes[0].name
    empty = atlas.read(["id"], where=f"`{name}` IS NULL", table=table_of(name)).column("id")
    is_empty = set(empty.to_pylist())
    todo = [each for each in everything if each in is_empty]
    done = 0
    pending: list[pa.Table] = []
    for filled in _run(engine, function, atlas.batches(reads, ids=todo, batch_size=batch_size)):
        pending.append(filled.select(["id", *[field.name for field in writes]]))
        done += filled.num_rows
        if sum(part.num_rows for part in pending) >= checkpoint_rows:
            atlas.fill_columns(pa.concat_tables(pending))
            pending = []
        if progress:
            progress(done, len(todo))
    if pending:
        atlas.fill_columns(pa.concat_tables(pending))
    atlas.tend()
    return ApplyResult(filled=done, already_there=len(everything) - len(todo))


def _run(engine: str, function: ColumnFunction, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    if engine == "ray":
        yield from _on_ray(function, batches)
        return
    for batch in batches:
        yield _named(batch, function(batch))


def _on_ray(function: ColumnFunction, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    with needs("engine = 'ray'"):
        import ray

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote: Any = ray.remote(function)
    in_flight = _PER_CORE * (os.cpu_count() or 1)
    waiting: list[tuple[pa.Table, Any]] = []
    for batch in batches:
        waiting.append((batch, remote.remote(batch)))
        if len(waiting) >= in_flight:
            first, result = waiting.pop(0)
            yield _named(first, ray.get(result))
    for first, result in waiting:
        yield _named(first, ray.get(result))


def _named(batch: pa.Table, filled: pa.Table) -> pa.Table:
    if filled.num_rows != batch.num_rows:
        msg = f"a column function returned {filled.num_rows} rows for {batch.num_rows}"
        raise ValueError(msg)
    if "id" in filled.schema.names:
        return filled
    return filled.append_column("id", batch.column("id"))
