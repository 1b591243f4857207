"""``cosmic study``: what splits claim; what images, clean labels and backbones are worth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    name_value_pairs,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, progress, say
from cosmic_morphology.extras import needs


class Study(StrEnum):
    """The studies that there are."""

    leakage = "leakage"
    synthetic = "synthetic"
    label_noise = "label-noise"
    learning_curve = "learning-curve"
    realism = "realism"
    backbones = "backbones"


def command(
    name: Annotated[Study, typer.Argument(help="Name of the study.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the results.", show_default="<out>/studies"),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            "--weights",
            help="BACKBONE=FILE: weights that are compared, too, by the study of backbones; repeat "
            "for more.",
            show_default="those of the model hub's cache",
        ),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a study on an atlas, or resume it; the atlas is only read.

    The study of backbones takes every backbone whose weights are on this machine, fetches none,
    and says which presets are missing and how to get them. The others take the embeddings of the
    atlas.
    """
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    with needs("This"), progress(f"study {name.value}") as report:
        from cosmic_morphology.studies import run_study

        done = run_study(
            name.value,
            settings,
            out=out,
            weights=name_value_pairs("--weights", weights),
            progress=report,
        )
    if as_json:
        show(done, as_json=True)
        return
    for line in done.conclusion:
        say(line)
    say(f"{counted(done.cells, 'model')}, {done.new_cells:,} trained now. Table: {done.csv}")
    say(f"Page: {done.page}")
