"""``cosmic curate``: duplicates, votes, groups, labels; nothing is deleted."""

from __future__ import annotations

from typing import Annotated

import typer

from cosmic_morphology.cli import completion
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
from cosmic_morphology.cli.stage_tables import show_curated
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import jsonable


def command(
    zero_shot: Annotated[
        str | None,
        typer.Option(
            "--zero-shot",
            help="Let a text-image model vote, too: hf-hub:OWNER/MODEL or local-dir:FOLDER.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            help="Let a trained run vote on images that it was not trained on: its name or folder; "
            "repeat for more.",
            autocompletion=completion.runs,
            show_default=False,
        ),
    ] = None,
    no_embed: Annotated[
        bool,
        typer.Option(
            "--no-embed",
            help="Do not embed the images first, even where the weights are on this machine.",
        ),
    ] = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find duplicates, collect votes, group images that belong together, and label them."""
    from cosmic_morphology.curate import curate_images
    from cosmic_morphology.pipeline.embedding import embed_first
    from cosmic_morphology.pipeline.trained_voters import runs_that_vote
    from cosmic_morphology.report import write_curation_page
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas, engine=engine)
    if zero_shot is not None:
        settings.curate.votes.zero_shot_model = zero_shot
    if run:
        settings.curate.votes.trained_runs = tuple(run)
    settings.curate.embed = settings.curate.embed and not no_embed
    opened = atlas_with_images(settings)
    taxonomy = load_taxonomy(settings.taxonomy)
    with needs("This"):
        # Before the long work: a run that cannot vote is said at once.
        trained = runs_that_vote(opened, settings, taxonomy)
    with progress("embedding") as report:
        embedded = embed_first(opened, settings, progress=report)
    with needs("This"):
        done = curate_images(
            opened, taxonomy=taxonomy, settings=settings, progress=progress, trained=trained
        )
    page = write_curation_page(opened, settings.out / "curated.html", taxonomy=taxonomy)
    if as_json:
        counts = {
            **jsonable(done),
            "embeddings": embedded,
            "classes": page.classes,
            "page": page.page,
        }
        show(counts, as_json=True)
    else:
        show_curated(done, embedded, page)
