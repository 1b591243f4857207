"""The one reader of people's tables (CSV, TSV): of images, positions, verdicts and catalogues."""

from __future__ import annotations

import csv
import io
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError
from cosmic_morphology.safe_text import csv_text
from cosmic_morphology.suggest import suggest_names

MAX_TABLE_BYTES = 2_000_000_000
_MAX_CELL_CHARACTERS = 16_000_000
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50
_SAMPLE_CHARACTERS = 1_000_000
# Excel's own way of saying what separates: a first line before the header.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_SAVE_IT = "Save it as CSV in UTF-8, with a header line."


@dataclass(frozen=True)
class CsvTable:
    """A table whose encoding, separator and header are known.

    Attributes
    ----------
    where : str
        Its path, for messages.
    header : tuple of str
        Names of the columns, without outer spaces.
    delimiter : str
        What separates its cells: a comma, a semicolon, a tab or a bar.
    """

    where: str
    header: tuple[str, ...]
    delimiter: str
    _text: str
    _skipped_lines: int = 0

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line number and cells (without outer spaces) of each row that is not empty.

        Raises
        ------
        InputError
            A quote is never closed, or a row has more cells than the header: its cells would
            stand under wrong names.
        """
        reader = _reader(self._text, self.delimiter)
        width = len(self.header)
        try:
            next(reader, None)
            for row in reader:
                cells = [csv_text(cell.strip()) for cell in row]
                if any(cells[width:]):
                    raise InputError(
                        f"the row has {len(row)} cells and the header {width}",
                        where=f"{self.where}, line {reader.line_num + self._skipped_lines}",
                        todo='Put cells that hold the separator in quotes ("…").',
                    )
                if any(cells):
                    cells += [""] * (width - len(cells))
                    line = reader.line_num + self._skipped_lines
                    yield line, dict(zip(self.header, cells, strict=False))
        except csv.Error as error:
            line = reader.line_num + self._skipped_lines
            raise InputError(
                f"this is not a CSV table ({error})",
                where=f"{self.where}, line {line}",
                todo=_SAVE_IT,
            ) from error

    def column(self, name: str, *, exactly: bool = False) -> str:
        """The table's own name of a column, in any capitals; empty where there is none.

        Parameters
        ----------
        name : str
            The name that is looked for.
        exactly : bool
            A person gave the name: of columns that differ in capitals only, it means one.

        Raises
        ------
        InputError
            Several columns have this name: which one is meant cannot be known.
        """
        if exactly and self.header.count(name) == 1:
            return name
        wanted = _folded(name)
        found = [each for each in self.header if _folded(each) == wanted]
        if len(found) > 1:
            raise InputError(
                f"the column {name!r} is there {len(found)} times ({', '.join(found)})",
                where=self.where,
                todo="Rename or remove one of them.",
            )
        return found[0] if found else ""

    def select(
        self,
        names: Mapping[str, str],
        *,
        needs: Sequence[str] = (),
        may: Sequence[str] = (),
        also: Mapping[str, Sequence[str]] | None = None,
        option: str = "",
    ) -> dict[str, str]:
        """Our names of columns to the table's own.

        Parameters
        ----------
        names : mapping
            Our name to the table's name, as a person gave them; these must be there.
        needs, may : sequence of str
            Our names of columns that must, or may, be there.
        also : mapping, optional
            Our name to other names that people give the column.
        option : str
            How a person says which column is which, such as ``--column file=filename``.

        Raises
        ------
        InputError
            A column is missing, is there twice, or a given name is not one of ours.
        """
        for ours in names:
            if ours not in (*needs, *may):
                todo = suggest_names(ours, (*needs, *may))
                raise InputError(f"{ours!r} is no column of ours", where=self.where, todo=todo)
        chosen: dict[str, str] = {}
        for ours in (*needs, *may):
            given = ours in names
            candidates = [names[ours]] if given else [ours, *(also or {}).get(ours, ())]
            found = next(filter(None, (self.column(n, exactly=given) for n in candidates)), "")
            if found:
                chosen[ours] = found
            elif given or ours in needs:
                raise self.lacks(names.get(ours, ours), ours, option)
        return chosen

    def lacks(self, name: str, ours: str, option: str = "") -> InputError:
        """The error for a column that is not there."""
        role = "" if name == ours else f" (it was to be read as {ours!r})"
        say = f", or say which one it is: {option}" if option else ""
        return InputError(
            f"there is no column {name!r}{role}",
            where=self.where,
            todo=f"{suggest_names(name, self.header)} Rename a column{say}.",
        )


def read_csv(path: Path) -> CsvTable:
    """Read a table from a file.

    Raises
    ------
    InputError
        There is no such file, it is no regular file (a pipe would be waited for), it cannot be
        read, or it is no table; see :func:`parse_csv`.

    Examples
    --------
    >>> len(list(read_csv(catalogue).rows()))
    24
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise InputError(f"this is {what}, not a table", where=str(path), todo="Give a CSV.")
        with path.open("rb") as file:
            content = file.read(MAX_TABLE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"the table cannot be read ({why})", where=str(path), todo="Check the path."
        ) from error
    return parse_csv(content, str(path))


def parse_csv(content: bytes, where: str) -> CsvTable:
    r"""Find out a table's encoding, separator and header.

    The encoding is what the file says: UTF-16 or UTF-8 by its mark, otherwise UTF-8. A file in
    another encoding is refused: guessed letters would become other names. The separator is the
    one with which the rows have as many cells as the header.

    Parameters
    ----------
    content : bytes
        The whole file.
    where : str
        Its path, for messages.

    Raises
    ------
    InputError
        It is too large, no text, not in UTF-8 or UTF-16, or has no header.

    Examples
    --------
    >>> table = parse_csv(b"id;label\nx1;galaxy\n", "labels.csv")
    >>> [row for _, row in table.rows()]
    [{'id': 'x1', 'label': 'galaxy'}]
    """
    if len(content) > MAX_TABLE_BYTES:
        raise InputError(
            f"the table is larger than {MAX_TABLE_BYTES:,} bytes",
            where=where,
            todo="Split it into smaller ones.",
        )
    text = _decoded(content, where)
    said = _SEPARATOR_LINE.match(text)
    if said:
        text = text[said.end() :]
    delimiter = said[1] if said else _sniffed(text)
    try:
        header = tuple(name.strip() for name in next(_reader(text, delimiter), []))
    except csv.Error as error:
        raise InputError(
            f"this is not a CSV table ({error})", where=where, todo=_SAVE_IT
        ) from error
    while header and not header[-1]:  # spreadsheets leave separators at the ends of lines
        header = header[:-1]
    if not header:
        raise InputError("the table has no header", where=where, todo=_SAVE_IT)
    return CsvTable(where, header, delimiter, text, 1 if said else 0)


def _decoded(content: bytes, where: str) -> str:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    encoding = next((name for mark, name in marks if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"this is not a CSV table in UTF-8 (byte 0x{content[error.start]:02X} on line {line})",
            where=where,
            todo=f"{_SAVE_IT} In Excel: “CSV UTF-8”.",
        ) from error
    if "\0" in text:
        raise InputError("this is no text, and no CSV", where=where, todo=_SAVE_IT)
    return text


def _sniffed(text: str) -> str:
    """The separator with which most rows have the width of the header."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths: list[int] = []
        rows = _reader(text[:_SAMPLE_CHARACTERS], delimiter)
        with suppress(csv.Error):  # the sample may end in the middle of a row
            widths.extend(len(row) for row in islice(rows, _SAMPLE_ROWS) if any(row))
        if widths and widths[0] > 1:
            agree = sum(width == widths[0] for width in widths) / len(widths)
            if (agree, widths[0]) > best_score:
                best, best_score = delimiter, (agree, widths[0])
    return best


def _reader(text: str, delimiter: str) -> Any:
    if csv.field_size_limit() < _MAX_CELL_CHARACTERS:  # long descriptions are cells too
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
