"""``cosmic explore``: what is in the atlas, as images and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    atlas_with_images,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import console, progress


def command(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder that the page is written into.", show_default="<out>/explore"
        ),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show balance of classes and sources, sizes, samples and duplicates, on one page."""
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    opened = atlas_with_images(settings)
    from cosmic_morphology.report import explore_atlas

    with progress("explore") as report:
        summary = explore_atlas(
            opened,
            out or settings.out / "explore",
            taxonomy=load_taxonomy(settings.taxonomy),
            progress=report,
        )
    if as_json:
        show(summary, as_json=True)
        return
    screen = console()
    screen.print(summary.table())
    screen.print(f"{summary.duplicates} are copies of others; page: {summary.page}", soft_wrap=True)
