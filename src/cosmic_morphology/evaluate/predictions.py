"""What a run answered to the test images, beside what is right, as arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.query import take
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.truth import ground_truths
from cosmic_morphology.learn.data.dataset import shares_of_votes
from cosmic_morphology.learn.data.text_probabilities import COLUMN as TEXT_PROBABILITIES
from cosmic_morphology.learn.data.text_probabilities import in_order_of, text_classes
from cosmic_morphology.stats.fusion import Fusion
from cosmic_morphology.stats.metrics import encode
from cosmic_morphology.stats.score import LABEL_KINDS, VOLUNTEERED

TEST = "split = 'test'"
NOBODY = "(unknown)"


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A run's answers to images whose class is known, row for row.

    Attributes
    ----------
    ids, groups, collections, sources : ndarray of object, shape ``(N,)``
        Which image, what it may not be parted from, and where it comes from.
    y_true, y_pred : ndarray of int, shape ``(N,)``
        Numbers of classes; the number of classes itself stands for any other answer.
    predicted_class : ndarray of object, shape ``(N,)``
        The answer as a word, empty when the image could not be read.
    confidence : ndarray of float, shape ``(N,)``
        Probability of the answer.
    probabilities : ndarray of float, shape ``(N, K)``, or None
        Of the classes, where the run has kept them.
    shares : ndarray of float, shape ``(N, K)``, or None
        What volunteers' votes gave to each class, where their majority is what is right.
    """

    ids: np.ndarray
    groups: np.ndarray
    collections: np.ndarray
    sources: np.ndarray
    y_true: np.ndarray
    y_pred: np.ndarray
    predicted_class: np.ndarray
    confidence: np.ndarray
    probabilities: np.ndarray | None
    shares: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def correct(self) -> np.ndarray:
        """Whether each answer is right, shape ``(N,)``."""
        found: np.ndarray = self.y_true == self.y_pred
        return found

    def take(self, rows: np.ndarray) -> Predictions:
        """Some of the rows: their numbers, or a mask."""
        parts: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            parts[item.name] = None if value is None else value[rows]
        return Predictions(**parts)


def answers_with_texts(
    atlas: Atlas, answers: Predictions, classes: Sequence[str], fusion: Fusion
) -> Predictions | None:
    """The answers to the same records from pixels and texts; None where no text says anything.

    Parameters
    ----------
    atlas : Atlas
        With the column ``text_probabilities``.
    answers : Predictions
        From the pixels.
    classes : sequence of str
        In the order of ``answers.probabilities``.
    fusion : Fusion
        How the run weighs the two.
    """
    if answers.probabilities is None:
        return None
    ids = answers.ids.tolist()
    column = take(atlas, ids, ["id", TEXT_PROBABILITIES]).column(TEXT_PROBABILITIES)
    texts = in_order_of(column, text_classes(atlas), classes)
    if np.isnan(texts).any(axis=1).all():
        return None
    together = fusion(answers.probabilities, texts)
    best = together.argmax(axis=1)
    read = answers.predicted_class != ""
    return replace(
        answers,
        y_pred=np.where(read, best, answers.y_pred),
        predicted_class=np.where(read, np.array(classes, object)[best], ""),
        confidence=np.where(read, together.max(axis=1), 0.0),
        probabilities=together,
    )


@dataclass(frozen=True, slots=True)
class TestSet:
    """Answers by kind of label, and what could not be scored.

    Attributes
    ----------
    kinds : dict of str to Predictions
        For ``checked``, ``rendered`` and ``computed``; a kind without images is missing.
    outside : int
        Test images whose label is none of the classes, or open.
    dropped : int
        Test images that a person has dropped.
    unanswered : int
        Test images with a label that the run was never asked about.
    """

    # Not a test, whatever pytest makes of the name.
    __test__ = False

    kinds: dict[str, Predictions]
    outside: int
    dropped: int
    unanswered: int


def read_answers(
    atlas: Atlas, run_name: str, classes: Sequence[str], *, where: str = TEST
) -> TestSet:
    """Read a run's predictions of the test images.

    Parameters
    ----------
    atlas : Atlas
        With the columns ``prediction_<run>`` and ``confidence_<run>``.
    run_name : str
        The run.
    classes : sequence of str
        The classes that count; images of others are left out and counted.
    where : str
        Which images, in Lance's SQL.

    Raises
    ------
    UsageError
        The run was not asked about any of these images.
    """
    column = f"prediction_{run_name}"
    if column not in atlas.columns():
        raise UsageError(
            f"the run {run_name!r} has predicted nothing yet",
            where=atlas.uri,
            todo="Run `cosmic predict` or `cosmic evaluate` with its folder first.",
        )
    rows = _rows(atlas, run_name, where)
    chosen: dict[str, list[tuple[dict[str, Any], str]]] = {kind: [] for kind in LABEL_KINDS}
    outside = gone = unanswered = 0
    for row, truth in zip(rows, ground_truths(atlas, rows), strict=True):
        if truth.dropped:
            gone += 1
        elif truth.label not in classes:
            outside += 1
        elif row[column] is None:
            unanswered += 1
        else:
            chosen[truth.kind].append((row, truth.label))
    order = _class_order(atlas, run_name, classes)
    kinds = {
        kind: replace(
            _arrays(found, run_name, classes, order),
            shares=_shares(found, classes) if kind == VOLUNTEERED else None,
        )
        for kind, found in chosen.items()
        if found
    }
    return TestSet(kinds, outside, gone, unanswered)


def _rows(atlas: Atlas, run_name: str, where: str) -> list[dict[str, Any]]:
    there = atlas.columns()
    columns = ["id", "source", "collection", "group", "label", "label_kind", "votes"]
    columns += [f"prediction_{run_name}", f"confidence_{run_name}", f"probabilities_{run_name}"]
    read = [name for name in columns if name in there]
    found = atlas.read(read, where=where).sort_by("id").to_pylist()
    lacking = dict.fromkeys(set(columns) - set(read))
    return [{**lacking, **row} for row in found]


def _class_order(atlas: Atlas, run_name: str, classes: Sequence[str]) -> list[int] | None:
    """Where each class stands among the run's probabilities; None when that is not known."""
    stamp = atlas.provenance_of(f"probabilities_{run_name}")
    if not stamp:
        return None
    own = json.loads(stamp.get(b"parameters", b"{}")).get("classes") or list(classes)
    return [own.index(name) for name in classes] if set(classes) <= set(own) else None


def _arrays(
    found: list[tuple[dict[str, Any], str]],
    run_name: str,
    classes: Sequence[str],
    order: list[int] | None,
) -> Predictions:
    rows = [row for row, _ in found]
    predicted = [row[f"prediction_{run_name}"] for row in rows]
    sure = [row[f"confidence_{run_name}"] for row in rows]
    kept = [row[f"probabilities_{run_name}"] for row in rows]
    probabilities = None
    if order is not None and all(each is not None for each in kept):
        probabilities = np.array(kept, float)[:, order]
    return Predictions(
        ids=_texts([row["id"] for row in rows]),
        groups=_texts([row["group"] or row["id"] for row in rows]),
        collections=_texts([row["collection"] or NOBODY for row in rows]),
        sources=_texts([row["source"] or NOBODY for row in rows]),
        y_true=encode([label for _, label in found], classes),
        y_pred=encode(predicted, classes),
        predicted_class=_texts(predicted),
        confidence=np.array([each or 0.0 for each in sure], float),
        probabilities=probabilities,
    )


def _shares(found: list[tuple[dict[str, Any], str]], classes: Sequence[str]) -> np.ndarray:
    """Volunteers' shares of the classes that count; those of others are left out."""
    said = [shares_of_votes(row["votes"] or ()) for row, _ in found]
    shares = np.array([[each.get(name, 0.0) for name in classes] for each in said])
    return np.asarray(shares / np.maximum(shares.sum(1, keepdims=True), 1e-9))


def _texts(values: Sequence[str]) -> np.ndarray:
    found = np.empty(len(values), object)
    found[:] = values
    return found
