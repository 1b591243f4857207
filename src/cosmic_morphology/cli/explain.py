"""``cosmic explain``: who voted what on one image, and why."""

from __future__ import annotations

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
from cosmic_morphology.cli.printing import say


def command(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of an image of the atlas, such as nasa:PIA12345."),
    ],
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain the label of an image: who voted what, how strongly, and why."""
    from cosmic_morphology.curate import explain_label
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    found = explain_label(
        atlas_with_images(settings),
        id_,
        taxonomy=load_taxonomy(settings.taxonomy),
        settings=settings.curate,
    )
    if as_json:
        show(found, as_json=True)
        return
    for line in found.lines():
        say(line)
