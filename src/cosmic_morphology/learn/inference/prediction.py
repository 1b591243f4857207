"""What a model says of one image, and the files that answers are written to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import CsvRows, whole_file
from cosmic_morphology.stats.fusion import PIXELS

_ROWS_AT_ONCE = 1024
_UNREADABLE = "corrupt: the thumbnail cannot be read"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one image.

    Attributes
    ----------
    file : str
        Its path, its address, or its id in the atlas.
    prediction : str
        The likeliest class; empty when this is no usable image.
    confidence : float
        Its probability.
    accepted : bool
        Whether the confidence reaches the threshold that the model was given on its val split;
        an answer that is not accepted is better left open.
    probabilities : dict of str to float
        Of each class.
    answered_from : str
        ``pixels``, or ``pixels and texts`` where the texts of a record were heard, too.
    credit, licence : str
        Whom the archive asks to name, and on what terms the image is given (images of an
        atlas only).
    error : str
        Why there is no answer.
    """

    file: str
    prediction: str
    confidence: float
    accepted: bool
    probabilities: dict[str, float]
    answered_from: str = PIXELS
    credit: str = ""
    licence: str = ""
    error: str = ""


def make_prediction(
    file: str,
    probabilities: np.ndarray | None,
    classes: Sequence[str],
    *,
    reject_below: float,
    error: str = "",
    answered_from: str = PIXELS,
    credit: str = "",
    licence: str = "",
) -> Prediction:
    """The answer for probabilities of shape ``(K,)``; None or NaN: there is none."""
    if probabilities is None or np.isnan(probabilities).any():
        nothing = dict.fromkeys(classes, 0.0)
        why = error or _UNREADABLE
        return Prediction(file, "", 0.0, False, nothing, answered_from, credit, licence, why)
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    by_class = {name: round(float(p), 6) for name, p in zip(classes, probabilities, strict=True)}
    # A threshold of 1 says that the model is sure of nothing, even where rounding makes it say 1.
    sure = confidence >= reject_below and reject_below < 1
    return Prediction(
        file, classes[best], confidence, sure, by_class, answered_from, credit, licence
    )


def check_ending(path: Path) -> None:
    """Refuse a file whose ending names no format that answers are written in.

    Raises
    ------
    InputError
        With the endings that there are.
    """
    if path.suffix not in _WRITERS:
        raise InputError(
            f"answers are not written as {path.suffix or 'a file without ending'}",
            where=str(path),
            todo=f"Use one of {', '.join(_WRITERS)}.",
        )


def write_predictions(answers: Iterable[Prediction], path: Path) -> int:
    """Write answers as CSV, JSON or Parquet, by the ending of ``path``; return how many.

    They are written as they come, and the file appears when the last one is there.

    Raises
    ------
    InputError
        The ending is another one.
    """
    check_ending(path)
    written = 0
    with whole_file(path) as beside, _WRITERS[path.suffix](beside) as write:
        for rows in _in_parts(_flat(answer) for answer in answers):
            write(rows)
            written += len(rows)
    return written


_Write = Callable[[list[dict[str, Any]]], None]


@contextmanager
def _as_csv(path: Path) -> Iterator[_Write]:
    with path.open("w", newline="", encoding="utf-8") as file:

        def write(rows: list[dict[str, Any]]) -> None:
            table = CsvRows(file)
            if not file.tell():
                table.write(rows[0])
            for row in rows:
                table.write(row.values())

        yield write


@contextmanager
def _as_json(path: Path) -> Iterator[_Write]:
    with path.open("w", encoding="utf-8") as file:
        between = "[\n"

        def write(rows: list[dict[str, Any]]) -> None:
            nonlocal between
            for row in rows:
                file.write(between + json.dumps(row, ensure_ascii=False))
                between = ",\n"

        yield write
        file.write("[]\n" if between == "[\n" else "\n]\n")


@contextmanager
def _as_parquet(path: Path) -> Iterator[_Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The columns are known from the first rows on: they name the classes.
    with ExitStack() as open_files:
        writer: Any = None

        def write(rows: list[dict[str, Any]]) -> None:
            nonlocal writer
            table = pa.Table.from_pylist(rows)
            if writer is None:
                writer = open_files.enter_context(pq.ParquetWriter(path, table.schema))
            writer.write_table(table)

        yield write
        if writer is None:
            pq.write_table(pa.table({"file": pa.array([], pa.string())}), path)


_WRITERS = {".csv": _as_csv, ".json": _as_json, ".parquet": _as_parquet}


def _in_parts(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    source = iter(rows)
    while part := [row for _, row in zip(range(_ROWS_AT_ONCE), source, strict=False)]:
        yield part


def _flat(answer: Prediction) -> dict[str, Any]:
    row = asdict(answer)
    by_class = row.pop("probabilities")
    last = {name: row.pop(name) for name in ("answered_from", "credit", "licence", "error")}
    return {**row, **{f"p_{name}": p for name, p in by_class.items()}, **last}
