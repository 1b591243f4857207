"""What is done to columns, in a form that travels to other processes and machines."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cosmic_morphology.engine.orders import unpack_order
from cosmic_morphology.errors import EngineError

ColumnFunction = Callable[[pa.Table], pa.Table]
"""A batch of columns in (with ``id``), a batch of new columns out, in the same order; no I/O."""


@dataclass(frozen=True, slots=True)
class ColumnWork:
    """How columns are filled.

    Attributes
    ----------
    stage : str
        Its name in the settings (``ray.resources``) and in messages.
    make : callable
        Of a module, so that other processes can import it: gives the :data:`ColumnFunction`. It is
        called once in each process; it is the place to load a model.
    reads : tuple of str
        Columns of the table that ``writes`` stand in, or of ``images`` and ``catalogue`` for the
        same ids; rows without such an id are left out.
    writes : tuple of pyarrow.Field
        Names and types of the columns. The first must never be null: its nulls mark the rows that
        are still to do.
    arguments : tuple
        For ``make``; they can be pickled.
    batch_size : int
        Rows that the function gets at once.
    task_rows : int
        Rows of one task where a fragment is shared out: some seconds of work.
    worth_processes : int
        With fewer rows to do the work is done in this process: others take longer to start.
    instead : mapping
        A heavy column of the images, and the column whose nulls it is read for alone:
        ``{"thumbnail": "embedding_x"}``. Elsewhere the function finds null.
    is_alone : bool
        Whether one process takes all of this machine, as with a GPU.
    count : callable, optional
        Of a module: counts something in a filled batch, such as images that cannot be read.
    """

    stage: str
    make: Callable[..., ColumnFunction]
    reads: tuple[str, ...]
    writes: tuple[pa.Field, ...]
    arguments: tuple[Any, ...] = ()
    batch_size: int = 256
    task_rows: int = 1024
    worth_processes: int = 4096
    instead: Mapping[str, str] = field(default_factory=dict)
    is_alone: bool = False
    count: Callable[[pa.Table], int] | None = None

    @property
    def marker(self) -> str:
        """The column whose nulls mark the rows still to do."""
        return str(self.writes[0].name)

    def checked(self, batch: pa.Table, filled: pa.Table) -> pa.Table:
        """What a column function has returned for a batch, if it keeps its contract.

        Raises
        ------
        ValueError
            It returned other rows or columns, or nothing for a row.
        """
        names = [each.name for each in self.writes]
        if filled.num_rows != batch.num_rows:
            msg = f"a column function returned {filled.num_rows} rows for {batch.num_rows}"
            raise ValueError(msg)
        kept = filled.select(names)
        if kept.column(0).null_count:
            msg = f"a column function left {names[0]!r} empty"
            raise ValueError(msg)
        return kept


# The last work of this process: stages come one after the other, and models are large.
_loaded: tuple[bytes, ColumnWork, ColumnFunction] | None = None


def load_work(data: bytes) -> tuple[ColumnWork, ColumnFunction]:
    """The work that a driver has pickled, and its function; made once in each process.

    Raises
    ------
    EngineError
        What makes the function cannot be imported here.
    """
    global _loaded  # noqa: PLW0603 - what a worker process keeps from one task to the next
    if _loaded is None or _loaded[0] != data:
        _loaded = None  # makes room before the next model is loaded
        try:
            work = unpack_order(data)
        except (ImportError, AttributeError) as error:
            raise EngineError(
                f"a worker cannot import what it is to do ({error})",
                where=platform.node(),
                todo="Install the package that brings it on every machine; a function of a script "
                "or notebook runs with engine = 'local' alone.",
            ) from error
        _loaded = (data, work, work.make(*work.arguments))
    return _loaded[1], _loaded[2]


def keep_function(data: bytes, work: ColumnWork, function: ColumnFunction) -> None:
    """Let this process use a function that is made already."""
    global _loaded  # noqa: PLW0603 - as above
    _loaded = (data, work, function)


def forget_function() -> None:
    """Let go of the model that was kept."""
    global _loaded  # noqa: PLW0603 - as above
    _loaded = None
