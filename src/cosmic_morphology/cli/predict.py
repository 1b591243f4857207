"""``cosmic predict``: a trained run on the pictures of the atlas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    needs,
    open_atlas,
    progress,
    quiet_libraries,
    settings_for,
    show,
)

NAME = "predict"


def command(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    where: Annotated[str | None, typer.Option("--where", help="A filter in SQL.")] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write prediction and confidence columns for pictures that lack them."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    with needs("learn"), progress("predicting") as report:
        from cosmic_morphology.learn import load_run, predict_into

        done = predict_into(open_atlas(settings), load_run(run), where=where, progress=report)
    show(done, as_json=as_json, title="predicted")
