"""Tables of the report that hold runs side by side: by class, by source, by collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cosmic_morphology.evaluate.scored_run import ScoredRun
from cosmic_morphology.evaluate.scoring import PartScores
from cosmic_morphology.stats.score import Score

_MOST_ROWS = 24
_LEAST_GROUPS = 5


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The same scores of several runs on the same test images.

    Attributes
    ----------
    what : str
        What a row is, such as ``class``.
    measure : str
        What a cell is, such as ``F1``.
    runs : tuple of str
        The columns.
    labels, grouped_by : str
        Of all cells.
    rows : tuple of Row
        The rows.
    left_out : int
        Rows with fewer than five groups, about which nothing can be said, or beyond the first 24.
    """

    what: str
    measure: str
    runs: tuple[str, ...]
    labels: str
    grouped_by: str
    rows: tuple[Row, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``n`` test images in ``n_groups`` groups, a score of each run."""

    name: str
    n: int
    n_groups: int
    cells: tuple[Score, ...]


def class_tables(scored: Sequence[ScoredRun]) -> list[SideBySide]:
    """F1 by class, one table for each set of runs that were scored on the same images."""
    tables = []
    for same in together(scored):
        per_run = [{one.name: one for one in each.scores.per_class} for each in same]
        rows = [
            Row(name, per_run[0][name].n, 0, tuple(run[name].f1 for run in per_run))
            for name in same[0].evaluation.classes
        ]
        tables.append(_table("class", "F1", same, rows))
    return tables


def part_tables(
    scored: Sequence[ScoredRun], target_size: Mapping[str, Sequence[PartScores]]
) -> list[SideBySide]:
    """Accuracy by source, collection and size of the target; tiny parts are left out."""
    kinds: tuple[tuple[str, Callable[[ScoredRun], Sequence[PartScores]]], ...] = (
        ("source", lambda each: each.scores.by_source),
        ("collection", lambda each: each.scores.by_collection),
        ("size of the target", lambda each: target_size.get(each.facts.name, ())),
    )
    tables = []
    for same in together(scored):
        for what, of in kinds:
            per_run = [{part.name: part for part in of(each)} for each in same]
            named = [part.name for part in of(same[0]) if all(part.name in p for p in per_run)]
            first = per_run[0]
            shown = [n for n in named if first[n].accuracy.n_groups >= _LEAST_GROUPS][:_MOST_ROWS]
            rows = [
                Row(
                    name,
                    first[name].n,
                    first[name].accuracy.n_groups,
                    tuple(run[name].accuracy for run in per_run),
                )
                for name in shown
            ]
            if len(named) > 1 and rows:
                tables.append(_table(what, "accuracy", same, rows, len(named) - len(shown)))
    return tables


def together(scored: Sequence[ScoredRun]) -> list[list[ScoredRun]]:
    """Runs that were scored on the same images with the same kind of label and classes."""
    found: dict[tuple[object, ...], list[ScoredRun]] = {}
    for each in scored:
        scores = each.scores
        ids = tuple(each.evaluation.answers[scores.labels].ids.tolist())
        found.setdefault((scores.labels, each.evaluation.classes, ids), []).append(each)
    return list(found.values())


def _table(
    what: str, measure: str, same: Sequence[ScoredRun], rows: Sequence[Row], left_out: int = 0
) -> SideBySide:
    score = same[0].scores.macro_f1
    return SideBySide(
        what=what,
        measure=measure,
        runs=tuple(each.facts.name for each in same),
        labels=score.labels,
        grouped_by=score.grouped_by,
        rows=tuple(rows),
        left_out=left_out,
    )
