"""The tables that people read in a terminal: scores of runs, predictions and their counts."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.cli.printing import counted, say, say_next, show_table
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import jsonable

if TYPE_CHECKING:
    from cosmic_morphology.evaluate import (
        Ablation,
        Comparison,
        EvaluateResult,
        EvaluationRanking,
        LabelScores,
    )
    from cosmic_morphology.learn import Prediction
    from cosmic_morphology.learn.run_folder.run_list import RunRow
    from cosmic_morphology.pipeline import PipelineResult
    from cosmic_morphology.pipeline.ranking import RunRanking
    from cosmic_morphology.stats.bootstrap import Difference
    from cosmic_morphology.stats.score import Score


_RECIPE = ("recipe",)


def show_results(summary: PipelineResult) -> None:
    """Print what was collected and every score with n, interval, labels and grouping."""
    split = summary.split
    say(
        f"{counted(summary.collected, 'image')}, {counted(summary.duplicates, 'duplicate')}, "
        f"{summary.dropped} dropped as no object of the taxonomy, "
        f"{sum(summary.failed.values())} refused; "
        f"split: {split['train']} train, {split['val']} val, {split['test']} test in "
        f"{split['groups']} groups, {counted(split['leaks'], 'leak')}"
    )
    # A run is mostly called like its recipe: a column that says it again takes room from names.
    named = any(run.name != run.recipe for run in summary.runs)
    headings = ("run", *_RECIPE[:named], "trained on", "macro-F1 [95 %]", "n", "labels")
    rows = [
        (
            run.name,
            *("as named" if run.recipe == run.name else run.recipe,)[:named],
            run.trained_on,
            f"{run.macro_f1:.3f} [{run.ci95[0]:.3f}, {run.ci95[1]:.3f}]",
            str(run.n_test),
            run.labels,
        )
        for run in summary.runs
    ]
    show_table(headings, rows, wide=("run", "recipe", "trained on", "labels"))
    for backbone in dict.fromkeys(
        f"{run.backbone}, weights: {run.weights}" for run in summary.runs
    ):
        say(f"Backbone: {backbone}.")
    if summary.runs:
        say(f"Scores on the test split; no group is in two splits: {summary.runs[0].grouped_by}.")
    if len(summary.runs) > 1:
        say(f"Best on the val split, and what the report leads with: {summary.leading}.")
    minutes = sum(summary.seconds.values()) / 60
    say(f"{minutes:.1f} minutes, peak memory {summary.peak_memory_mb / 1000:.1f} GB")


def show_runs(rows: Sequence[RunRow]) -> None:
    """Print runs with their scores, n, interval and kind of label."""
    named = any(row.run != row.recipe for row in rows)
    headings = ("run", *_RECIPE[:named], "backbone", "macro-F1", "95 %", "n", "scored on", "s")
    cells = [_run_cells(row, named=named) for row in rows]
    show_table(headings, cells, wide=("run", *_RECIPE, "backbone", "scored on"))


def _run_cells(row: RunRow, *, named: bool) -> list[str]:
    about = [row.run, *(row.recipe,)[:named], row.backbone]
    score = row.macro_f1
    if score is None:
        return [*about, "", "", "", "", f"{row.seconds:.0f}"]
    scored = f"{row.split}, {score.labels}"
    return [*about, *_score(score), str(score.n), scored, f"{row.seconds:.0f}"]


def show_ranking(
    found: RunRanking, components: Ablation | None, page: str, words: Mapping[str, str]
) -> None:
    """Print further tests and components, then the runs side by side on the whole test split.

    ``words`` are the runs as a person gave them: their names, or folders.
    """
    for test in found.further:
        _show_test(test)
    if components:
        _show_components(components)
    evaluations = list(found.common.values())
    if not found.same_classes:
        known = ", ".join(evaluations[0].classes)
        say(
            f"note: compared on the classes that all runs know: {known}. Another answer counts as "
            "wrong; scores on all classes of a run are in its metrics.json"
        )
    show_evaluations(evaluations, found.comparison)
    if page:
        say(f"Leaderboard: {page}")
    ranked = [words[each.run] for each in found.comparison.runs if each.run in words]
    if ranked:
        say_next(shlex.join(["cosmic", "report", *ranked]))


def show_evaluations(evaluations: Sequence[EvaluateResult], comparison: Comparison) -> None:
    """Print runs side by side: scores by kind of label, F1 by class, and whether they differ."""
    place = {each.run: each.rank for each in comparison.runs}
    ordered = sorted(evaluations, key=lambda each: place[each.run])
    _show_scores(ordered)
    for note in dict.fromkeys(note for each in ordered for note in each.notes):
        say(f"note: {note}")
    for line in _verdict(comparison):
        say(line)


def _show_scores(ordered: Sequence[EvaluateResult]) -> None:
    from cosmic_morphology.stats.score import LABEL_KINDS

    for kind in (*LABEL_KINDS, "records", "apart"):
        scored = [(each.run, scores) for each in ordered if (scores := getattr(each, kind))]
        if not scored:
            continue
        told = f"{scored[0][1].labels} labels, answered from {scored[0][1].answered_from}"
        if kind == "apart":
            told += ", without bodies (the Sun, a planet) that were learned from"
        headings = ("run", "macro-F1", "95 %", "accuracy", "95 % ", "n", "groups")
        rows = [
            (
                run,
                *_score(scores.macro_f1),
                *_score(scores.accuracy),
                str(scores.n),
                str(scores.macro_f1.n_groups),
            )
            for run, scores in scored
        ]
        grouped_by = scored[0][1].macro_f1.grouped_by
        title = f"Test split, {told}; no group is in two splits ({grouped_by})"
        show_table(headings, rows, wide=("run",), title=title)
        _show_classes(told, scored)


def _show_classes(told: str, scored: Sequence[tuple[str, LabelScores]]) -> None:
    runs = tuple(run for run, _ in scored)
    rows = []
    for at, first in enumerate(scored[0][1].per_class):
        mine = [scores.per_class[at] for _, scores in scored]
        cells = (" ".join(_score(each.f1)) if each.n else "" for each in mine)
        rows.append((first.name, str(first.n), *cells))
    title = f"F1 of each class [95 %], {told}"
    show_table(("class", "n", *runs), rows, wide=("class",), title=title)


def _show_test(test: EvaluationRanking) -> None:
    rows = []
    for each in test.comparison.runs:
        of, gap = each.macro_f1, each.to_best
        rows.append(
            (each.run, *_score(of), str(of.n), str(of.n_groups), _difference(gap) if gap else "")
        )
    headings = ("run", "macro-F1", "95 %", "n", "groups", "less the best")
    title = f"{test.name}: {test.comparison.labels} labels"
    show_table(headings, rows, wide=("run",), title=title)
    for name, why in test.not_scored.items():
        say(f"{name} has no score: {why}")


def _show_components(components: Ablation) -> None:
    headings = ("component", "run without it", "macro-F1 lost [95 %]", "p", "n")
    rows = [
        (
            row.without,
            row.run,
            _difference(row.worth),
            f"{row.worth.p_value:.3f}",
            str(row.worth.n),
        )
        for row in components.rows
    ]
    title = f"What {components.full} loses without"
    show_table(headings, rows, wide=headings[:2], whole=True, title=title)


def _verdict(comparison: Comparison) -> Iterator[str]:
    """One sentence on the best run, and one for each difference to the first."""
    best = comparison.runs[0]
    yield (
        f"{best.run} is best: {best.macro_f1}."
        if len(comparison.runs) > 1
        else f"{best.run}: {best.macro_f1}."
    )
    for each in comparison.runs:
        gap = each.to_first
        if gap is not None:
            real = "" if gap.is_significant else "; it may be chance"
            yield (
                f"{each.run} less {comparison.first}: {_difference(gap)} macro-F1, "
                f"p = {gap.p_value:.3f} ({comparison.labels} labels, paired bootstrap over "
                f"groups){real}."
            )


def _score(score: Score) -> tuple[str, str]:
    low, high = score.interval
    return f"{score.value:.3f}", f"[{low:.3f}, {high:.3f}]"


def _difference(gap: Difference) -> str:
    low, high = gap.interval
    return f"{gap.value:+.3f} [{low:+.3f}, {high:+.3f}]"


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
            found["answers"] = jsonable(self.kept)
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
