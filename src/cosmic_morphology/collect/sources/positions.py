"""Tables of positions on the sky: CSV, Parquet, FITS, VOTable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError

_NAMES = {
    "ra": ("ra", "raj2000", "ra_deg", "right_ascension"),
    "dec": ("dec", "dej2000", "dec_deg", "decl", "declination"),
    "label": ("label", "class", "type"),
    "id": ("id", "objid", "dr7objid", "name", "source_id"),
}


@dataclass(frozen=True, slots=True)
class Position:
    """One row: J2000 position in degrees; the texts are empty where the table has none."""

    ra_deg: float
    dec_deg: float
    label: str
    identifier: str

    @property
    def is_on_the_sky(self) -> bool:
        """Whether both are numbers in range."""
        return 0 <= self.ra_deg <= 360 and -90 <= self.dec_deg <= 90


class Positions:
    """The rows of a table.

    Parameters
    ----------
    path : Path
        A file that astropy or pyarrow reads.
    columns : dict of str to str
        Names of the columns for ``ra``, ``dec``, ``label``, ``id`` where they are not the usual.

    Raises
    ------
    InputError
        There is no such table, or it has no positions.
    """

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        table = _read(path)
        self._columns = {what: _column(table, what, columns.get(what, ""), path) for what in _NAMES}
        for what in ("ra", "dec"):
            if self._columns[what] is None:
                raise InputError(
                    f"the table has no column for {what!r}",
                    where=str(path),
                    todo=f"Name it in options.columns; there are {', '.join(table.colnames)}.",
                )
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Position]:
        for row in self._table:
            values = {what: row[name] if name else "" for what, name in self._columns.items()}
            yield Position(
                _number(values["ra"]),
                _number(values["dec"]),
                _text(values["label"]),
                _text(values["id"]),
            )


def _read(path: Path) -> Any:
    from astropy.table import Table

    if not path.is_file():
        raise InputError("there is no such table of positions", where=str(path))
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            return Table(pq.read_table(path).to_pydict())
        if path.suffix.lower() in (".csv", ".txt"):
            return Table.read(path, format="ascii.csv")
        return Table.read(path)
    except Exception as error:
        # Readers of four formats raise as many families of errors for a file that is not theirs.
        raise InputError(
            f"the table cannot be read ({type(error).__name__}: {error})",
            where=str(path),
            todo="Give CSV, Parquet, FITS or VOTable.",
        ) from error


def _column(table: Any, what: str, wanted: str, path: Path) -> str | None:
    by_name: dict[str, str] = {name.lower(): name for name in table.colnames}
    if wanted:
        if wanted.lower() not in by_name:
            raise InputError(
                f"the table has no column {wanted!r}",
                where=str(path),
                todo=f"There are {', '.join(table.colnames)}.",
            )
        return by_name[wanted.lower()]
    return next((by_name[name] for name in _NAMES[what] if name in by_name), None)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _text(value: Any) -> str:
    if value is None or str(value) in ("--", "nan", "None"):
        return ""
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value)
