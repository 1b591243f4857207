"""Answers: what comes back from a worker, as JSON and Arrow columns.

A worker decodes pictures of strangers, so that a driver reads its answers like a file of a
stranger: no class is named in them but those of a table, and nothing is run.
"""

from __future__ import annotations

import traceback
from typing import Any

import pyarrow as pa
from lance.fragment import DataFile
from pydantic import BaseModel, ConfigDict, Field

from cosmic_morphology.atlas.storage.column_files import ColumnFile
from cosmic_morphology.engine.task import TaskResult
from cosmic_morphology.errors import KINDS, CosmicError, ImageError

# Of Python's own those that a text alone makes; another one arrives as the nearest of these.
_PYTHONS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(ArithmeticError, ZeroDivisionError, OverflowError, AssertionError, AttributeError),
        *(ImportError, LookupError, IndexError, KeyError, MemoryError, NotImplementedError),
        *(OSError, FileNotFoundError, PermissionError, RuntimeError, RecursionError),
        *(TypeError, ValueError),
    )
}


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _File(_Plain):
    """A :class:`ColumnFile`: its name is that of a file in the table's own folder."""

    fragment: int = Field(ge=0)
    path: str = Field(pattern=r"^[A-Za-z0-9_-]{1,200}\.lance$")
    fields: list[int]
    column_indices: list[int]
    file_major_version: int
    file_minor_version: int
    file_size_bytes: int | None
    base_id: None = None
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Result(_Plain):
    """A :class:`TaskResult` without its values."""

    filled: int = Field(ge=0)
    counted: int
    is_gone: bool
    file: _File | None


class _Error(_Plain):
    """An error by the name of its class."""

    kind: str
    what: str
    where: str = ""
    todo: str = ""
    image: str = ""
    trace: str = ""


class _Answer(_Plain):
    """One of these; of a table only that there is one."""

    error: _Error | None = None
    task: _Result | None = None
    table: bool = False


def write_answer(done: object) -> tuple[dict[str, Any], bytes]:
    """What a task gave, or the error that ended it, as what travels.

    Parameters
    ----------
    done : TaskResult, pyarrow.Table or Exception

    Returns
    -------
    tuple of dict and bytes
        JSON, and a stream of Arrow's or nothing.

    Raises
    ------
    TypeError
        A task gave something else.
    """
    if isinstance(done, Exception):
        return {"error": _of_error(done).model_dump()}, b""
    if isinstance(done, TaskResult):
        values = b"" if done.values is None else _stream(done.values)
        return {"task": _of_result(done).model_dump(), "table": done.values is not None}, values
    if isinstance(done, pa.Table):
        return {"table": True}, _stream(done)
    msg = f"a task gave no table, but {type(done).__name__}"
    raise TypeError(msg)


def read_answer(said: object, data: bytes) -> Any:
    """What :func:`write_answer` was given; an error is returned, too.

    Raises
    ------
    ValueError
        This is no answer.
    """
    answer = _Answer.model_validate(said)
    if answer.error is not None:
        return _error(answer.error)
    table = _table(data) if answer.table else None
    if answer.task is not None:
        of, file = answer.task, None
        if of.file is not None:
            described = DataFile(**of.file.model_dump(exclude={"fragment", "sha256"}))
            file = ColumnFile(of.file.fragment, described, of.file.sha256)
        return TaskResult(of.filled, of.counted, file, table, of.is_gone)
    if table is None:
        msg = "an answer without an error, a result or a table"
        raise ValueError(msg)
    return table


def _of_result(done: TaskResult) -> _Result:
    file = None
    if done.file is not None:
        of = done.file.file
        file = _File(
            fragment=done.file.fragment,
            path=str(of.path),
            fields=of.fields,
            column_indices=of.column_indices,
            file_major_version=of.file_major_version,
            file_minor_version=of.file_minor_version,
            file_size_bytes=of.file_size_bytes,
            sha256=done.file.sha256,
        )
    return _Result(filled=done.filled, counted=done.counted, is_gone=done.is_gone, file=file)


def _of_error(error: Exception) -> _Error:
    if isinstance(error, CosmicError):
        # Of a plug-in's own kinds a driver knows nothing.
        kind = next(each for each in type(error).__mro__ if KINDS.get(each.__name__) is each)
        image = str(error.kind) if isinstance(error, ImageError) else ""
        return _Error(
            kind=kind.__name__, what=error.what, where=error.where, todo=error.todo, image=image
        )
    kinds = (each.__name__ for each in type(error).__mro__ if each in _PYTHONS.values())
    kind_name = next(kinds, "RuntimeError")
    text = str(error.args[0]) if len(error.args) == 1 else str(error)
    if kind_name != type(error).__name__:
        text = f"{type(error).__name__}: {text}"
    trace = "".join(traceback.format_exception(error))
    return _Error(kind=kind_name, what=text, trace=trace)


def _error(of: _Error) -> Exception:
    ours = KINDS.get(of.kind)
    if ours is not None:
        if issubclass(ours, ImageError):
            return ours(of.image, of.what, where=of.where, todo=of.todo)
        return ours(of.what, where=of.where, todo=of.todo)
    if of.kind not in _PYTHONS:
        msg = f"there is no error {of.kind!r}"
        raise ValueError(msg)
    error = _PYTHONS[of.kind](of.what)
    error.add_note(f"In a worker:\n{of.trace}")
    return error


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _table(data: bytes) -> pa.Table:
    try:
        table = pa.ipc.open_stream(data).read_all()
        # Offsets that lead out of a column would be followed wherever they lead.
        table.validate(full=True)
    except (pa.ArrowException, OSError, MemoryError) as error:
        msg = f"these are no columns ({error})"
        raise ValueError(msg) from error
    return table
