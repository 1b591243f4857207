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


@app.command()
def queue(
    limit: Annotated[int, typer.Option("--limit", help="So many.")] = 20,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pictures ordered by how much a verdict on them is worth."""
    from cosmic_morphology.curate import review_queue
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    items = review_queue(open_atlas(settings), taxonomy=taxonomy, limit=limit)
    if as_json:
        show({"queue": items}, as_json=True)
        return
    for each in items:
        typer.echo(f"{each.worth:6.3f}  {each.id}  {each.label or '(open)'}  {each.reason}")


@app.command()
def start(
    who: Annotated[str, typer.Option("--who", help="Your name, kept with each verdict.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many.")] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give verdicts in the terminal: each picture is opened, one key is one verdict."""
    import getpass

    from cosmic_morphology.cli.viewer import Viewer
    from cosmic_morphology.curate import review_in_terminal, review_queue
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    opened = open_atlas(settings)
    with Viewer(opened, taxonomy) as viewer:
        done = review_in_terminal(
            opened,
            review_queue(opened, taxonomy=taxonomy, limit=limit),
            taxonomy=taxonomy,
            who=who or getpass.getuser(),
            ask=typer.getchar,
            show=viewer.show,
        )
    show(done, as_json=as_json, title="reviewed")


@app.command()
def agreement(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """How far people agree on the pictures that two have judged: Cohen's kappa."""
    from cosmic_morphology.curate import agreements
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    found = agreements(open_atlas(settings), taxonomy=load_taxonomy(settings.taxonomy))
    show({"agreements": found}, as_json=as_json)
