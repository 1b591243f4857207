"""A trained model on files of a person: pictures of any kind that intake takes, one row each."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cosmic_morphology.errors import InputError, PictureError
from cosmic_morphology.imaging import ImageLimits, take_in

_BATCH = 32
ENDINGS = (".csv", ".json", ".parquet")


class Judge(Protocol):
    """What is needed of a model: a trained run or an ONNX file."""

    name: str
    classes: tuple[str, ...]
    reject_below: float

    def predict(self, thumbnails: list[bytes]) -> np.ndarray:
        """Probabilities of shape ``(N, K)``."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one file.

    Attributes
    ----------
    file : str
        Its path.
    prediction : str
        The likeliest class; empty when the file is no usable picture.
    confidence : float
        Its probability.
    sure : bool
        Whether the confidence reaches the threshold that the model was given on its val split.
    probabilities : dict of str to float
        Of each class.
    error : str
        Why there is no answer.
    """

    file: str
    prediction: str
    confidence: float
    sure: bool
    probabilities: dict[str, float]
    error: str = ""


def predict_files(
    model: Judge,
    path: Path,
    *,
    limits: ImageLimits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Answer]:
    """Judge a picture, or every file below a folder; a bad file is an answer with its reason.

    Parameters
    ----------
    model : Judge
        From ``load_run`` or ``OnnxModel``.
    path : Path
        A file or a folder.
    limits : ImageLimits, optional
        What may come in.
    progress : callable, optional
        Called with files done and files in all.

    Raises
    ------
    InputError
        There is nothing at this path.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path))
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if not files:
        raise InputError("the folder holds no files", where=str(path))
    for start in range(0, len(files), _BATCH):
        part = files[start : start + _BATCH]
        yield from _judged(model, part, limits or ImageLimits())
        if progress:
            progress(start + len(part), len(files))


def write_answers(answers: Iterable[Answer], path: Path) -> int:
    """Write answers as CSV, JSON or Parquet, by the ending of ``path``; return how many.

    Raises
    ------
    InputError
        The ending is another one.
    """
    if path.suffix not in ENDINGS:
        raise InputError(
            f"answers are not written as {path.suffix or 'a file without ending'}",
            where=str(path),
            todo=f"Use one of {', '.join(ENDINGS)}.",
        )
    rows = [_flat(answer) for answer in answers]
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]) if rows else ["file"])
            table.writeheader()
            table.writerows(rows)
    return len(rows)


def _judged(model: Judge, files: list[Path], limits: ImageLimits) -> Iterator[Answer]:
    thumbnails: dict[Path, bytes] = {}
    errors: dict[Path, str] = {}
    for file in files:
        try:
            data = file.read_bytes()
            thumbnails[file] = take_in(data, limits=limits, source_hint=str(file)).thumbnail
        except PictureError as error:
            errors[file] = f"{error.kind}: {error.what}"
        except OSError as error:
            errors[file] = f"unreadable: {error.strerror}"
    found = dict(zip(thumbnails, model.predict([*thumbnails.values()]), strict=True))
    for file in files:
        yield _answer(model, file, found.get(file), errors.get(file, ""))


def _answer(model: Judge, file: Path, probabilities: np.ndarray | None, error: str) -> Answer:
    if probabilities is None or np.isnan(probabilities).any():
        reason = error or "corrupt: the thumbnail cannot be read"
        return Answer(str(file), "", 0.0, False, dict.fromkeys(model.classes, 0.0), reason)
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    by_class = {
        name: round(float(p), 6) for name, p in zip(model.classes, probabilities, strict=True)
    }
    sure = confidence >= model.reject_below
    return Answer(str(file), model.classes[best], confidence, sure, by_class)


def _flat(answer: Answer) -> dict[str, object]:
    row = asdict(answer)
    by_class = row.pop("probabilities")
    error = row.pop("error")
    return {**row, **{f"p_{name}": p for name, p in by_class.items()}, "error": error}
