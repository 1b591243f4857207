"""``cosmic import``: class folders, a flat folder with a CSV, or a zip of either."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.errors import CosmicError

NAME = "import"


def command(
    path: Annotated[Path, typer.Argument(help="A folder or a zip file of images.")],
    name: Annotated[str, typer.Option("--name", help="Name of this set.")] = "",
    csv: Annotated[
        Path | None, typer.Option("--csv", help="The table that describes the images.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="Our name for a CSV column: title=Headline."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Rows of the CSV: source=apod, or source=!apod."),
    ] = None,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Take in what links out of the folder lead to.")
    ] = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring in images of your own; a folder's label becomes a vote, not the truth."""
    from cosmic_morphology.collect.import_folder import import_folder
    from cosmic_morphology.imaging import ImageLimits
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    with progress(f"importing {path.name}") as report:
        summary = import_folder(
            open_atlas(settings, create=True),
            path,
            name=name or path.absolute().stem,
            csv=csv,
            columns=pairs("--column", column) or None,
            only=pairs("--only", only) or None,
            follow_links=follow_links,
            taxonomy=load_taxonomy(settings.taxonomy),
            limits=ImageLimits(**settings.imaging.model_dump()),
            progress=report,
        )
    show(summary, as_json=as_json, title="imported")
    if summary.shortfall:
        raise CosmicError(summary.shortfall, where=str(path))
