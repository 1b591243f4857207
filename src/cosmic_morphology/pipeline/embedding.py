"""Embeddings before the search for copies, where they cost no download."""

from __future__ import annotations

from dataclasses import dataclass

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.engine import Engine
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.models.at_hand import why_not_at_hand
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.settings import LearnSettings, Settings

_EMBEDDED = "embedded by"


@dataclass(frozen=True, slots=True)
class EmbeddedFirst:
    """What :func:`embed_first` did.

    Attributes
    ----------
    column : str
        The embeddings that copies are searched by; empty: none.
    filled : int
        Images embedded now.
    without : str
        Why there are none.
    """

    column: str = ""
    filled: int = 0
    without: str = ""


def embed_first(
    atlas: Atlas, settings: Settings, *, progress: Progress | None = None
) -> EmbeddedFirst:
    """Embed the images that lack it, if torch and the weights are on this machine.

    The network is never asked. Embeddings of another backbone that are there already are used as
    they are: two of them would cost twice and find the same copies.

    Parameters
    ----------
    atlas : Atlas
        Its column of embeddings is filled.
    settings : Settings
        ``curate.embed``, ``curate.duplicates.embedding``, ``learn`` and the engine.
    progress : callable, optional
        Called with images done and images to do.
    """
    there = [name for name in atlas.columns() if name.startswith("embedding_")]
    if settings.curate.duplicates.embedding == "none":
        return EmbeddedFirst(without="the settings ask for a search without embeddings")
    if not settings.curate.embed:
        without = "" if there else "embedding first was turned off"
        return EmbeddedFirst(next(iter(there), ""), without=without)
    without = why_not_at_hand(settings.learn)
    if not without:
        from cosmic_morphology.learn.data.embed import embed_images
        from cosmic_morphology.learn.data.embedding_names import embedding_column

        if not there or embedding_column(settings.learn.backbone) in there:
            done = embed_images(
                atlas, learn=settings.learn, progress=progress, engine=Engine.of(settings)
            )
            return EmbeddedFirst(done.column, done.filled)
    return EmbeddedFirst(next(iter(there), ""), without="" if there else without)


def embed(context: Context) -> None:
    """Look at every image with the frozen backbone, if its weights are on this machine."""
    # The first stage that works on images: those before it bring them.
    context.atlas.need_images()
    with context.progress("embedding") as report:
        done = embed_first(context.atlas, context.settings, progress=report)
    context.notes[_EMBEDDED] = done.column
    context.summary.embeddings = done.column or f"none: {done.without}"


def embed_for_training(context: Context) -> None:
    """The same for the models that are to be trained: here the hub may be asked."""
    from cosmic_morphology.learn import embed_images
    from cosmic_morphology.learn.data.embedding_names import embedding_column

    for learn in _backbones_of(context.settings):
        if context.notes[_EMBEDDED] == embedding_column(learn.backbone):
            continue
        with context.progress(f"embedding by {learn.backbone}") as report:
            embed_images(
                context.atlas, learn=learn, progress=report, engine=Engine.of(context.settings)
            )


def _backbones_of(settings: Settings) -> list[LearnSettings]:
    """The backbone of the settings, and those that the recipes of the runs name."""
    from cosmic_morphology.learn.models.presets import settings_of, timm_name
    from cosmic_morphology.learn.recipes import load_recipe

    named = [name for job in settings.train for name in load_recipe(job.recipe).backbones]
    found = {timm_name(name): settings_of(settings.learn, name) for name in named}
    return [*({timm_name(settings.learn.backbone): settings.learn} | found).values()]
