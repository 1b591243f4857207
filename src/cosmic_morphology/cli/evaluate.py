"""``cosmic evaluate``: runs ranked on the test split, with their intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AblateOption,
    AtlasOption,
    ConfigOption,
    JsonOption,
    atlas_with_images,
    check_filter,
    model_at,
    pairs,
    quiet_libraries,
    runs_and_ablated,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.extras import needs

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.evaluate import EvaluationSet


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Names of runs, or their folders, or .onnx files.", autocompletion=completion.runs
        ),
    ],
    leaderboard: Annotated[
        Path | None,
        typer.Option(
            "--leaderboard",
            help="Folder that leaderboard.csv, leaderboard-parts.csv and leaderboard.html are "
            "written into.",
        ),
    ] = None,
    subset: Annotated[
        list[str] | None,
        typer.Option(
            "--subset",
            metavar="NAME=FILTER",
            help="Rank on a part of the test split, too, chosen in SQL; repeat for more.",
        ),
    ] = None,
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions", help="Rank on grey, blurred, noisy and small test images, too."
        ),
    ] = False,
    ablate: AblateOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score and rank runs on the test split, apart for checked and for computed labels.

    Test images of collections that the train split has none of are a test of their own. An
    exported file is scored without torch; which images it was trained on is not in the file.
    """
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    places, lacking = runs_and_ablated(runs, ablate, settings, find=model_at)
    opened = atlas_with_images(settings)
    with needs("This"):
        from cosmic_morphology.cli.tables import show_ranking
        from cosmic_morphology.learn.inference.predictors import column_name
        from cosmic_morphology.pipeline.ranking import RunRanking, predict_test_split

        tests = _tests(opened, subset, corruptions=corruptions)
        models = predict_test_split(
            opened, places, settings=settings, progress=progress, corruptions=corruptions
        )
        found = RunRanking.of(opened, models, tests, settings)
        called = {place: column_name(model) for place, model in models.items()}
        components = found.ablation(
            called[places[0]], {name: called[place] for name, place in lacking.items()}
        )
        page = found.write(leaderboard, components) if leaderboard is not None else ""
        if as_json:
            show(found.tables(components) | {"leaderboard": page}, as_json=True)
        else:
            found_at = {each: model_at(each, settings) for each in runs}
            # A report is made of what a run's folder says.
            words = {called[at]: str(each) for each, at in found_at.items() if at.is_dir()}
            show_ranking(found, components, page, words)


def _tests(atlas: Atlas, given: list[str] | None, *, corruptions: bool) -> dict[str, EvaluationSet]:
    """The tests of the split, those that were asked for, and corrupted images."""
    from cosmic_morphology.evaluate import EvaluationSet, default_evaluation_sets
    from cosmic_morphology.evaluate.predictions import TEST
    from cosmic_morphology.pipeline.ranking import CORRUPTED

    tests = default_evaluation_sets(atlas)
    for name, where in pairs("--subset", given).items():
        check_filter(atlas, where, option="--subset")
        # Whatever the filter says: what was trained on is no test.
        tests[name] = EvaluationSet(f"{TEST} AND ({where})")
    if corruptions:
        tests["corrupted images"] = EvaluationSet(suffix=CORRUPTED)
    return tests
