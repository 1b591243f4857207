"""What ``cosmic evaluate`` measures of several runs, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.cli.common import plain
from cosmic_morphology.cli.printing import console
from cosmic_morphology.cli.tables import show_evaluations
from cosmic_morphology.evaluate import (
    EvaluateResult,
    EvaluationRanking,
    EvaluationSet,
    ablation,
    common_classes,
    compare_runs,
    evaluate_run,
    rank_runs,
)
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.report import write_leaderboard

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.evaluate import Ablation, Comparison
    from cosmic_morphology.learn import TrainedModel
    from cosmic_morphology.settings import Settings

# Ends the names of the columns with answers to changed images.
SHIFTED = "_shifted"


@dataclass(frozen=True, slots=True)
class Ranked:
    """Runs with their scores on the test split.

    Attributes
    ----------
    atlas, runs, tests, settings
        What was asked for; the first test is the whole split.
    own : dict of str to Evaluation
        Each run on all classes that it knows.
    common : dict of str to Evaluation
        Each run on the classes that all of them know.
    comparison : Comparison
        The ranking on these.
    """

    atlas: Atlas
    runs: tuple[Path, ...]
    tests: dict[str, EvaluationSet]
    settings: Settings
    own: dict[str, EvaluateResult]
    common: dict[str, EvaluateResult]
    comparison: Comparison

    @classmethod
    def of(
        cls,
        atlas: Atlas,
        models: Mapping[Path, TrainedModel],
        tests: dict[str, EvaluationSet],
        settings: Settings,
    ) -> Ranked:
        """Score models that have judged the test images, and note the scores in their folders."""
        classes = common_classes([model.classes for model in models.values()])
        how: dict[str, Any] = {"settings": settings.evaluate, "seed": settings.seed}
        own = {
            model.name: evaluate_run(
                atlas, model.name, classes=list(model.classes), run_folder=folder, **how
            )
            for folder, model in models.items()
        }
        common = {
            model.name: own[model.name]
            if model.classes == classes
            else evaluate_run(
                atlas, model.name, classes=classes, reject_below=model.reject_below, **how
            )
            for model in models.values()
        }
        return cls(
            atlas=atlas,
            runs=tuple(models),
            tests=tests,
            settings=settings,
            own=own,
            common=common,
            comparison=compare_runs(list(common.values()), **how),
        )

    @property
    def same_classes(self) -> bool:
        """Whether all runs know the same."""
        return all(self.own[name] is found for name, found in self.common.items())

    def parts(self) -> tuple[EvaluationRanking, ...]:
        """The ranking on each further test."""
        others = dict(list(self.tests.items())[1:])
        return rank_runs(
            self.atlas,
            self.runs,
            others,
            settings=self.settings.evaluate,
            seed=self.settings.seed,
        )

    def ablation(self, full: str, without: Mapping[str, str]) -> Ablation | None:
        """What each ingredient of a run is worth, when others that lack one are there."""
        if not without:
            return None
        return ablation(
            self.common[full],
            {name: self.common[run] for name, run in without.items()},
            settings=self.settings.evaluate,
            seed=self.settings.seed,
        )

    def write(self, folder: Path, ingredients: Ablation | None) -> str:
        """Write the board and the table of ingredients; the page's path."""
        board = write_leaderboard(
            self.atlas,
            self.runs,
            folder,
            tests=self.tests,
            settings=self.settings.evaluate,
            seed=self.settings.seed,
        )
        if ingredients:
            write_text(folder / "ablation.csv", ingredients.to_csv())
        return str(board.page)

    def told(self, ingredients: Ablation | None) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "runs": {name: found.rows() for name, found in self.own.items()},
            "comparison": self.comparison,
            "tests": {test.name: test.comparison for test in self.parts()},
            "ablation": plain(ingredients.rows) if ingredients else [],
        }


def show_ranked(found: Ranked, ingredients: Ablation | None, files: Mapping[str, str]) -> None:
    """Print runs side by side: scores, differences, further tests, ingredients."""
    screen = console()
    show_evaluations(list(found.common.values()), found.comparison)
    if not found.same_classes:
        known = ", ".join(next(iter(found.common.values())).classes)
        screen.print(
            f"note: compared on the classes that all runs know: {known}. Another answer counts as "
            "wrong; scores on all classes of a run are in its metrics.json"
        )
    for test in found.parts():
        screen.print(_test_table(test))
        for name, why in test.unjudged.items():
            screen.print(f"{name} has no score: {why}")
    if ingredients:
        screen.print(_ingredients_table(ingredients))
    for what, path in files.items():
        if path:
            screen.print(f"{what}: {path}", soft_wrap=True)


def _test_table(test: EvaluationRanking) -> Any:
    from rich.table import Table

    table = Table(title=f"{test.name}: {test.comparison.labels} labels", title_justify="left")
    for heading in ("run", "macro-F1 [95 %]", "n", "groups", "against the best"):
        table.add_column(heading, no_wrap=heading == "run")
    for each in test.comparison.runs:
        of, gap = each.macro_f1, each.to_best
        low, high = of.interval
        table.add_row(
            each.run,
            f"{of.value:.3f} [{low:.3f}, {high:.3f}]",
            str(of.n),
            str(of.n_groups),
            f"{gap.value:+.3f} [{gap.interval[0]:+.3f}, {gap.interval[1]:+.3f}]" if gap else "",
        )
    return table


def _ingredients_table(ingredients: Ablation) -> Any:
    from rich.table import Table

    table = Table(title=f"{ingredients.full}: what is lost without", title_justify="left")
    for heading in ("ingredient", "run without it", "macro-F1 lost [95 %]", "p", "n"):
        table.add_column(heading)
    for row in ingredients.rows:
        low, high = row.worth.interval
        lost = f"{row.worth.value:+.3f} [{low:+.3f}, {high:+.3f}]"
        table.add_row(row.without, row.run, lost, f"{row.worth.p_value:.3f}", str(row.worth.n))
    return table
