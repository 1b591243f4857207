"""``cosmic embed``: what a frozen backbone sees in every image."""

from __future__ import annotations

from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    atlas_with_images,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.cli.stage_tables import show_embedded
from cosmic_morphology.extras import needs


def command(
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone", help="A preset, or any timm model.", show_default="that of the settings"
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="pretrained, random, bundled, or a safetensors file.",
            show_default="those of the settings",
        ),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Embed every image with a frozen backbone; images that have an embedding keep it."""
    settings = settings_for(config, atlas=atlas, engine=engine)
    given = {"backbone": backbone, "weights": weights}
    learn = settings.learn.model_copy(update={k: v for k, v in given.items() if v is not None})
    with needs("This"), progress("embedding") as report:
        from cosmic_morphology.engine import Engine
        from cosmic_morphology.learn import embed_images

        done = embed_images(
            atlas_with_images(settings),
            learn=learn,
            progress=report,
            engine=Engine.of(settings),
        )
    if as_json:
        show(done, as_json=True)
    else:
        show_embedded(done)
