"""``cosmic study``: what splits claim, what rendered images, clean labels and size are worth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import JsonOption, quiet_libraries, require_extra, show
from cosmic_morphology.cli.printing import progress

NAME = "study"


class Study(StrEnum):
    """The studies that there are."""

    leak = "leak"
    synthetic = "synthetic"
    noise = "noise"
    size = "size"
    realism = "realism"


def command(
    name: Annotated[Study, typer.Argument(help="Which study.")],
    config: Annotated[Path, typer.Option("--config", help="The study file (TOML).")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the results.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a study on embeddings of an atlas, or go on with it; the atlas is only read."""
    quiet_libraries()
    with require_extra("learn"), progress(f"study {name.value}") as report:
        from cosmic_morphology.studies import load_study, run_study

        done = run_study(name.value, load_study(config, out=out), progress=report)
    show(done, as_json=as_json, title=f"study {name.value}")
