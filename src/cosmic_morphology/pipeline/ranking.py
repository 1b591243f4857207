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
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.settings import Settings

if TYPE_CHECKING:
    from cosmic_morphology.evaluate import Ablation, Comparison
    from cosmic_morphology.learn import TrainedModel

# Ends the names of the columns with predictions for corrupted images.
CORRUPTED = "_corrupted"


def predict_test_split(
    atlas: Atlas,
    folders: Sequence[Path],
    *,
    settings: Settings,
    progress: TitledProgress,
    corruptions: bool = False,
) -> dict[Path, TrainedModel]:
    """Load runs, and let each predict those test images that it has not predicted yet.

    Parameters
    ----------
    atlas : Atlas
        Gets the columns of predictions.
    folders : sequence of Path
        Folders of the runs.
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
    from cosmic_morphology.learn import load_trained_model, predict_images

    models: dict[Path, TrainedModel] = {}
    for folder in folders:
        model = load_trained_model(folder, learn=settings.learn)
        if any(model.name == other.name for other in models.values()):
            raise UsageError(
                f"two of these runs are called {model.name!r}: their predictions would be mixed up",
                where=str(folder),
                todo="Train one of them under another name.",
            )
        models[folder] = model
    for model in models.values():
        with progress(f"predicting with {model.name}") as report:
            predict_images(atlas, model, where=TEST, progress=report)
            if corruptions:
                corrupted, name = CorruptedInputs.of(model), model.name + CORRUPTED
                predict_images(atlas, corrupted, where=TEST, name=name, progress=report)
    return models


@dataclass(frozen=True, eq=False)
class RunRanking:
    """Runs with their scores on the test split; each run is scored once on each test.

    Attributes
    ----------
    atlas, runs, tests, settings
        What was asked for; the first test is the whole split.
    own : dict of str to EvaluateResult
        Each run on all classes that it knows.
    common : dict of str to EvaluateResult
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
    ) -> RunRanking:
        """Score models on the test images that they predicted; note the scores in their folders."""
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

    @property
    def scored(self) -> list[ScoredRun]:
        """The runs on their own classes, with what their folders say, for a report."""
        return [
            ScoredRun(read_run(folder), found)
            for folder, found in zip(self.runs, self.own.values(), strict=True)
        ]

    @cached_property
    def further(self) -> tuple[EvaluationRanking, ...]:
        """The ranking on each test but the whole split."""
        return self._ranked(dict(list(self.tests.items())[1:]))

    def _ranked(self, tests: Mapping[str, EvaluationSet]) -> tuple[EvaluationRanking, ...]:
        return rank_runs(
            self.atlas,
            self.runs,
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
