"""``cosmic curate``: duplicates, votes, groups, labels; nothing is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.taxonomy import Taxonomy

NAME = "curate"


def command(
    audit: Annotated[
        Path | None,
        typer.Option("--audit", help="CSV of checked labels (id, label): measure, change nothing."),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find copies, let the voters speak, tie groups together, weigh the votes."""
    from cosmic_morphology.curate import find_duplicates, group_pictures, label, vote
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    opened = open_atlas(settings)
    taxonomy = load_taxonomy(settings.taxonomy)
    if audit is not None:
        _show_audit(opened, audit, taxonomy, as_json=as_json)
        return
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


def _show_audit(atlas: Atlas, truth: Path, taxonomy: Taxonomy, *, as_json: bool) -> None:
    from cosmic_morphology.curate import audit

    table = audit(atlas, truth, taxonomy=taxonomy)
    if as_json:
        show(table, as_json=True)
        return
    typer.echo(f"against {table.n} checked labels in {table.groups} groups (95 % over groups)")
    for row in table.rows:
        typer.echo(
            f"{row.what:<24} {row.measure:<10} {row.value:.3f} "
            f"[{row.low:.3f}, {row.high:.3f}]  n={row.n}"
        )
