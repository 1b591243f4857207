"""Several runs on the test split: predicted, scored, ranked, compared component by component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.stage import TitledProgress
from cosmic_morphology.errors import UsageError
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
from cosmic_morphology.evaluate.predictions import TEST
from cosmic_morphology.evaluate.scored_run import ScoredRun
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.learn.inference.predictors import column_name
from cosmic_morphology.learn.run_folder.folder import Run, read_run
from cosmic_morphology.settings import Settings

if TYPE_CHECKING:
    from cosmic_morphology.evaluate import Ablation, Comparison
    from cosmic_morphology.learn import PixelPredictor

# Ends the names of the columns with predictions for corrupted images.
CORRUPTED = "_corrupted"


def predict_test_split(
    atlas: Atlas,
    places: Sequence[Path],
    *,
    settings: Settings,
    progress: TitledProgress,
    corruptions: bool = False,
) -> dict[Path, PixelPredictor]:
    """Load models, and let each predict those test images that it has not predicted yet.

    Parameters
    ----------
    atlas : Atlas
        Gets the columns of predictions.
    places : sequence of Path
        Folders of runs, and exported files, which need no torch.
    settings : Settings
        How a model is loaded.
    progress : callable
        For each run.
    corruptions : bool
        Predict grey, blurred, noisy and small test images, too.

    Raises
    ------
    UsageError
        Two runs have one name.
    """
    from cosmic_morphology.evaluate import CorruptedInputs
    from cosmic_morphology.learn import load_model, predict_images

    models: dict[Path, PixelPredictor] = {}
    for place in places:
        model = load_model(place, learn=settings.learn)
        name = column_name(model)
        if any(name == column_name(other) for other in models.values()):
            raise UsageError(
                f"two of these runs are called {name!r}: their predictions would be mixed up",
                where=str(place),
                todo="Train one of them under another name.",
            )
        models[place] = model
    for model in models.values():
        name = column_name(model)
        with progress(f"predicting with {name}") as report:
            predict_images(atlas, model, where=TEST, name=name, progress=report)
            if corruptions:
                corrupted, name = CorruptedInputs.of(model), name + CORRUPTED
                predict_images(atlas, corrupted, where=TEST, name=name, progress=report)
    return models


def facts_of(place: Path, model: PixelPredictor) -> Run:
    """What is known of a model: all that its folder says, or the little that a file does."""
    if place.is_dir():
        return read_run(place)
    return Run(
        name=column_name(model),
        recipe="exported file",
        backbone="not said",
        weights="not said",
        path=place,
        classes=model.classes,
        metrics={"reject_below": model.reject_below},
        settings={"labels": "not said"},
    )


@dataclass(frozen=True, eq=False)
class RunRanking:
    """Runs with their scores on the test split; each run is scored once on each test.

    Attributes
    ----------
    atlas, tests, settings
        What was asked for; the first test is the whole split.
    facts : tuple of Run
        What is known of the runs.
    own : dict of str to EvaluateResult
        Each run on all classes that it knows.
    common : dict of str to EvaluateResult
        Each run on the classes that all of them know.
    comparison : Comparison
        The ranking on these.
    """

    atlas: Atlas
    facts: tuple[Run, ...]
    tests: dict[str, EvaluationSet]
    settings: Settings
    own: dict[str, EvaluateResult]
    common: dict[str, EvaluateResult]
    comparison: Comparison

    @classmethod
    def of(
        cls,
        atlas: Atlas,
        models: Mapping[Path, PixelPredictor],
        tests: dict[str, EvaluationSet],
        settings: Settings,
    ) -> RunRanking:
        """Score models on the test images that they predicted; note the scores in their folders."""
        classes = common_classes([model.classes for model in models.values()])
        facts = tuple(facts_of(place, model) for place, model in models.items())
        how: dict[str, Any] = {"settings": settings.evaluate, "seed": settings.seed}
        own = {
            run.name: evaluate_run(
                atlas,
                run.name,
                classes=list(model.classes),
                run_folder=place if place.is_dir() else None,
                reject_below=model.reject_below,
                fusion=model.fusion,
                **how,
            )
            for run, (place, model) in zip(facts, models.items(), strict=True)
        }
        common = {
            run.name: own[run.name]
            if run.classes == classes
            else evaluate_run(
                atlas, run.name, classes=classes, reject_below=model.reject_below, **how
            )
            for run, model in zip(facts, models.values(), strict=True)
        }
        return cls(
            atlas=atlas,
            facts=facts,
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

    @property
    def scored(self) -> list[ScoredRun]:
        """The runs on their own classes, with what their folders say, for a report."""
        return [
            ScoredRun(run, found) for run, found in zip(self.facts, self.own.values(), strict=True)
        ]

    @cached_property
    def further(self) -> tuple[EvaluationRanking, ...]:
        """The ranking on each test but the whole split."""
        return self._ranked(dict(list(self.tests.items())[1:]))

    def _ranked(self, tests: Mapping[str, EvaluationSet]) -> tuple[EvaluationRanking, ...]:
        return rank_runs(
            self.atlas,
            self.facts,
            tests,
            settings=self.settings.evaluate,
            seed=self.settings.seed,
            scored=self.common,
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
        from cosmic_morphology.report import write_leaderboard

        whole = self._ranked(dict(list(self.tests.items())[:1]))
        board = write_leaderboard(
            self.atlas, (*whole, *self.further), folder, settings=self.settings.evaluate
        )
        if ingredients:
            write_text(folder / "ablation.csv", ingredients.to_csv())
        return str(board.page)

    def tables(self, ingredients: Ablation | None) -> dict[str, Any]:
        """Every table of the ranking, by what it tells."""
        return {
            "runs": {name: found.rows() for name, found in self.own.items()},
            "comparison": self.comparison,
            "tests": {test.name: test.comparison for test in self.further},
            "ablation": ingredients.rows if ingredients else (),
        }
