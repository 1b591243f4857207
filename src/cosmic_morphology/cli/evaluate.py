"""``cosmic evaluate``: runs ranked on the test split, with their intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    atlas_with_images,
    check_filter,
    pairs,
    quiet_libraries,
    require_extra,
    run_at,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.evaluate import EvaluationSet
    from cosmic_morphology.learn import TrainedModel
    from cosmic_morphology.settings import Settings

NAME = "evaluate"


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Names of runs, or their folders.", autocompletion=completion.runs),
    ],
    board: Annotated[
        Path | None,
        typer.Option("--board", help="Write board.csv, board-parts.csv and board.html here."),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option("--test", help="Rank on a part, too: NAME=FILTER in SQL; again for more."),
    ] = None,
    shifted: Annotated[
        bool,
        typer.Option("--shifted", help="Rank on grey, blurred, noisy, small test images, too."),
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="INGREDIENT=RUN: what the first run has and RUN lacks."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write report/index.html here.")
    ] = None,
    studies: Annotated[
        Path | None,
        typer.Option("--studies", help="Show the studies of this folder in the report."),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score and rank runs, separately on checked and on computed labels.

    Test images of collections that the train split has none of are a test of their own.
    """
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    lacking = {
        name: run_at(Path(run), settings) for name, run in pairs("--without", without).items()
    }
    folders = list(dict.fromkeys([*(run_at(run, settings) for run in runs), *lacking.values()]))
    opened = atlas_with_images(settings)
    with require_extra("learn"):
        from cosmic_morphology.cli.ranking import Ranked, show_ranked

        tests = _tests(opened, test, shifted=shifted)
        models = _asked(opened, folders, settings, shifted=shifted)
        found = Ranked.of(opened, models, tests, settings)
        ingredients = found.ablation(
            models[folders[0]].name, {name: models[run].name for name, run in lacking.items()}
        )
        files = {"board": "", "report": ""}
        if board is not None:
            files["board"] = found.write(board, ingredients)
        if report is not None:
            from cosmic_morphology.report import write_report

            page = write_report(
                opened,
                out=report,
                runs=folders,
                certificate=_kept(settings.out / "certificate.json"),
                audit=_kept(settings.out / "audit.json"),
                studies=studies,
                settings=settings.evaluate,
                seed=settings.seed,
                extra={"ablation": ingredients} if ingredients else None,
            )
            files["report"] = str(page)
        if as_json:
            show(found.told(ingredients) | files, as_json=True)
        else:
            show_ranked(found, ingredients, files)


def _tests(atlas: Atlas, given: list[str] | None, *, shifted: bool) -> dict[str, EvaluationSet]:
    """The tests of the split, those that were asked for, and changed images."""
    from cosmic_morphology.evaluate import EvaluationSet, default_evaluation_sets
    from cosmic_morphology.evaluate.predictions import TEST

    tests = default_evaluation_sets(atlas)
    for name, where in pairs("--test", given).items():
        check_filter(atlas, where, option="--test")
        # Whatever the filter says: what was learnt from is no test.
        tests[name] = EvaluationSet(f"{TEST} AND ({where})")
    if shifted:
        from cosmic_morphology.cli.ranking import SHIFTED

        tests["shifted images"] = EvaluationSet(suffix=SHIFTED)
    return tests


def _asked(
    atlas: Atlas, folders: list[Path], settings: Settings, *, shifted: bool
) -> dict[Path, TrainedModel]:
    """The models, which have judged all test images."""
    from cosmic_morphology.cli.ranking import SHIFTED
    from cosmic_morphology.evaluate import CorruptedInputs
    from cosmic_morphology.learn import load_trained_model, predict_images

    models: dict[Path, TrainedModel] = {}
    for folder in folders:
        model = load_trained_model(folder, learn=settings.learn)
        if any(model.name == other.name for other in models.values()):
            raise UsageError(
                f"two of these runs are called {model.name!r}: their answers would be mixed up",
                where=str(folder),
                todo="Train one of them under another name.",
            )
        models[folder] = model
    for model in models.values():
        with progress(f"asking {model.name}") as report:
            predict_images(atlas, model, where="split = 'test'", progress=report)
            if shifted:
                changed, name = CorruptedInputs.of(model), model.name + SHIFTED
                predict_images(atlas, changed, where="split = 'test'", name=name, progress=report)
    return models


def _kept(file: Path) -> dict[str, Any] | None:
    """What the pipeline certified of this split, or an audit measured, when it did."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else None
