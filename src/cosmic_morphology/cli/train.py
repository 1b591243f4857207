"""``cosmic train``: one run of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    SeedOption,
    needs,
    open_atlas,
    progress,
    quiet_libraries,
    settings_for,
    show,
)

NAME = "train"


def command(
    name: Annotated[str, typer.Argument(help="Name of the run.")] = "baseline",
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe, or a TOML file.")] = "baseline",
    labels: Annotated[str, typer.Option("--labels", help="'label', or one voter.")] = "label",
    starts_from: Annotated[str, typer.Option("--starts-from", help="An earlier run.")] = "",
    backbone: Annotated[str | None, typer.Option("--backbone", help="Any timm model.")] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", help="hub, none, or a safetensors file.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of runs.")] = None,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on the train split; test pictures are never read."""
    from cosmic_morphology.settings import RunJob
    from cosmic_morphology.taxonomy import load_taxonomy

    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out, seed=seed)
    given = {"backbone": backbone, "weights": weights}
    learn = settings.learn.model_copy(update={k: v for k, v in given.items() if v is not None})
    job = RunJob(name=name, recipe=recipe, labels=labels, starts_from=starts_from)
    with needs("learn"), progress(f"training {name}") as report:
        from cosmic_morphology.learn import train

        run = train(
            open_atlas(settings),
            job,
            learn=learn,
            taxonomy=load_taxonomy(settings.taxonomy),
            seed=settings.seed,
            out=settings.out,
            progress=report,
        )
    show(run, as_json=as_json, title="trained")
