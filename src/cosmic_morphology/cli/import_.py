"""``cosmic import``: class folders, a flat folder with a CSV, or a zip of either."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ColumnOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    open_atlas,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.errors import CosmicError


def command(
    path: Annotated[Path, typer.Argument(help="Folder or zip file of images.")],
    name: Annotated[
        str,
        typer.Option(
            "--name", help="Name of this set; ids begin with it.", show_default="that of the folder"
        ),
    ] = "",
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="CSV that describes the images.",
            show_default="those in it that name most images, else the folders",
        ),
    ] = None,
    column: ColumnOption = None,
    row_filter: Annotated[
        list[str] | None,
        typer.Option(
            "--row-filter",
            metavar="COLUMN=VALUE",
            help="Take only rows of the CSV with this value, or with another (COLUMN=!VALUE); "
            "repeat for more.",
        ),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Take in files that links out of the folder lead to."),
    ] = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import images of your own; a folder's name becomes a vote for a label."""
    from cosmic_morphology.collect.import_folder import import_folder
    from cosmic_morphology.engine import Engine
    from cosmic_morphology.imaging import ImageLimits
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas, engine=engine)
    with progress(f"importing {path.name}") as report:
        summary = import_folder(
            open_atlas(settings, create=True),
            path,
            name=name or path.absolute().stem,
            csv=csv,
            columns=pairs("--column", column) or None,
            row_filter=pairs("--row-filter", row_filter) or None,
            follow_links=follow_links,
            taxonomy=load_taxonomy(settings.taxonomy),
            limits=ImageLimits(**settings.imaging.model_dump()),
            engine=Engine.of(settings),
            progress=report,
        )
    show(summary, as_json=as_json, title="imported")
    if summary.shortfall:
        raise CosmicError(
            summary.shortfall,
            where=str(path),
            todo="See what was left out above: names of columns, paths and filters.",
        )
