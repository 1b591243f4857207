"""``cosmic train``: one run of a recipe."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    LabelsOption,
    OutOption,
    SeedOption,
    TrackOption,
    atlas_with_images,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, say, say_next
from cosmic_morphology.cli.tables import show_runs
from cosmic_morphology.extras import needs


def command(
    name: Annotated[str, typer.Argument(help="Name of the run.")] = "linear-probe",
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            help="Name of a recipe, or a TOML file.",
            autocompletion=completion.recipes,
        ),
    ] = "linear-probe",
    labels: LabelsOption = "label",
    init_from: Annotated[
        str,
        typer.Option(
            "--init-from",
            help="Name of a finished run whose weights this one starts from.",
            autocompletion=completion.runs,
        ),
    ] = "",
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            help="A preset, or any timm model.",
            autocompletion=completion.backbones,
            show_default="that of the settings",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="pretrained, random, bundled, or a safetensors file.",
            show_default="those of the settings",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(
            "--devices",
            min=1,
            help="GPUs of each machine that train together, or processes on its cores.",
            show_default="that of the settings",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            min=1,
            help="Machines that train together; start the command on each by torchrun or srun.",
            show_default="that of the settings",
        ),
    ] = None,
    track: TrackOption = False,
    out: OutOption = None,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train one run of a recipe on the train split; test images are never read."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out, seed=seed)
    given = {"backbone": backbone, "weights": weights, "devices": devices, "nodes": nodes}
    learn = settings.learn.model_copy(update={k: v for k, v in given.items() if v is not None})
    from cosmic_morphology.settings import RunJob, job_of
    from cosmic_morphology.taxonomy import load_taxonomy

    job = job_of(RunJob, name=name, recipe=recipe, label_column=labels, init_from=init_from)
    with needs("This"), progress(f"training {job.name}") as report:
        from cosmic_morphology.learn import is_first_process, list_folders, train

        run = train(
            atlas_with_images(settings),
            job,
            learn=learn,
            taxonomy=load_taxonomy(settings.taxonomy),
            seed=settings.seed,
            out=settings.out,
            progress=report,
        )
        if not is_first_process():
            return
    if track:
        with needs("This"):
            from cosmic_morphology.learn import track_run

            track_run(run.path, out=settings.out)
    if as_json:
        show(run, as_json=True)
        return
    scoring = settings.evaluate
    show_runs(list_folders([run.path], settings=scoring, seed=settings.seed, val_only=True))
    for note in run.notes:
        say(f"note: {note}")
    threshold = run.metrics.get("reject_below", 0.0)
    sure = f"; a prediction counts as sure from {threshold:.3f} on" if threshold else ""
    say(f"The run is in {run.path}{sure}. The score is too good: val chose its best epoch.")
    word = run.name if out is None else str(run.path)
    say_next(shlex.join(["cosmic", "evaluate", word]), purpose="to measure it on the test split")
