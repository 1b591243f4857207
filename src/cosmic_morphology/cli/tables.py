"""The tables that people read in a terminal: scores of runs, predictions and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.cli.common import plain
from cosmic_morphology.cli.printing import console, say
from cosmic_morphology.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from cosmic_morphology.evaluate import Comparison, EvaluateResult, LabelScores, Score
    from cosmic_morphology.learn import Prediction
    from cosmic_morphology.pipeline import PipelineResult


def show_results(summary: PipelineResult) -> None:
    """Print what was collected and every score with n, interval, labels and grouping."""
    from rich.table import Table

    screen = console()
    screen.print(
        f"{summary.collected} images, {summary.duplicates} duplicates, "
        f"{summary.dropped} dropped as no object of the taxonomy, "
        f"{sum(summary.failed.values())} refused; "
        f"split: {summary.split['train']} train, {summary.split['val']} val, "
        f"{summary.split['test']} test in {summary.split['groups']} groups, "
        f"{summary.split['leaks']} leaks"
    )
    table = Table(title="Scores on the test split")
    for heading in ("run", "trained on", "macro-F1 [95 %]", "accuracy", "n", "scored on"):
        table.add_column(heading)
    for run in summary.runs:
        table.add_row(
            f"{run.name} ({run.recipe}, {run.backbone}, weights: {run.weights})",
            run.trained_on,
            f"{run.macro_f1:.3f} [{run.ci95[0]:.3f}, {run.ci95[1]:.3f}]",
            f"{run.accuracy:.3f}",
            str(run.n_test),
            f"{run.labels} labels",
        )
    screen.print(table)
    if summary.runs:
        screen.print(f"No group parted: {summary.runs[0].grouped_by}.")
    minutes = sum(summary.seconds.values()) / 60
    screen.print(f"{minutes:.1f} minutes, peak memory {summary.peak_memory_mb / 1000:.1f} GB")
    screen.print(f"report: {summary.report}", soft_wrap=True)


def show_evaluations(
    evaluations: Sequence[EvaluateResult], comparison: Comparison, report: str = ""
) -> None:
    """Print runs side by side: scores by label kind, F1 by class, and whether they differ."""
    screen = console()
    ordered = sorted(evaluations, key=lambda each: [r.run for r in comparison.runs].index(each.run))
    for kind in ("checked", "rendered", "computed"):
        found = [(each.run, scores) for each in ordered if (scores := getattr(each, kind))]
        if found:
            grouped_by = found[0][1].macro_f1.grouped_by
            screen.print(f"Test split, {kind} labels, no group parted: {grouped_by}")
            screen.print(_scores_table(found))
            screen.print(f"F1 of each class [95 %], {kind} labels")
            screen.print(_classes_table(found))
    for each in comparison.runs:
        gap = each.to_first
        if gap is not None:
            screen.print(
                f"{each.run} less {comparison.first}: {gap.value:+.3f} macro-F1 "
                f"[{gap.interval[0]:+.3f}, {gap.interval[1]:+.3f}], p = {gap.p_value:.3f} "
                f"({comparison.labels} labels, paired bootstrap over groups)"
            )
    for note in dict.fromkeys(note for each in ordered for note in each.notes):
        screen.print(f"note: {note}")
    if report:
        screen.print(f"report: {report}", soft_wrap=True)


def _scores_table(found: Sequence[tuple[str, LabelScores]]) -> Table:
    from rich.table import Table

    table = Table()
    for heading in ("run", "macro-F1 [95 %]", "accuracy [95 %]", "n", "groups"):
        table.add_column(heading)
    for run, scores in found:
        of = scores.macro_f1
        table.add_row(run, _cell(of), _cell(scores.accuracy), str(of.n), str(of.n_groups))
    return table


def _classes_table(found: Sequence[tuple[str, LabelScores]]) -> Table:
    from rich.table import Table

    table = Table()
    for heading in ("class", "n", *(run for run, _ in found)):
        table.add_column(heading)
    for at, first in enumerate(found[0][1].per_class):
        cells = [_cell(each.f1) if each.n else "" for _, s in found for each in [s.per_class[at]]]
        table.add_row(first.name, str(first.n), *cells)
    return table


def _cell(score: Score) -> str:
    low, high = score.interval
    return f"{score.value:.3f} [{low:.3f}, {high:.3f}]"


@dataclass(slots=True)
class PredictionCounter:
    """Counts answers as they pass.

    Attributes
    ----------
    alone : bool
        One image was asked for: that it is none is then an error.
    keep : bool
        Keep the answers for the summary.
    """

    alone: bool
    keep: bool
    classes: Counter[str] = field(default_factory=Counter)
    left_open: int = 0
    without_answer: int = 0
    kept: list[Prediction] = field(default_factory=list)

    def count(self, answers: Iterator[Prediction]) -> Iterator[Prediction]:
        """The same answers, counted.

        Raises
        ------
        InputError
            The only one has no answer.
        """
        for answer in answers:
            if answer.error and self.alone:
                raise InputError(
                    answer.error,
                    where=answer.file,
                    todo="Give an image: JPEG, PNG, GIF, TIFF, WebP or FITS.",
                )
            if answer.error:
                self.without_answer += 1
            elif answer.accepted:
                self.classes[answer.prediction] += 1
            else:
                self.left_open += 1
            if self.keep:
                self.kept.append(answer)
            yield answer

    def summary(self, out: Path | None) -> dict[str, Any]:
        """How many got which class, were left open, or have no answer."""
        found: dict[str, Any] = {
            "images": self.classes.total() + self.left_open,
            "sure": dict(self.classes.most_common()),
            "left_open": self.left_open,
            "no_image": self.without_answer,
        }
        if out is not None:
            found["out"] = str(out)
        if self.keep:
            found["answers"] = plain(self.kept)
        return found


def show_answer(answer: Prediction) -> None:
    """One line for a person: the class, how sure, and what else it could be."""
    if answer.error:
        say(f"{answer.file}: no answer ({answer.error})")
        return
    ranked = sorted(answer.probabilities.items(), key=lambda each: -each[1])
    shares = ", ".join(f"{name} {p:.3f}" for name, p in ranked)
    said = answer.prediction if answer.accepted else f"left open, most like {answer.prediction}"
    say(f"{answer.file}: {said} ({shares})")
