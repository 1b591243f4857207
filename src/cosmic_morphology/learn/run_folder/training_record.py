"""Which images a run has learned from: it may be asked about others only."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import csv_rows, write_csv

if TYPE_CHECKING:
    from cosmic_morphology.learn.data.dataset import Example

TRAINING_RECORD = "training_record.csv"
_COLUMNS = ["id", "group", "split"]


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What a run, and the runs that it started from, were trained and validated on.

    Attributes
    ----------
    ids : frozenset of str
        Images of the train and val splits.
    groups : frozenset of str
        Their groups, as they were then.
    """

    ids: frozenset[str]
    groups: frozenset[str]


def read_training_record(folder: Path) -> TrainingRecord | None:
    """The record in a run's folder; None where it is missing.

    Raises
    ------
    InputError
        The record is damaged.
    """
    file = folder / TRAINING_RECORD
    if not file.is_file():
        return None
    rows = _rows(file)
    return TrainingRecord(
        frozenset(row["id"] for row in rows),
        frozenset(row["group"] for row in rows if row["group"]),
    )


def write_training_record(folder: Path, examples: Sequence[Example], start: Path | None) -> None:
    """Write the record, with that of the run that this one started from.

    Where that run has none, this one gets none: nobody could tell what it has seen.

    Parameters
    ----------
    folder : Path
        Of the run.
    examples : sequence of Example
        Its train and val splits.
    start : Path, optional
        Folder of the run that it started from.
    """
    inherited: list[dict[str, str]] = []
    if start is not None:
        if not (start / TRAINING_RECORD).is_file():
            return
        inherited = _rows(start / TRAINING_RECORD)
    own = [{name: getattr(each, name) for name in _COLUMNS} for each in examples]
    write_csv(folder / TRAINING_RECORD, _COLUMNS, [*own, *inherited])


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8") as data:
            columns = data.readline().strip().split(",")
            data.seek(0)
            rows = csv_rows(data)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(file) from error
    if columns != _COLUMNS or any(not row["id"] for row in rows):
        raise _damaged(file)
    return rows


def _damaged(file: Path) -> InputError:
    return InputError(
        "the record of what this run has learned from is damaged",
        where=str(file),
        todo="Delete it and train the run again with the same settings: that writes only the "
        "record.",
    )
