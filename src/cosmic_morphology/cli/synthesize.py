"""``cosmic synthesize``: rendered images of every class."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    SeedOption,
    open_atlas,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.errors import UsageError


class Origin(StrEnum):
    """Where a part of a composite comes from."""

    rendered = "rendered"
    real = "real"


def command(
    per_class: Annotated[
        int, typer.Option("--per-class", min=1, max=100_000, help="Render N images of each class.")
    ] = 50,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Render only this class; repeat for more.",
            autocompletion=completion.classes,
        ),
    ] = None,
    size_px: Annotated[
        int, typer.Option("--size-px", min=32, max=2048, help="Side of an image in pixels.")
    ] = 256,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--archive",
            help="Folder for an archive that a replica serves; the atlas stays as it is.",
        ),
    ] = None,
    background: Annotated[
        Origin | None,
        typer.Option(
            "--background", help="Compose: put objects on these skies, rendered or real ones."
        ),
    ] = None,
    foreground: Annotated[
        Origin,
        typer.Option("--foreground", help="With --background: use rendered or real objects."),
    ] = Origin.rendered,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render sky images into the atlas; they never enter a test split."""
    from cosmic_morphology.synthesize import RENDERED_CLASSES

    settings = settings_for(config, atlas=atlas, seed=seed, engine=engine)
    # There is nothing to cut out of junk.
    default = [kind for kind in RENDERED_CLASSES if background is None or kind != "irrelevant"]
    counts = dict.fromkeys(kinds or default, per_class)
    if folder is not None and background is not None:
        raise UsageError(
            "an archive holds no composites", where="--archive", todo="Leave out --background."
        )
    if folder is not None:
        from cosmic_morphology.synthesize.archive import write_archive

        show(write_archive(folder, counts, seed=settings.seed, size_px=size_px), as_json=as_json)
        return
    if background is not None:
        from cosmic_morphology.synthesize.composites_to_atlas import composite_into

        with progress("composing") as report:
            composed = composite_into(
                open_atlas(settings, create=True),
                counts,
                seed=settings.seed,
                targets=foreground.value,
                onto=background.value,
                size_px=size_px,
                progress=report,
            )
        show(composed, as_json=as_json, title="composed")
        return
    from cosmic_morphology.engine import Engine
    from cosmic_morphology.synthesize.to_atlas import synthesize_into

    with progress("rendering") as report:
        done = synthesize_into(
            open_atlas(settings, create=True),
            counts,
            seed=settings.seed,
            size_px=size_px,
            progress=report,
            engine=Engine.of(settings),
        )
    show(done, as_json=as_json, title="rendered")
