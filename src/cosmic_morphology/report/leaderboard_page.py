"""The board: all runs ranked on the same tests, as CSV files and one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.display import Tabular
from cosmic_morphology.evaluate.compare import PairedDifference
from cosmic_morphology.evaluate.leaderboard import SIDE_BY_SIDE, EvaluationRanking
from cosmic_morphology.evaluate.scored_run import ScoredRun
from cosmic_morphology.io_utils import write_csv
from cosmic_morphology.learn.run_folder.folder import Run
from cosmic_morphology.report.html import write_page
from cosmic_morphology.settings import EvaluateSettings
from cosmic_morphology.stats.score import Score


@dataclass(frozen=True, slots=True, repr=False)
class Leaderboard(Tabular):
    """The boards of all tests, and their files."""

    tests: tuple[EvaluationRanking, ...]
    csv: Path
    parts_csv: Path
    page: Path

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "tests", [test.name for test in self.tests]
        yield "page", self.page

    def rows(self) -> list[dict[str, Any]]:
        """One row for each test and run, best first."""
        return [row for test in self.tests for row in _rows(test)]


def write_leaderboard(
    atlas: Atlas,
    boards: Sequence[EvaluationRanking],
    out: Path,
    *,
    settings: EvaluateSettings | None = None,
) -> Leaderboard:
    """Write ranked runs with intervals and paired differences as tables and one page.

    Parameters
    ----------
    atlas : Atlas
        That the runs were scored on; its version is named.
    boards : sequence of EvaluationRanking
        The ranking on each test, from :func:`cosmic_morphology.evaluate.rank_runs`.
    out : Path
        Folder of ``leaderboard.csv``, ``leaderboard-parts.csv`` and ``leaderboard.html``.
    settings : EvaluateSettings, optional
        The number of resamples, for the reader.
    """
    settings = settings or EvaluateSettings()
    out.mkdir(parents=True, exist_ok=True)
    found = Leaderboard(
        tuple(boards),
        out / "leaderboard.csv",
        out / "leaderboard-parts.csv",
        out / "leaderboard.html",
    )
    _write_csv(found.csv, found.rows())
    _write_csv(found.parts_csv, [row for test in boards for row in _part_rows(test)])
    content = {
        "title": "Board of runs",
        "tests": boards,
        "atlas_version": str(atlas.version),
        "resamples": settings.bootstrap_resamples,
        "shown": SIDE_BY_SIDE,
    }
    write_page(found.page, "leaderboard.html.j2", content)
    return found


def _rows(test: EvaluationRanking) -> list[dict[str, Any]]:
    by_name = {each.facts.name: each for each in test.scored}
    return [
        {
            "test": test.name,
            **_ranked(each),
            **_of_run(by_name[each.run].facts),
            **_of_classes(by_name[each.run], test.comparison.labels),
        }
        for each in test.comparison.runs
    ]


def _ranked(each: PairedDifference) -> dict[str, Any]:
    gap = each.to_best
    return {
        "rank": each.rank,
        "run": each.run,
        **_cells("macro_f1", each.macro_f1),
        **_cells("accuracy", each.accuracy),
        "n": each.macro_f1.n,
        "n_groups": each.macro_f1.n_groups,
        "labels": each.macro_f1.labels,
        "grouped_by": each.macro_f1.grouped_by,
        "to_best": f"{gap.value:.4f}" if gap else "",
        "to_best_low": f"{gap.interval[0]:.4f}" if gap else "",
        "to_best_high": f"{gap.interval[1]:.4f}" if gap else "",
        "to_best_p": f"{gap.p_value:.4f}" if gap else "",
    }


def _of_run(facts: Run) -> dict[str, Any]:
    return {
        "recipe": facts.recipe,
        "backbone": facts.backbone,
        "weights": facts.weights,
        "trained_on": facts.trained_on,
        "seed": facts.settings.get("seed", ""),
    }


def _of_classes(each: ScoredRun, labels: str) -> dict[str, Any]:
    scores = getattr(each.evaluation, labels)
    found: dict[str, Any] = {}
    for one in scores.per_class:
        found |= {f"n_{one.name}": one.n, **_cells(f"f1_{one.name}", one.f1)}
    if scores.calibration:
        found |= _cells("classwise_ece", scores.calibration)
    found |= _cells("precision_at_coverage", scores.precision_at_coverage)
    if scores.kept:
        found["reject_below"] = f"{scores.kept.reject_below:.4f}"
        found |= _cells("kept_coverage", scores.kept.coverage)
        if scores.kept.precision:
            found |= _cells("kept_precision", scores.kept.precision)
    return found


def _part_rows(test: EvaluationRanking) -> list[dict[str, Any]]:
    rows = []
    for each in test.scored:
        scores = getattr(each.evaluation, test.comparison.labels)
        kinds = (
            ("source", scores.by_source),
            ("collection", scores.by_collection),
            ("size of the target", test.sizes[each.facts.name]),
        )
        rows += [
            {
                "test": test.name,
                "run": each.facts.name,
                "by": kind,
                "part": part.name,
                **_cells("accuracy", part.accuracy),
                **_cells("macro_f1", part.macro_f1),
                "n": part.n,
                "n_groups": part.accuracy.n_groups,
                "labels": part.accuracy.labels,
            }
            for kind, parts in kinds
            for part in parts
        ]
    return rows


def _cells(name: str, score: Score) -> dict[str, str]:
    low, high = score.interval
    return {name: f"{score.value:.4f}", f"{name}_low": f"{low:.4f}", f"{name}_high": f"{high:.4f}"}


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_csv(path, names, rows)
