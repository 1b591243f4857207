"""``cosmic embed``: what a frozen backbone sees in every image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

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
from cosmic_morphology.cli.printing import progress, say, say_next
from cosmic_morphology.cli.stage_tables import say_laid_out, show_embedded
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.settings import LearnSettings, Settings

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.learn.data.layout import LayoutResult


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
    levels: Annotated[
        bool,
        typer.Option(
            "--levels",
            help="Keep what the middle stages see, too: look-alikes and learned doubt use it.",
        ),
    ] = False,
    for_phrases: Annotated[
        bool,
        typer.Option(
            "--for-phrases",
            help="Have the text-image model of the settings look at every image instead: it is "
            "found by a phrase then.",
        ),
    ] = False,
    on_map: Annotated[
        bool,
        typer.Option("--map", help="Then lay all images out by UMAP, for the map of cosmic serve."),
    ] = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Embed every image with each frozen backbone of the settings, or with the one that is named.

    Images that have an embedding keep it.
    """
    settings = settings_for(config, atlas=atlas, engine=engine)
    if for_phrases:
        _see_for_phrases(settings, as_json=as_json)
        return
    found = []
    with needs("This"):
        from cosmic_morphology.engine import Engine
        from cosmic_morphology.learn import embed_images

        images = atlas_with_images(settings)
        for learn in _asked(settings.learn, backbone, weights):
            with progress(f"embedding by {learn.backbone}") as report:
                found.append(
                    embed_images(
                        images,
                        learn=learn,
                        levels=levels,
                        progress=report,
                        engine=Engine.of(settings),
                    )
                )
    laid_out = _laid_out(images, settings.seed) if on_map else None
    first, *others = found
    if as_json:
        further = {"others": others, "map": laid_out}
        show(
            {**jsonable(first), **{name: each for name, each in further.items() if each}},
            as_json=True,
        )
    else:
        if laid_out:
            say_laid_out(laid_out)
        show_embedded(found)


def _see_for_phrases(settings: Settings, *, as_json: bool) -> None:
    from cosmic_morphology.curate.phrases_seen import see_for_phrases
    from cosmic_morphology.engine import Engine

    images = atlas_with_images(settings)
    model = settings.curate.votes.zero_shot_model
    with progress(f"looking with {model}") as report:
        done = see_for_phrases(images, model, progress=report, engine=Engine.of(settings))
    if as_json:
        show(jsonable(done), as_json=True)
        return
    seen = done.filled + done.already_there
    say(f"{seen:,} images can be found by a phrase ({done.filled:,} of them looked at now).")
    say_next('cosmic atlas search --by-phrase "a comet with a tail"')


def _laid_out(images: Atlas, seed: int) -> LayoutResult:
    from cosmic_morphology.learn.data.layout import lay_out

    with progress("laying out the map"):
        return lay_out(images, seed=seed)


def _asked(
    learn: LearnSettings, backbone: str | None, weights: str | None
) -> Iterator[LearnSettings]:
    """The settings of each backbone that is to embed, the main one first."""
    from cosmic_morphology.learn.models.presets import settings_of

    if backbone is None:
        yield learn.model_copy(update={"weights": weights} if weights else {})
        if weights is None:
            yield from (settings_of(learn, name) for name in learn.backbones)
        return
    known = settings_of(learn, backbone) if backbone in learn.backbones else learn
    yield known.model_copy(
        update={"backbone": backbone, **({"weights": weights} if weights else {})}
    )
