"""Tables of positions on the sky: CSV, Parquet, FITS, VOTable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Answer
from cosmic_morphology.collect.sources.angles import read_angles
from cosmic_morphology.collect.sources.galaxy_zoo import VolunteerColumns, checked_identifier
from cosmic_morphology.csv_table import read_csv
from cosmic_morphology.errors import InputError, kind_and_text
from cosmic_morphology.suggest import suggest_names

_NAMES = {
    "ra": ("ra", "raj2000", "ra_j2000", "right_ascension"),
    "dec": ("dec", "dej2000", "dec_j2000", "decj2000", "de", "decl", "declination"),
    "label": ("label", "class", "type"),
    "id": ("id", "objid", "dr7objid", "iauname", "name", "source_id", "id_str"),
    "voters": (),
}
# What people put behind the name of a column: "RA (h)", "dec_deg", "ra_hms".
_UNITS = {
    "hourangle": ("h", "hr", "hrs", "hour", "hours", "hms", "hourangle", "h_m_s"),
    "deg": ("d", "deg", "degs", "degree", "degrees", "dms", "d_m_s"),
    "rad": ("rad", "radian", "radians"),
}
_TEXT_TABLES = frozenset({".csv", ".tsv", ".txt"})


@dataclass(frozen=True, slots=True)
class Position:
    """One row: J2000 position in degrees (nan where it is none); texts are empty where unsaid.

    ``answers`` are those of volunteers, where the table is a catalogue of Galaxy Zoo.
    """

    ra_deg: float
    dec_deg: float
    label: str
    identifier: str
    answers: tuple[Answer, ...] = ()

    @property
    def is_on_the_sky(self) -> bool:
        """Whether both are numbers in range."""
        return 0 <= self.ra_deg <= 360 and -90 <= self.dec_deg <= 90

    @property
    def place(self) -> str:
        """The position as text, to 0.004 arcsec."""
        return f"{self.ra_deg:.6f}{self.dec_deg:+.6f}"


@dataclass(frozen=True)
class _Columns:
    """A table as columns of values, with the unit that each column says for itself."""

    values: Mapping[str, Sequence[Any]]
    units: Mapping[str, str]
    twice: frozenset[str] = frozenset()

    def find(self, what: str, wanted: str, path: Path) -> str:
        """The table's name of a column; empty where it has none."""
        names = (wanted,) if wanted else _NAMES[what]
        plain = {each: _plain(each) for each in self.values}
        for name in names:
            same = [each for each in plain if each.strip().lower() == name.lower()]
            if not wanted:
                # A column that says its unit in its name counts where none has the bare name.
                same = same or [each for each, its in plain.items() if its[0] == name]
            if len(same) > 1 or self.twice & {*same}:
                raise InputError(
                    f"several columns may be {what!r}: {', '.join(same)}",
                    where=str(path),
                    todo=f"Name one: {_HOW}.",
                )
            if same:
                return same[0]
        if wanted:
            raise InputError(
                f"the table has no column {wanted!r}",
                where=str(path),
                todo=suggest_names(wanted, self.values),
            )
        return ""


class Positions:
    """The rows of a table.

    Positions are degrees, or hours, minutes and seconds in any usual spelling; see
    :func:`cosmic_morphology.collect.sources.angles.read_angles`.

    Parameters
    ----------
    path : Path
        A file that this program, astropy or pyarrow reads.
    columns : mapping or str
        Names of the columns for ``ra``, ``dec``, ``label``, ``id`` where they are not the usual
        (``voters``: how many people voted, where a catalogue of votes does not say it as usual);
        as text: ``ra=ALPHA,dec=DELTA``.

    Raises
    ------
    InputError
        There is no such table, it has no positions, fewer than half of its rows hold one, or one
        object has two labels or two sets of votes; or a catalogue of votes holds none, or such
        as are none.
    """

    def __init__(self, path: Path, columns: Mapping[str, str] | str = "") -> None:
        asked = _pairs(columns)
        table = _read(path)
        names = {what: table.find(what, asked.get(what, ""), path) for what in _NAMES}
        angles = {}
        for what in ("ra", "dec"):
            name = names[what]
            if not name:
                raise InputError(
                    f"the table has no column for {what!r}",
                    where=str(path),
                    todo=f"Name it: {_HOW}. {suggest_names(what, table.values)}",
                )
            unit = table.units.get(name, "") or _plain(name)[1]
            angles[what] = read_angles(table.values[name], name, what, unit, str(path))
        self._ra, self._dec = angles["ra"], angles["dec"]
        labels, ids = (table.values.get(names[what]) for what in ("label", "id"))
        rows = range(len(self._ra))
        self._labels = [_text(labels[i]) if labels is not None else "" for i in rows]
        self._ids = [
            checked_identifier(_text(ids[i]), names["id"], f"{path}, row {i + 1}")
            if ids is not None
            else ""
            for i in rows
        ]
        volunteers = VolunteerColumns(table.values, str(path), names["voters"])
        self._answers = [
            volunteers.answers(
                {name: table.values[name][i] for name in volunteers.columns}, f"row {i + 1}"
            )
            for i in rows
        ]
        volunteers.refuse_silence(self._answers)
        self._refuse_useless(table, names, path)
        self._refuse_contradictions(path)

    def __len__(self) -> int:
        return len(self._ra)

    def __iter__(self) -> Iterator[Position]:
        columns = (self._ra, self._dec, self._labels, self._ids, self._answers)
        for ra, dec, label, identifier, answers in zip(*columns, strict=True):
            yield Position(float(ra), float(dec), label, identifier, answers)

    def _refuse_useless(self, table: _Columns, names: Mapping[str, str], path: Path) -> None:
        bad = np.isnan(self._ra) | np.isnan(self._dec)
        if not len(bad):
            raise InputError(
                "the table has no rows",
                where=str(path),
                todo="Give one with a row for each position.",
            )
        if 2 * int(bad.sum()) > len(bad):
            at = int(np.flatnonzero(bad)[0])
            what = "ra" if np.isnan(self._ra[at]) else "dec"
            raise InputError(
                f"{bad.sum()} of {len(bad)} rows are no positions: the first has "
                f"{str(table.values[names[what]][at])!r} in the column {names[what]!r} "
                f"(row {at + 1})",
                where=str(path),
                todo="Write degrees (187.70593, 12.39112), or hours and degrees with minutes and "
                "seconds (12:30:49.4, +12:23:28).",
            )

    def _refuse_contradictions(self, path: Path) -> None:
        seen: dict[tuple[str, str], tuple[int, Position]] = {}
        for at, each in enumerate(self):
            if not each.is_on_the_sky:
                continue
            first, before = seen.setdefault((each.identifier, each.place), (at, each))
            name, what = each.identifier or each.place, ""
            if before.label != each.label:
                what = f"{name} is labelled both {before.label!r} and {each.label!r}"
            elif before.answers != each.answers:
                what = f"{name} has two different sets of votes"
            if what:
                raise InputError(
                    what,
                    where=f"{path}, rows {first + 1} and {at + 1}",
                    todo="Keep one of them.",
                )


_HOW = "--option columns=ra=NAME,dec=NAME"


def _pairs(columns: Mapping[str, str] | str) -> dict[str, str]:
    if isinstance(columns, str):
        parts = [part.strip() for part in columns.split(",") if part.strip()]
        if not all("=" in part for part in parts):
            raise InputError("columns are given as ours=theirs", where=columns, todo=f"{_HOW}.")
        columns = {o.strip(): t.strip() for o, t in (part.split("=", 1) for part in parts)}
    unknown = sorted(set(columns) - set(_NAMES))
    if unknown:
        todo = suggest_names(unknown[0], _NAMES)
        raise InputError(f"{unknown[0]!r} is no column of a position", where="columns", todo=todo)
    return dict(columns)


def _read(path: Path) -> _Columns:
    if not path.is_file():
        raise InputError(
            "there is no such table of positions", where=str(path), todo="Check the path."
        )
    if path.suffix.lower() in _TEXT_TABLES:
        table = read_csv(path)
        rows = [row for _, row in table.rows()]
        twice = {name for name in table.header if table.header.count(name) > 1}
        values = {name: [row[name] for row in rows] for name in table.header}
        return _Columns(values, {}, frozenset(twice))
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            return _Columns(pq.read_table(path).to_pydict(), {})
        from astropy.table import Table

        found = Table.read(path)
        units = {name: str(found[name].unit or "") for name in found.colnames}
        return _Columns({name: found[name].tolist() for name in found.colnames}, units)
    except Exception as error:
        # Readers of three formats raise as many families of errors for a file that is not theirs.
        raise InputError(
            f"the table cannot be read ({kind_and_text(error)})",
            where=str(path),
            todo="Give CSV, Parquet, FITS or VOTable.",
        ) from error


def _plain(name: str) -> tuple[str, str]:
    """A column's name in small letters without its unit, and that unit: ``RA (h)`` is ra, hours."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    for start in range(1, len(words)):
        unit = next((u for u, said in _UNITS.items() if "_".join(words[start:]) in said), "")
        if unit:
            return "_".join(words[:start]), unit
    return "_".join(words), ""


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = "" if value is None or value is np.ma.masked else str(value).strip()
    return "" if text in ("--", "nan", "None") else text
