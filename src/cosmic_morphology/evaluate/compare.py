"""Runs on the same images: paired differences, and what each part of a recipe is worth."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.evaluate import EvaluateResult
from cosmic_morphology.evaluate.predictions import Predictions
from cosmic_morphology.io_utils import CsvRows
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import Difference, paired_difference
from cosmic_morphology.stats.score import COMPUTED, LABEL_KINDS, Score


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One run in a comparison.

    Attributes
    ----------
    rank : int
        By macro-F1, 1 is best.
    run : str
        Its name.
    macro_f1, accuracy : Score
        On the kind of label of the comparison.
    to_first, to_best : Difference or None
        Macro-F1 of this run less that of the first run given, and of the best one, on the
        images that both have predicted; None for these runs themselves.
    """

    rank: int
    run: str
    macro_f1: Score
    accuracy: Score
    to_first: Difference | None
    to_best: Difference | None


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Tabular):
    """Runs ranked on one kind of label.

    Attributes
    ----------
    labels : str
        ``checked`` or ``computed``.
    first, best : str
        The run that was given first, and the one with the highest macro-F1.
    runs : tuple of PairedDifference
        Best first.
    """

    labels: str
    first: str
    best: str
    runs: tuple[PairedDifference, ...]

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "labels", self.labels
        yield "first", self.first
        yield "best", self.best

    def rows(self) -> list[dict[str, Any]]:
        """One row for each run, best first; differences are empty for the run itself."""
        return [
            {
                "rank": each.rank,
                "run": each.run,
                "macro_f1": each.macro_f1.value,
                "low": each.macro_f1.interval[0],
                "high": each.macro_f1.interval[1],
                "accuracy": each.accuracy.value,
                "n": each.macro_f1.n,
                "n_groups": each.macro_f1.n_groups,
                "labels": self.labels,
                "to_first": each.to_first.value if each.to_first else None,
                "to_best": each.to_best.value if each.to_best else None,
            }
            for each in self.runs
        ]

    def to_csv(self) -> str:
        """The board as CSV, one row for each run."""
        out = io.StringIO()
        rows = [_row(self, each) for each in self.runs]
        table = CsvRows(out)
        table.write(rows[0])
        for row in rows:
            table.write(row.values())
        return out.getvalue()


def compare_runs(
    evaluations: Sequence[EvaluateResult],
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
    labels: str | None = None,
) -> Comparison:
    """Rank runs and test their differences with a paired bootstrap over groups.

    Parameters
    ----------
    evaluations : sequence of EvaluateResult
        Of runs with the same classes; the first is what the others are held against.
    settings : EvaluateSettings, optional
        Number of resamples.
    seed : int
        Of the resamples.
    labels : str, optional
        ``checked`` or ``computed``; without it checked where all runs have such scores.

    Raises
    ------
    UsageError
        Nothing to compare, or runs with other classes or labels.

    Examples
    --------
    >>> scores = cosmic.evaluate_run(judged, "probe", classes=("galaxy", "nebula", "star"))
    >>> compare_runs([scores]).best
    'probe'
    """
    settings = settings or EvaluateSettings()
    _check(evaluations)
    shared = [kind for kind in LABEL_KINDS if all(getattr(each, kind) for each in evaluations)]
    kind = labels or (shared[0] if shared else COMPUTED)
    scored = [(each, getattr(each, kind)) for each in evaluations]
    lacking = [each.run for each, scores in scored if scores is None]
    if lacking:
        raise UsageError(
            f"{lacking[0]!r} has no scores on {kind} labels",
            todo="Compare other runs with it.",
            where=lacking[0],
        )
    ranked = sorted(scored, key=lambda pair: -pair[1].macro_f1.value)
    first, best = evaluations[0], ranked[0][0]

    def gap(one: EvaluateResult, other: EvaluateResult) -> Difference | None:
        return None if one is other else _gap(one, other, kind, settings, seed)

    return Comparison(
        labels=kind,
        first=first.run,
        best=best.run,
        runs=tuple(
            PairedDifference(
                rank=at,
                run=each.run,
                macro_f1=scores.macro_f1,
                accuracy=scores.accuracy,
                to_first=gap(first, each),
                to_best=gap(best, each),
            )
            for at, (each, scores) in enumerate(ranked, 1)
        ),
    )


def _check(evaluations: Sequence[EvaluateResult]) -> None:
    if not evaluations:
        raise UsageError("there is no run to compare", where="runs", todo="Name at least one run.")
    for each in evaluations:
        if each.classes != evaluations[0].classes:
            raise UsageError(
                f"{each.run!r} was scored on {', '.join(each.classes)}, "
                f"{evaluations[0].run!r} on {', '.join(evaluations[0].classes)}",
                todo="Evaluate both on the same classes.",
                where=each.run,
            )


def _gap(
    one: EvaluateResult, other: EvaluateResult, kind: str, settings: EvaluateSettings, seed: int
) -> Difference:
    first, second = in_common(one.answers[kind], other.answers[kind])
    if not len(first):
        todo = "Evaluate both on the same images."
        where = f"{one.run}, {other.run}"
        raise UsageError("these runs have no test image in common", where=where, todo=todo)
    return paired_difference(
        metrics.macro_f1,
        first.y_true,
        first.y_pred,
        second.y_pred,
        first.groups,
        n=settings.bootstrap_resamples,
        seed=seed,
        n_classes=len(one.classes),
    )


def in_common(one: Predictions, other: Predictions) -> tuple[Predictions, Predictions]:
    """The images that both have predicted, in the same order."""
    both = sorted(set(one.ids.tolist()) & set(other.ids.tolist()))
    return _ordered(one, both), _ordered(other, both)


def _ordered(answers: Predictions, ids: list[str]) -> Predictions:
    at = {each: row for row, each in enumerate(answers.ids.tolist())}
    return answers.take(np.array([at[each] for each in ids], int))


def _row(board: Comparison, each: PairedDifference) -> dict[str, Any]:
    def cells(name: str, gap: Difference | None) -> dict[str, Any]:
        return {
            f"{name}": f"{gap.value:.4f}" if gap else "",
            f"{name}_low": f"{gap.interval[0]:.4f}" if gap else "",
            f"{name}_high": f"{gap.interval[1]:.4f}" if gap else "",
            f"{name}_p": f"{gap.p_value:.4f}" if gap else "",
        }

    return {
        "rank": each.rank,
        "run": each.run,
        "macro_f1": f"{each.macro_f1.value:.4f}",
        "low": f"{each.macro_f1.interval[0]:.4f}",
        "high": f"{each.macro_f1.interval[1]:.4f}",
        "accuracy": f"{each.accuracy.value:.4f}",
        "accuracy_low": f"{each.accuracy.interval[0]:.4f}",
        "accuracy_high": f"{each.accuracy.interval[1]:.4f}",
        "n": each.macro_f1.n,
        "n_groups": each.macro_f1.n_groups,
        "labels": board.labels,
        "grouped_by": each.macro_f1.grouped_by,
        **cells("to_first", each.to_first),
        **cells("to_best", each.to_best),
    }


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One ingredient: ``worth`` is macro-F1 of the full recipe less that of ``run``."""

    without: str
    run: str
    worth: Difference


@dataclass(frozen=True, slots=True, repr=False)
class Ablation(Tabular):
    """What each ingredient of the run ``full`` is worth, most first, on one kind of label."""

    full: str
    labels: str
    rows: tuple[Ingredient, ...]

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "full", self.full
        yield "labels", self.labels

    def _shown_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "without": row.without,
                "run": row.run,
                "worth": row.worth.value,
                "low": row.worth.interval[0],
                "high": row.worth.interval[1],
                "n": row.worth.n,
            }
            for row in self.rows
        ]

    def to_csv(self) -> str:
        """One row for each ingredient."""
        out = io.StringIO()
        table = CsvRows(out)
        table.write(
            ["without", "run", "worth", "low", "high", "p", "n", "n_groups", "labels", "full"]
        )
        for row in self.rows:
            low, high = row.worth.interval
            numbers = [f"{x:.4f}" for x in (row.worth.value, low, high, row.worth.p_value)]
            counts = [row.worth.n, row.worth.n_groups]
            table.write([row.without, row.run, *numbers, *counts, self.labels, self.full])
        return out.getvalue()


def ablation(
    full: EvaluateResult,
    without: Mapping[str, EvaluateResult],
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
) -> Ablation:
    """Hold the full recipe against others that lack one ingredient each.

    Parameters
    ----------
    full : EvaluateResult
        Of the run with everything.
    without : mapping of str to EvaluateResult
        What is left out, and the run without it.
    settings, seed
        Of the paired bootstrap.

    Raises
    ------
    UsageError
        Nothing is left out, or runs cannot be compared.
    """
    if not without:
        todo = "Name each: --ablate COMPONENT=RUN."
        raise UsageError("an ablation needs runs that lack something", where=full.run, todo=todo)
    rows = []
    labels: Sequence[str] = ()
    for name, lesser in without.items():
        board = compare_runs([lesser, full], settings=settings, seed=seed)
        labels = (*labels, board.labels)
        gap = next(each.to_first for each in board.runs if each.run == full.run)
        if gap is None:
            todo = "Name the runs differently."
            raise UsageError("the run is compared with itself", where=full.run, todo=todo)
        rows.append(Ingredient(name, lesser.run, gap))
    if len(set(labels)) > 1:
        what = "some runs have scores on checked labels, others only on computed ones"
        todo = "Evaluate all of them on checked labels, or none."
        raise UsageError(what, where=full.run, todo=todo)
    ranked = sorted(rows, key=lambda row: (-row.worth.value, row.without))
    return Ablation(full.run, labels[0], tuple(ranked))
