"""``cosmic curate``: duplicates, votes, groups, labels; nothing is deleted."""

from __future__ import annotations

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    needs,
    open_atlas,
    progress,
    settings_for,
    show,
)

NAME = "curate"


def command(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Find copies, let the voters speak, tie groups together, weigh the votes."""
    from cosmic_morphology.curate import find_duplicates, group_pictures, label, vote
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    opened = open_atlas(settings)
    taxonomy = load_taxonomy(settings.taxonomy)
    with progress("comparing pictures") as report:
        copies = find_duplicates(opened, settings=settings.curate, progress=report)
    with progress("voting") as report:
        votes = vote(opened, taxonomy=taxonomy, settings=settings.curate, progress=report)
    groups = group_pictures(opened, settings=settings.curate)
    labels = label(opened, taxonomy=taxonomy, settings=settings.curate, seed=settings.seed)
    checked = {}
    with needs("learn"):
        from cosmic_morphology.curate import check_mislabels, check_relevance

        for check in (check_relevance, check_mislabels):
            name = check.__name__.removeprefix("check_")
            checked[name] = check(opened, taxonomy=taxonomy, settings=settings.curate)
    show(
        {"duplicates": copies, "votes": votes, "groups": groups, "labels": labels, **checked},
        as_json=as_json,
        title="curated",
    )
