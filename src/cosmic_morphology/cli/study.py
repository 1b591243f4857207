"""``cosmic study``: what splits claim, what rendered images, clean labels and size are worth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.extras import needs


class Study(StrEnum):
    """The studies that there are."""

    leakage = "leakage"
    synthetic = "synthetic"
    label_noise = "label-noise"
    learning_curve = "learning-curve"
    realism = "realism"


def command(
    name: Annotated[Study, typer.Argument(help="Name of the study.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the results.", show_default="<out>/studies"),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a study on the embeddings of an atlas, or resume it; the atlas is only read."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    with needs("This"), progress(f"study {name.value}") as report:
        from cosmic_morphology.studies import run_study

        done = run_study(name.value, settings, out=out, progress=report)
    show(done, as_json=as_json, title=f"study {name.value}")
