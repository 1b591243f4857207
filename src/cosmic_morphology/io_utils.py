"""Outputs that are there whole or not at all: written beside their place and moved into it.

A kill, a full disk or an error while writing leaves what was there before. The file beside is
hidden, named after the writing process, and made again, so that a link which somebody put there is
never followed.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from pydantic_core import to_jsonable_python

from cosmic_morphology.errors import InputError, OutputError
from cosmic_morphology.extras import needs
from cosmic_morphology.safe_text import csv_cell, csv_text

Progress = Callable[[int, int], None]
"""Called with what is done and with all there is; each stage says of what."""

_MARK = "unfinished"
_LONGEST_NAME = 120
# Half a surrogate pair, as names of files may hold, becomes the escape that JSON reads back.
_ODD = "backslashreplace"
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Libraries written in other languages say it in words only.
_FULL_WORDS = ("no space left", "os error 28", "quota exceeded", "disk full", "errno 28")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path``; what is written there becomes ``path`` when the block ends.

    The path given has the same ending, for libraries that choose the format by it. An error in
    the block leaves ``path`` as it was. Folders above are made.

    Parameters
    ----------
    path : Path
        Where the file is to be. A device such as ``/dev/stdout`` is written to directly.

    Raises
    ------
    OutputError
        The disk is full.
    InputError
        The place cannot be written to: it is a folder, below a file, or read-only.

    Examples
    --------
    >>> with whole_file(Path("a.txt")) as beside:
    ...     _ = beside.write_text("done")
    >>> Path("a.txt").read_text()
    'done'
    """
    if path.is_relative_to("/dev"):
        yield path
        return
    with _one_line(path):
        _check_place(path)
        beside = _temporary_name(path)
        # Exclusive: whatever stands there by now is not ours, and is not followed.
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        with _one_line(path):
            yield beside
            _to_disk(beside)
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path``, which becomes ``path`` when the block ends.

    Raises
    ------
    OutputError
        The disk is full.
    InputError
        There is something at this path already (but an empty folder), or it cannot be written to.

    Examples
    --------
    >>> with whole_folder(Path("made")) as beside:
    ...     _ = (beside / "a.txt").write_text("done")
    >>> [each.name for each in Path("made").iterdir()]
    ['a.txt']
    """
    with _one_line(path):
        if path.is_symlink() or path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise InputError("the target exists", where=str(path), todo="Give a new path.")
        beside = _temporary_name(path)
        beside.mkdir()
    try:
        with _one_line(path):
            yield beside
            beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """Open a text file in UTF-8 that appears when the block ends; line ends are kept as written.

    Examples
    --------
    >>> with whole_text(Path("a.txt")) as file:
    ...     _ = file.write("line")
    >>> Path("a.txt").read_text()
    'line'
    """
    with (
        whole_file(path) as beside,
        beside.open("w", encoding="utf-8", errors=_ODD, newline="") as file,
    ):
        yield file


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; see :func:`whole_file`.

    Examples
    --------
    >>> write_text(Path("deep/a.txt"), "done")
    >>> Path("deep/a.txt").read_text()
    'done'
    """
    write_bytes(path, text.encode("utf-8", _ODD))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; see :func:`whole_file`.

    Examples
    --------
    >>> write_bytes(Path("a.bin"), b"12")
    >>> Path("a.bin").read_bytes()
    b'12'
    """
    with whole_file(path) as beside:
        beside.write_bytes(data)


def jsonable(value: Any, *, without: str = "") -> Any:
    """A result, or any value, as what JSON has: objects, lists, texts, numbers, true and false.

    Parameters
    ----------
    value : any
        Dataclasses become objects, with their fields as keys; bytes become base64.
    without : str
        A field of the outermost object that is left out, since it is data and no result.

    Examples
    --------
    >>> jsonable({"score": 0.9, "file": Path("a.json"), "interval": (0.8, 0.95)})
    {'score': 0.9, 'file': 'a.json', 'interval': [0.8, 0.95]}
    """
    left_out = {without} if without else None
    return to_jsonable_python(value, exclude=left_out, bytes_mode="base64", fallback=str)


def write_json(path: Path, content: Any) -> None:
    """Write a result, or any values, as JSON for people, whole or not at all.

    Examples
    --------
    >>> write_json(Path("a.json"), {"n": 3})
    >>> print(Path("a.json").read_text().strip())
    {
     "n": 3
    }
    """
    values = jsonable(content)
    write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV with a header, whole or not at all; missing cells stay empty.

    Examples
    --------
    >>> write_csv(Path("a.csv"), ["id", "label"], [{"id": "x1", "label": "=1+1"}, {"id": "x2"}])
    >>> Path("a.csv").read_text().splitlines()
    ['id,label', "x1,'=1+1", 'x2,']
    """
    with whole_text(path) as file:
        table = CsvRows(file)
        table.write(columns)
        for row in rows:
            table.write(row.get(name, "") for name in columns)


class CsvRows:
    """Writes all our CSV: a text that a spreadsheet would run as a formula is written as text.

    Parameters
    ----------
    file : file
        A text file, opened with ``newline=""``.
    """

    def __init__(self, file: TextIO) -> None:
        self._table = csv.writer(file, lineterminator="\n")

    def write(self, cells: Iterable[Any]) -> None:
        """One row, or the header."""
        self._table.writerow([csv_cell(each) for each in cells])


def csv_rows(file: TextIO) -> list[dict[str, str]]:
    """The rows of a CSV of ours, with the texts that :class:`CsvRows` was given.

    Examples
    --------
    >>> write_csv(Path("a.csv"), ["id", "label"], [{"id": "x1", "label": "=1+1"}])
    >>> with Path("a.csv").open() as file:
    ...     csv_rows(file)
    [{'id': 'x1', 'label': '=1+1'}]
    """
    return [
        {csv_text(name): csv_text(cell or "") for name, cell in row.items() if name is not None}
        for row in csv.DictReader(file)
    ]


def data_frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A pandas data frame, for the ``to_pandas`` of every result.

    Raises
    ------
    MissingExtraError
        pandas is not installed.

    Examples
    --------
    >>> data_frame([{"id": "x1", "n": 2}], ["id", "n"]).shape
    (1, 2)
    """
    with needs("A data frame"):
        import pandas as pd
    return pd.DataFrame(list(rows), columns=list(columns))


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise InputError(
            "this is a folder, and a file is to be written here",
            where=str(path),
            todo="Give the path of a file.",
        )


def _temporary_name(path: Path) -> Path:
    """A name that nobody uses, in the folder of ``path``; what a killed process left goes away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    mine = re.compile(rf"\.{re.escape(name)}\.(\d{{1,9}})\.{_MARK}")
    for each in path.parent.iterdir():
        found = mine.match(each.name)
        if found and (int(found[1]) == os.getpid() or not _lives(int(found[1]))):
            _remove(each)
    return path.with_name(f".{name}.{os.getpid()}.{_MARK}{path.suffix[:_LONGEST_NAME]}")


def _lives(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    # Some file systems tell of a full disk or a quota only here.
    opened = os.open(path, os.O_RDONLY)
    try:
        with suppress(PermissionError):  # a file system that does not let readers sync
            os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Errors of writing in one line; those of anything else in the block stay what they are."""
    try:
        yield
    except Exception as error:
        number = getattr(error, "errno", None)
        if number in _FULL or any(word in str(error).lower() for word in _FULL_WORDS):
            raise OutputError(
                "the disk is full: nothing was written, and what was here before stays",
                where=str(path),
                todo="Make room, or give another place.",
            ) from error
        if isinstance(error, OSError) and _concerns(error, path):
            raise InputError(
                f"this cannot be written ({error.strerror})",
                where=str(path),
                todo="Give another place, or see who may write there.",
            ) from error
        raise


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error is of our own file, or of a folder above it."""
    for name in (error.filename, error.filename2):
        if isinstance(name, str | os.PathLike):
            place = Path(name)
            if place in (path, *path.parents) or f".{_MARK}" in place.name:
                return True
    return False
