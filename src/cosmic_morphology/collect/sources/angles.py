"""Right ascensions and declinations as people write them, to degrees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cosmic_morphology.errors import InputError

_RANGES_DEG = {"ra": (0.0, 360.0), "dec": (-90.0, 90.0)}
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("−–—﹣－‐‑‒", "-"),  # noqa: RUF001 - what looks like a minus
        **dict.fromkeys("ʰᴴ", "h"),
        **dict.fromkeys("ᵐ", "m"),
        **dict.fromkeys("ˢ", "s"),
        **dict.fromkeys("°º˚", "d"),
        **dict.fromkeys("′’ʹ'", "m"),  # noqa: RUF001 - minutes
        **dict.fromkeys('″”ʺ"', "s"),
    }
)
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_PARTS = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d+)(?P<gap>[ :])(?P<min>\d+\.?\d*)((?P=gap)(?P<sec>\d+\.?\d*))?"
)
_LETTERS = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d+\.?\d*)(?P<unit>[hd])"
    r"((?P<min>\d+\.?\d*)m?)?((?<=m)(?P<sec>\d+\.?\d*)s?)?"
)
_DEGREES_IN = {"deg": 1.0, "hourangle": 15.0, "rad": 180.0 / np.pi}
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d+\D*$)")
# Units as tables say them, to what a bare number of the column is.
_UNITS = {
    "deg": "deg",
    "d": "deg",
    "degree": "deg",
    "hourangle": "hourangle",
    "h": "hourangle",
    "hour": "hourangle",
    "hr": "hourangle",
    "rad": "rad",
    "radian": "rad",
    '"h:m:s"': "hourangle",
    '"d:m:s"': "deg",
}
_EMPTY = frozenset({"", "--", "nan", "none", "null", "n/a", "na", "-"})


def read_angles(
    cells: Sequence[Any], name: str, what: str, unit: str, where: str
) -> npt.NDArray[np.float64]:
    """Read a column of right ascensions or declinations.

    Numbers are in the column's unit, degrees where it says none. Hours (or degrees), minutes and
    seconds may be written ``12h34m56s``, ``12:34:56``, ``12 34 56.7`` with the signs of
    degrees, minutes and seconds. Letters in a cell decide; without any, a right ascension of
    several parts is in hours, unless the column says degrees. The values are those of astropy's
    ``Angle``, which is not asked since it reads ``05:12:33 S`` as five seconds of arc.

    Parameters
    ----------
    cells : sequence, length N
        Texts or numbers.
    name : str
        Name of the column, for messages.
    what : str
        ``ra`` or ``dec``.
    unit : str
        What the table says of its unit; empty where it says nothing.
    where : str
        The table, for messages.

    Returns
    -------
    array of float, shape (N,)
        In degrees; nan where a cell is empty or no angle in range.

    Raises
    ------
    InputError
        The unit is none of angles, or single numbers and several parts are mixed: which of them
        are hours cannot be known.
    """
    said = _UNITS.get(unit.strip().lower(), "")
    if unit.strip() and not said:
        raise InputError(
            f"the column {name!r} is in {unit!r}, which is no unit of angles here",
            where=where,
            todo="Give degrees, hours or radians.",
        )
    texts = [_text(cell) for cell in cells]
    kinds = {_kind(text) for text in texts} - {""}
    if kinds == {"number", "parts"} and not said and what == "ra":
        number = next(text for text in texts if _kind(text) == "number")
        parts = next(text for text in texts if _kind(text) == "parts")
        raise InputError(
            f"the column {name!r} mixes {number!r} and {parts!r}: degrees and hours cannot be told "
            "apart",
            where=where,
            todo="Write all positions in one way.",
        )
    parts_in = said if said in ("deg", "hourangle") else ("hourangle" if what == "ra" else "deg")
    low, high = _RANGES_DEG[what]
    degrees = np.array([_degrees(text, said or "deg", parts_in) for text in texts], dtype=float)
    degrees[~((degrees >= low) & (degrees <= high))] = np.nan
    return degrees


def _kind(text: str) -> str:
    """``number``, ``parts`` (of which no letter says the unit), ``said`` (one does), or nothing."""
    if text.lower() in _EMPTY:
        return ""
    if _PLAIN_NUMBER.fullmatch(text):
        return "number"
    return "said" if re.search(r"[hd]", text) else "parts"


def _degrees(text: str, number_in: str, parts_in: str) -> float:
    kind = _kind(text)
    if kind == "number":
        return float(text) * _DEGREES_IN[number_in]
    found = _PARTS.fullmatch(text) if kind == "parts" else _LETTERS.fullmatch(text)
    if not found:
        return np.nan
    whole, minutes, seconds = (float(found[part] or 0) for part in ("whole", "min", "sec"))
    # Sixty seconds are what rounding makes of 59.99.
    if minutes >= 60 or seconds > 60:
        return np.nan
    unit = {"h": "hourangle", "d": "deg"}[found["unit"]] if kind == "said" else parts_in
    value = whole + minutes / 60 + seconds / 3600
    # The sign stands before all parts: of -00:12:44 the first is zero.
    return (-value if found["sign"] == "-" else value) * _DEGREES_IN[unit]


def _text(cell: Any) -> str:
    """A cell with one kind of minus, of letters and of spaces."""
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if cell is None or cell is np.ma.masked:
        return ""
    text = unicodedata.normalize("NFC", str(cell)).translate(_ALIKE)
    text = re.sub(r"(?i)\b(deg|degrees?)\b", "d", text)
    text = re.sub(r"(?i)\b(hours?|hrs?)\b", "h", text)
    text = " ".join(text.lower().split())
    text = re.sub(r"^([+-]) +", r"\1", text)
    return re.sub(r" ?([hdms:]) ?", r"\1", _DECIMAL_COMMA.sub(".", text))
