"""``cosmic collect``: fetch pictures from archives, completely and politely."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    pairs,
    plain,
    progress,
    settings_for,
    show,
)

NAME = "collect"


def command(
    queries: Annotated[
        list[str] | None, typer.Argument(help="Search words; none: those of the taxonomy.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="The archive.")] = "nasa",
    root: Annotated[str, typer.Option("--root", help="Another address: a replica's.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="For the user agent.")] = None,
    retry: Annotated[
        list[str] | None, typer.Option("--retry", help="Try URLs of this state again.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--since", formats=["%Y-%m-%d"], help="Only what is newer."),
    ] = None,
    revisit: Annotated[
        bool, typer.Option("--revisit", help="Ask about stored pictures again (ETag).")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="For the source: name=value.")
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch pictures and their records; a rerun fetches only what is missing."""
    from cosmic_morphology.collect import collect
    from cosmic_morphology.imaging import ImageLimits
    from cosmic_morphology.settings import CollectJob
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    if contact is not None:
        settings.collect.contact = contact
    job = CollectJob(
        source=source,
        queries=tuple(queries or ()),
        root=root,
        limit=limit,
        options=pairs("--option", option),
    )
    with progress(f"collecting from {source}") as report:
        summary = collect(
            open_atlas(settings, create=True),
            job,
            settings.collect,
            load_taxonomy(settings.taxonomy),
            limits=ImageLimits(**settings.imaging.model_dump()),
            retry=set(retry or ()),
            since=since.date() if since else None,
            revisit=revisit,
            progress=report,
        )
    if as_json:
        show(summary, as_json=True)
        return
    wrong = [each for each in summary.certificate if each.unexplained]
    shown = {key: value for key, value in plain(summary).items() if key != "certificate"}
    show(shown, as_json=False, title="collected")
    for each in wrong:
        typer.echo(f"does not add up: {each.query} {each.name}: {each.unexplained} missing")
