"""``cosmic sweep``: all recipes on all backbones with all seeds, and their table."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    LARGEST_SEED,
    AtlasOption,
    ConfigOption,
    JsonOption,
    LabelsOption,
    OutOption,
    TrackOption,
    atlas_with_images,
    pairs,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, progress, say, say_next
from cosmic_morphology.cli.tables import show_runs
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import write_csv


def command(
    name: Annotated[str, typer.Argument(help="Name of the sweep, and of its table.")] = "sweep",
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            help="Name of a recipe, or a TOML file; repeat for more.",
            show_default="linear-probe",
            autocompletion=completion.recipes,
        ),
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            "--backbone",
            help="A preset, or any timm model; repeat for more.",
            autocompletion=completion.backbones,
            show_default="that of the settings",
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            help="pretrained, random, or a safetensors file, for all backbones; or BACKBONE=FILE "
            "for one, repeated for more.",
            show_default="those of the settings",
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            min=0,
            max=LARGEST_SEED,
            help="Seed for all random choices of a run; repeat for more.",
            show_default="that of the settings",
        ),
    ] = None,
    labels: LabelsOption = "label",
    track: TrackOption = False,
    out: OutOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train every recipe on every backbone with every seed; finished runs stay as they are.

    With a section sweep.space in the settings, values of recipe keys are searched instead. A run
    that fails is named, the others go on, and the exit code is 1 at the end. The table goes to
    <out>/sweeps/NAME.csv. Its scores are of the val split: the test split chooses nothing.
    """
    from cosmic_morphology.learn.recipes import load_recipe

    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out)
    for each in recipe or []:
        load_recipe(each)  # a name that is none is wrong usage, and no run that failed
    given = weights or []
    with needs("This"), progress("runs of the sweep") as report:
        from cosmic_morphology.learn import list_folders, sweep_backbones, sweep_runs
        from cosmic_morphology.taxonomy import load_taxonomy

        swept = sweep_runs(
            atlas_with_images(settings),
            recipes=recipe or ["linear-probe"],
            backbones=sweep_backbones(
                settings.learn,
                backbone or [],
                for_all=[each for each in given if "=" not in each],
                for_one=pairs("--weights", [each for each in given if "=" in each]),
            ),
            seeds=seed or [settings.seed],
            taxonomy=load_taxonomy(settings.taxonomy),
            out=settings.out,
            labels=labels,
            name=name,
            space=settings.sweep.space,
            trials=settings.sweep.trials,
            progress=report,
        )
    if track:
        with needs("This"):
            from cosmic_morphology.learn import track_run

            for run in swept.runs:
                track_run(run.path, out=settings.out)
    rows = list_folders(
        [run.path for run in swept.runs],
        settings=settings.evaluate,
        seed=settings.seed,
        val_only=True,
    )
    table = settings.out / "sweeps" / f"{name}.csv"
    shown = [row.cells() | swept.tried.get(row.run, {}) for row in rows]
    if shown:
        write_csv(table, list(dict.fromkeys(key for row in shown for key in row)), shown)
    if as_json:
        show(
            {"runs": shown, "failed": swept.failed, "table": str(table) if shown else ""},
            as_json=True,
        )
    else:
        show_runs(rows)
        if rows and swept.tried:
            best = rows[0].run
            values = ", ".join(f"{key} = {value}" for key, value in swept.tried[best].items())
            file = settings.out / "sweeps" / name / f"{best.rpartition('-s')[0]}.toml"
            say(f"Best values: {values}; as a recipe: {file}")
        for each, why in swept.failed.items():
            say(f"failed: {each}: {why}")
        best = [row.run if out is None else str(row.path) for row in rows[:1]]
        _say_end(len(rows), len(swept.failed), table, best)
    if swept.failed:
        raise typer.Exit(1)


def _say_end(trained: int, failed: int, table: Path, best: list[str]) -> None:
    say(f"Trained: {counted(trained, 'run')}; failed: {failed}.")
    if trained:
        say(f"Table: {table}. Scores of the val split, which chose each run's best epoch.")
        say_next(
            shlex.join(["cosmic", "evaluate", *best]),
            purpose="to measure the best one on the test split",
        )
