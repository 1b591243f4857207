"""The CSV that goes with a folder of pictures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cosmic_morphology.errors import InputError

REQUIRED = "file"
TEXTS = {
    "id": "",
    "title": "title",
    "description": "description",
    "label": "given_label",
    "date": "created_at",
    "source": "",
    "collection": "",
    "credit": "credit",
    "licence": "licence",
    "page_url": "page_url",
    "image_url": "image_url",
}
LISTS = ("keywords", "names", "albums", "subjects", "lineage")
COLUMNS = (REQUIRED, *TEXTS, *LISTS)
_SEPARATORS = re.compile(r"[;|]")


@dataclass(frozen=True)
class Table:
    """A CSV (or TSV) whose header has been checked.

    Parameters
    ----------
    where : str
        Its path, for messages.
    content : bytes
        The file.
    columns : dict of str to str
        Our name of each column that is there, and the file's own name of it.
    only : dict of str to str
        Rows that count: the file's own column, and the value it must have (``!value``: must not).
    """

    where: str
    content: bytes
    columns: dict[str, str]
    only: dict[str, str]

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row under our names, in the order of the file; cells are stripped."""
        for row in _dicts(self.content, self.where):
            if all(_agrees(row.get(name), value) for name, value in self.only.items()):
                yield {ours: (row.get(its) or "").strip() for ours, its in self.columns.items()}


def open_table(
    content: bytes,
    where: str,
    columns: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
) -> Table:
    """Check a CSV's header against what is asked of it.

    Parameters
    ----------
    content : bytes
        The file, UTF-8, with a header; tabs separate when its name ends in ``.tsv``.
    columns : mapping, optional
        Our name = the file's name, for columns that are called otherwise (see ``COLUMNS``).
    only : mapping, optional
        See :class:`Table`.

    Raises
    ------
    InputError
        Not UTF-8 or not a CSV, a column that is missing, or a name that is not ours.
    """
    asked = dict(columns or {})
    unknown = sorted(set(asked) - set(COLUMNS))
    if unknown:
        todo = f"There are: {', '.join(COLUMNS)}."
        raise InputError(f"{unknown[0]!r} is no column of a record", where=where, todo=todo)
    header = _header(content, where)
    lower = {name.strip().lower(): name for name in header}
    found = {ours: lower[ours] for ours in COLUMNS if ours in lower} | asked
    for its in (found.get(REQUIRED, REQUIRED), *asked.values(), *(only or {})):
        if its not in header:
            raise _missing(its, header, where)
    return Table(where=where, content=content, columns=found, only=dict(only or {}))


def split_list(cell: str) -> tuple[str, ...]:
    """Parts of a cell that holds a list, separated by ``;`` or ``|``."""
    return tuple(part.strip() for part in _SEPARATORS.split(cell) if part.strip())


def _missing(column: str, header: list[str], where: str) -> InputError:
    return InputError(
        f"the column {column!r} is missing; there are {', '.join(map(repr, header)) or 'none'}",
        where=where,
        todo=(
            "Say which column holds it, such as --column file=filename, "
            "or add it: 'file' is the picture's path within the folder."
        ),
    )


def _header(content: bytes, where: str) -> list[str]:
    with _readable(where):
        return next(csv.reader(_text(content), delimiter=_delimiter(where)), [])


def _dicts(content: bytes, where: str) -> Iterator[dict[str, str | None]]:
    with _readable(where):
        yield from csv.DictReader(_text(content), delimiter=_delimiter(where))


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")


def _delimiter(where: str) -> str:
    return "\t" if Path(where).suffix.lower() == ".tsv" else ","


def _agrees(cell: str | None, wanted: str) -> bool:
    if wanted.startswith("!"):
        return (cell or "").strip() != wanted[1:]
    return (cell or "").strip() == wanted


@contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (csv.Error, UnicodeDecodeError) as error:
        todo = "Save it as CSV in UTF-8, with a header line."
        raise InputError(f"this is not a CSV ({error})", where=where, todo=todo) from error
