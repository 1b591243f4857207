"""``cosmic explore``: what is in the atlas, as pictures and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    settings_for,
    show,
)

NAME = "explore"


def command(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the page.", show_default=False)
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Class and source balance, sizes, samples and duplicates, as PNG and one page."""
    from cosmic_morphology.evaluate import explore

    settings = settings_for(config, atlas=atlas)
    summary = explore(open_atlas(settings), out or settings.out / "explore")
    show(summary, as_json=as_json, title="explored")
