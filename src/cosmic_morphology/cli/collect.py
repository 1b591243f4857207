"""``cosmic collect``: fetch images from archives, completely and politely."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    open_atlas,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, tell
from cosmic_morphology.io_utils import jsonable

if TYPE_CHECKING:
    from cosmic_morphology.collect import CollectResult


def command(
    queries: Annotated[
        list[str] | None, typer.Argument(help="Search words.", show_default="those of the taxonomy")
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="Name of the archive, or of a plug-in.",
            autocompletion=completion.sources,
        ),
    ] = "nasa",
    root: Annotated[
        str,
        typer.Option(
            "--root", help="Address to ask instead of the archive's, such as a replica's."
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Stop after N images.")
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option("--contact", help="Your e-mail or page; archives see it in the user agent."),
    ] = None,
    retry: Annotated[
        list[str] | None,
        typer.Option("--retry", help="Try URLs of this state again (STATES); repeat for more."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            formats=["%Y-%m-%d"],
            help="Fetch only what the archive has added since this day.",
        ),
    ] = None,
    revalidate: Annotated[
        bool, typer.Option("--revalidate", help="Ask whether stored images have changed (ETag).")
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="KEY=VALUE", help="Set an option of the source; repeat for more."
        ),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch images and their records; a rerun fetches only what is missing."""
    from cosmic_morphology.collect import collect_by_settings
    from cosmic_morphology.settings import CollectJob, job_of

    settings = settings_for(config, atlas=atlas, engine=engine)
    if contact is not None:
        settings.collect.contact = contact
    job = job_of(
        CollectJob,
        type=source,
        queries=tuple(queries or ()),
        root=root,
        limit=limit,
        options=pairs("--option", option),
    )
    with progress(f"collecting from {source}") as report:
        summary = collect_by_settings(
            open_atlas(settings, create=True),
            job,
            settings,
            retry=set(retry or ()),
            since=since.date() if since else None,
            revalidate=revalidate,
            progress=report,
        )
    shown = {key: value for key, value in jsonable(summary).items() if key != "certificate"}
    show(summary if as_json else shown, as_json=as_json, title="collected")
    for line in _remarks(summary):
        tell(line)
    if not summary.complete:
        raise typer.Exit(1)


def _remarks(summary: CollectResult) -> Iterator[str]:
    """What a person must not overlook, a line each."""
    if summary.uncounted:
        yield (
            f"{summary.source} announces no count for {summary.uncounted} of "
            f"{len(summary.certificate)} slices: that nothing is missing there is not proven"
        )
    if summary.proxy:
        yield (
            f"through the proxy {summary.proxy}: hosts were checked by their names, their "
            "addresses could not be"
        )
    for each in summary.certificate:
        if each.unexplained:
            yield f"does not add up: {each.query} {each.name}: {each.unexplained} unexplained"
    not_read = sum(each.not_read for each in summary.certificate)
    if not_read:
        yield f"{not_read} records are on pages that could not be had"
    waiting = ", ".join(
        f"{summary.failed[state]} {state}"
        for state in ("failed", "pending")
        if summary.failed.get(state)
    )
    if not summary.complete:
        yield (
            f"error: the harvest is not complete ({waiting or 'see above'}). "
            "Run the same command again: it fetches only what is missing."
        )
