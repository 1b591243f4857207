"""``cosmic train``: one run of a recipe, or a sweep of many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    SeedOption,
    atlas_with_images,
    quiet_libraries,
    require_extra,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, say
from cosmic_morphology.errors import UsageError

NAME = "train"


def command(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of the run (or of the sweep).", show_default="linear-probe"),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            help="Name of a recipe, or a TOML file.",
            show_default="linear-probe",
            autocompletion=completion.recipes,
        ),
    ] = None,
    labels: Annotated[str, typer.Option("--labels", help="'label', or one voter.")] = "label",
    init_from: Annotated[str, typer.Option("--init-from", help="An earlier run.")] = "",
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            "--backbone", help="A preset, or any timm model.", autocompletion=completion.backbones
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights", help="hub, none, or a safetensors file; in a sweep also BACKBONE=FILE."
        ),
    ] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="All recipes x backbones x seeds given; finished ones stay as they are."
        ),
    ] = False,
    seeds: Annotated[str, typer.Option("--seeds", help="Of a sweep: 1,2,3.")] = "",
    track: Annotated[
        bool,
        typer.Option("--mlflow", help="Also log to MLflow: <out>/mlflow, or MLFLOW_TRACKING_URI."),
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of runs.")] = None,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on the train split; test images are never read."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out, seed=seed)
    recipes, backbones, files = recipe or [], backbone or [], weights or []
    if sweep:
        if init_from:
            raise UsageError("a sweep starts from no other run", where="--init-from")
        from cosmic_morphology.cli.sweeping import sweep as sweep_all

        with require_extra("learn"), progress("runs of the sweep") as report:
            sweep_all(
                settings,
                name=name or "sweep",
                recipes=recipes,
                backbones=backbones,
                weights=files,
                seeds=seeds,
                labels=labels,
                track=track,
                progress=report,
                as_json=as_json,
            )
        return
    if seeds or max(len(recipes), len(backbones), len(files)) > 1:
        raise UsageError("one run has one recipe, backbone and seed", todo="Add --sweep for more.")
    given = {"backbone": backbones, "weights": files}
    learn = settings.learn.model_copy(update={key: each[0] for key, each in given.items() if each})
    from cosmic_morphology.settings import RunJob, job_of
    from cosmic_morphology.taxonomy import load_taxonomy

    job = job_of(
        RunJob,
        name=name or "linear-probe",
        recipe=recipes[0] if recipes else "linear-probe",
        labels=labels,
        init_from=init_from,
    )
    with require_extra("learn"), progress(f"training {job.name}") as report:
        from cosmic_morphology.learn import train

        run = train(
            atlas_with_images(settings),
            job,
            learn=learn,
            taxonomy=load_taxonomy(settings.taxonomy),
            seed=settings.seed,
            out=settings.out,
            progress=report,
        )
    if track:
        with require_extra("track"):
            from cosmic_morphology.learn import track_run

            track_run(run.path, out=settings.out)
    if as_json:
        show(run, as_json=True)
        return
    from cosmic_morphology.cli.sweeping import print_rows, rows_of

    print_rows(rows_of([run], settings), "Trained")
    threshold = run.metrics.get("reject_below", 0.0)
    say(f"{run.path}: {run.recipe} on {run.backbone}, weights {run.weights}")
    say(f"sure from a confidence of {threshold:.3f}" if threshold else "no threshold chosen")
    for note in run.notes:
        say(f"note: {note}")
