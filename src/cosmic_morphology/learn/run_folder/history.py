"""``history.csv`` of a run's folder: losses and scores, one row for each epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import write_csv

HISTORY = "history.csv"


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """One row for each epoch."""
    names = list(dict.fromkeys(name for row in history for name in row))
    write_csv(folder / HISTORY, names, history)


def read_history(folder: Path) -> dict[str, list[float]]:
    """Columns of the file by name; NaN where a cell is empty, nothing where there is no file.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / HISTORY
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            names, rows = table.fieldnames or [], list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"this file of the run cannot be read ({error})",
            where=str(path),
            todo="Take the run from where it was made, or train it again.",
        ) from error
    return {name: [_number(row[name]) for row in rows] for name in names}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")
