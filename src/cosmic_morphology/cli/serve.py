"""``cosmic serve``: the web page of an atlas and its runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    OutOption,
    atlas_with_images,
    settings_for,
)
from cosmic_morphology.extras import needs


def command(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port to listen on; 0: a free one.",
            show_default="8620",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to listen on.", show_default="this machine only"),
    ] = None,
    reviewer: Annotated[
        list[str] | None,
        typer.Option(
            "--reviewer",
            help="Name of a person who may give verdicts; repeat for more.",
            show_default="you",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Take no verdicts from anybody.")
    ] = False,
    atlas: AtlasOption = None,
    out: OutOption = None,
    config: ConfigOption = None,
) -> None:
    """Open the atlas and its runs in a browser: look, review, classify.

    It prints an address with a token: whoever opens it gives verdicts under that name. Everybody
    else on this machine may only look.
    """
    with needs("The web page"):
        from cosmic_morphology.curate.review.import_verdicts import user_name
        from cosmic_morphology.serve import serve

    settings = settings_for(config, atlas=atlas, out=out)
    changed = {"port": port, "host": host}
    given = {name: value for name, value in changed.items() if value is not None}
    settings = settings.model_copy(update={"serve": settings.serve.model_copy(update=given)})
    atlas_with_images(settings)
    named = settings.serve.tokens is not None
    people = reviewer or ([] if named or host else [user_name()])
    # The link holds a token, which other output would not show.
    serve(settings, people=people, read_only=read_only, tell=typer.echo)
