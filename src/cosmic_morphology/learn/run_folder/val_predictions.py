"""What a run predicted for its val split: ``val.csv`` of its folder, read and scored."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosmic_morphology.errors import InputError, kind_and_text
from cosmic_morphology.io_utils import CsvRows, csv_rows, whole_text
from cosmic_morphology.stats.bootstrap import bootstrap_interval, group_numbers
from cosmic_morphology.stats.metrics import Statistic, accuracy, confusion_matrix, macro_f1
from cosmic_morphology.stats.score import GROUPED_BY, Score

FILE = "val.csv"


@dataclass(frozen=True, slots=True, eq=False)
class ValPredictions:
    """Predictions for the val split, row for row.

    Attributes
    ----------
    ids, groups : ndarray of str, shape ``(N,)``
        Which image, and what it may not be separated from.
    y_true, y_pred : ndarray of int, shape ``(N,)``
        Numbers of the classes: of the label, and of the most probable one.
    """

    ids: np.ndarray
    groups: np.ndarray
    y_true: np.ndarray
    y_pred: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> ValPredictions:
        """Some of the rows, by their numbers."""
        return ValPredictions(
            self.ids[rows], self.groups[rows], self.y_true[rows], self.y_pred[rows]
        )


def write_val_predictions(
    folder: Path,
    classes: Sequence[str],
    *,
    ids: Sequence[str],
    groups: Sequence[str],
    y_true: Sequence[int] | np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Write what a run says of its val split, for intervals and comparisons.

    Parameters
    ----------
    folder : Path
        Of the run.
    classes : sequence of str
        The K classes, in the order of the probabilities.
    ids, groups : sequence of str, shape ``(N,)``
        Which image, and what it may not be separated from.
    y_true : sequence of int, shape ``(N,)``
        Numbers of the labels.
    probabilities : ndarray of float32, shape ``(N, K)``
        Of each class.
    """
    with whole_text(folder / FILE) as file:
        table = CsvRows(file)
        table.write(["id", "group", "label", *(f"p_{name}" for name in classes)])
        for each, group, label, row in zip(ids, groups, y_true, probabilities, strict=True):
            table.write([each, group, classes[label], *(f"{p:.6f}" for p in row)])


def read_val_predictions(folder: Path, classes: Sequence[str]) -> ValPredictions | None:
    """Read the file of a run; None where the run had no val split.

    Raises
    ------
    InputError
        The file is damaged, or of other classes.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    number = {name: at for at, name in enumerate(classes)}
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = csv_rows(opened)
        probabilities = np.array([[float(row[f"p_{name}"]) for name in classes] for row in rows])
        found = ValPredictions(
            ids=np.array([row["id"] for row in rows], str),
            groups=np.array([row["group"] for row in rows], str),
            y_true=np.array([number[row["label"]] for row in rows], np.int64),
            y_pred=probabilities.argmax(1) if rows else np.array([], np.int64),
        )
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        raise InputError(
            f"this file of the run cannot be read ({kind_and_text(error)})",
            where=str(file),
            todo="Take the run from where it was made, or train it again.",
        ) from error
    return found if rows else None


def score_val(
    predictions: ValPredictions, label_kind: str, *, n_classes: int, n: int, seed: int
) -> tuple[Score, Score]:
    """Macro-F1 and accuracy on the val split with their 95 % intervals over groups.

    Parameters
    ----------
    predictions : ValPredictions
        Of one run.
    label_kind : str
        Where the labels come from, in words.
    n_classes : int
        How many classes the run knows.
    n, seed : int
        Number of resamples, and the seed of their draws.
    """
    matrix = confusion_matrix(predictions.y_true, predictions.y_pred, n_classes)

    def score(name: str, statistic: Statistic) -> Score:
        return Score(
            name=name,
            value=float(statistic(matrix)),
            interval=bootstrap_interval(
                statistic,
                predictions.y_true,
                predictions.y_pred,
                predictions.groups,
                n=n,
                seed=seed,
                n_classes=n_classes,
            ),
            n=len(predictions),
            n_groups=group_numbers(predictions.groups)[1],
            labels=label_kind,
            grouped_by=GROUPED_BY,
        )

    return score("macro-F1", macro_f1), score("accuracy", accuracy)


def in_both(one: ValPredictions, other: ValPredictions) -> tuple[ValPredictions, ValPredictions]:
    """The images that both runs predicted and that had the same label for both, in one order."""
    labels = dict(zip(one.ids.tolist(), one.y_true.tolist(), strict=True))
    shared = [
        id_
        for id_, label in zip(other.ids.tolist(), other.y_true.tolist(), strict=True)
        if labels.get(id_) == label
    ]
    return _ordered(one, shared), _ordered(other, shared)


def _ordered(predictions: ValPredictions, ids: Sequence[str]) -> ValPredictions:
    at = {each: row for row, each in enumerate(predictions.ids.tolist())}
    return predictions.take(np.array([at[each] for each in ids], int))
