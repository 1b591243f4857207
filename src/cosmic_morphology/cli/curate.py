"""``cosmic curate``: duplicates, votes, groups, labels; nothing is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    atlas_with_images,
    require_extra,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.cli.stage_tables import show_curated

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.curate import TrainedVoter
    from cosmic_morphology.settings import Settings
    from cosmic_morphology.taxonomy import Taxonomy

NAME = "curate"


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
    as_json: JsonOption = False,
) -> None:
    """Find duplicates, collect votes, group images that belong together, and label them."""
    from cosmic_morphology.curate import (
        ask_zero_shot,
        find_duplicates,
        group_images,
        label,
        predict_with_runs,
        vote,
    )
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    if zero_shot is not None:
        settings.curate.zero_shot_model = zero_shot
    if run:
        settings.curate.trained_runs = tuple(run)
    opened = atlas_with_images(settings)
    taxonomy = load_taxonomy(settings.taxonomy)
    with require_extra("learn"):
        # Before the long work: a run that cannot vote is said at once.
        runs = _runs(opened, settings, taxonomy)
    settings.curate.embed = settings.curate.embed and not no_embed
    shown: dict[str, Any] = {}
    with progress("embedding") as report:
        from cosmic_morphology.pipeline.embedding import embed_first

        shown["embeddings"] = embed_first(opened, settings, progress=report)
    with progress("comparing images") as report:
        copies = find_duplicates(opened, settings=settings.curate, progress=report)
    with progress("voting") as report:
        votes = vote(opened, taxonomy=taxonomy, settings=settings.curate, progress=report)
    if settings.curate.zero_shot_model:
        with progress("describing") as report:
            shown["zero_shot"] = ask_zero_shot(
                opened, taxonomy=taxonomy, settings=settings.curate, progress=report
            )
    groups = group_images(opened, settings=settings.curate)
    if runs:
        with progress("asking runs") as report:
            shown["runs"] = predict_with_runs(
                opened, runs, taxonomy=taxonomy, settings=settings.curate, progress=report
            )
    labels = label(opened, taxonomy=taxonomy, settings=settings.curate, seed=settings.seed)
    with require_extra("learn"):
        from cosmic_morphology.curate import check_mislabels, check_relevance

        for check in (check_relevance, check_mislabels):
            name = check.__name__.removeprefix("check_")
            shown[name] = check(opened, taxonomy=taxonomy, settings=settings.curate)
    from cosmic_morphology.report import write_curation_page

    found = write_curation_page(opened, settings.out / "curated.html", taxonomy=taxonomy)
    done = {"duplicates": copies, "votes": votes, "groups": groups, "labels": labels, **shown}
    if as_json:
        show({**done, "classes": found.classes, "page": found.page}, as_json=True)
        return
    show_curated(done, found)


def _runs(opened: Atlas, settings: Settings, taxonomy: Taxonomy) -> list[TrainedVoter]:
    if not settings.curate.trained_runs:
        return []
    from cosmic_morphology.pipeline.trained_voters import runs_that_vote

    return runs_that_vote(opened, settings, taxonomy)
