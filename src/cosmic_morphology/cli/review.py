"""``cosmic review``: people's verdicts, which always win."""

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

app = typer.Typer(help="People's verdicts, which always win.", no_args_is_help=True)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="CSV: id, verdict, label, who, when, why.")],
    only_split: Annotated[
        str, typer.Option("--only-split", help="Verdicts on pictures of this split only.")
    ] = "",
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record verdicts (keep, drop, label) from a CSV; nothing is ever overwritten."""
    from cosmic_morphology.curate import import_verdicts
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    summary = import_verdicts(
        open_atlas(settings),
        path,
        only_split=only_split,
        taxonomy=load_taxonomy(settings.taxonomy),
    )
    show(summary, as_json=as_json, title="verdicts")
