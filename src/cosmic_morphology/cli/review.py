"""``cosmic review``: people's verdicts, which always win."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli.checked import CheckedCommand
from cosmic_morphology.cli.common import (
    AtlasOption,
    ColumnOption,
    ConfigOption,
    IdPrefixOption,
    JsonOption,
    atlas_with_images,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import say, say_next, tell
from cosmic_morphology.cli.review_terminal import Viewer, single_keys
from cosmic_morphology.errors import CosmicError, InputError

if TYPE_CHECKING:
    from cosmic_morphology.curate import SheetReviewResult, TerminalReviewResult

app = typer.Typer(
    help="Record people's verdicts on images, which always win.", no_args_is_help=True
)


@app.command("import", cls=CheckedCommand)
def import_(
    path: Annotated[Path, typer.Argument(help="CSV: id, verdict, label, who, when, why.")],
    only_split: Annotated[
        str,
        typer.Option(
            "--only-split", help="Take only verdicts on images of this split: train, val or test."
        ),
    ] = "",
    column: ColumnOption = None,
    id_prefix: IdPrefixOption = "",
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record verdicts (keep, drop, label) from a CSV; nothing is ever overwritten."""
    from cosmic_morphology.curate import import_verdicts
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    summary = import_verdicts(
        atlas_with_images(settings),
        path,
        only_split=only_split,
        taxonomy=load_taxonomy(settings.taxonomy),
        columns=pairs("--column", column),
        id_prefix=id_prefix,
    )
    show(summary, as_json=as_json, title="verdicts")
    if summary.stored + summary.already_there == 0:
        ids = ", ".join(summary.unknown_ids)
        why = f"the atlas has none of these ids: {ids}" if ids else "there is none in the table"
        raise InputError(
            f"no verdict was taken in ({why})",
            where=str(path),
            todo="Check the ids; --id-prefix puts something before each.",
        )
    if 2 * summary.unknown > summary.read:
        raise CosmicError(
            f"the atlas has none of {summary.unknown} of {summary.read} ids, such as "
            f"{summary.unknown_ids[0]}; the other verdicts are stored",
            where=str(path),
            todo="Check the ids; --id-prefix puts something before each.",
        )


@app.command(cls=CheckedCommand)
def queue(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most N images.")] = 20,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Images ordered by how much a verdict on them is worth."""
    from cosmic_morphology.curate import review_queue
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    items = review_queue(atlas_with_images(settings), taxonomy=taxonomy, limit=limit)
    if as_json:
        show({"queue": items}, as_json=True)
        return
    for each in items:
        say(f"{each.worth:6.3f}  {each.id}  {each.label or '(open)'}  {each.reason}")


@app.command(cls=CheckedCommand)
def start(
    who: Annotated[
        str,
        typer.Option(
            "--who",
            help="Your name, which is kept with each verdict.",
            show_default="your user name",
        ),
    ] = "",
    sheets: Annotated[
        bool,
        typer.Option(
            "--sheets", help="Show up to 24 look-alikes at once: one key answers for all."
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Show at most N images, or N sheets.")
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give verdicts in the terminal: each image is opened, one key is one verdict."""
    from cosmic_morphology.curate import (
        review_in_terminal,
        review_queue,
        review_sheets,
        review_sheets_in_terminal,
    )
    from cosmic_morphology.curate.review.import_verdicts import user_name
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    opened = atlas_with_images(settings)
    who = who or user_name()
    done: TerminalReviewResult | SheetReviewResult
    with single_keys() as ask, Viewer(opened, taxonomy) as viewer:
        if sheets:
            viewer.explain_sheets()
            done = review_sheets_in_terminal(
                opened,
                review_sheets(opened, taxonomy=taxonomy, limit=limit),
                taxonomy=taxonomy,
                who=who,
                ask=ask,
                show=viewer.show_sheet,
                note=tell,
            )
        else:
            viewer.explain()
            done = review_in_terminal(
                opened,
                review_queue(opened, taxonomy=taxonomy, limit=limit),
                taxonomy=taxonomy,
                who=who,
                ask=ask,
                show=viewer.show,
                note=tell,
            )
    show(done, as_json=as_json)
    if done.given and not as_json:
        say_next("cosmic curate", purpose="to compute the labels with these verdicts")


@app.command(cls=CheckedCommand)
def agreement(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """How far people agree on the images that two people have reviewed: Cohen's kappa."""
    from cosmic_morphology.curate import agreements
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    found = agreements(atlas_with_images(settings), taxonomy=load_taxonomy(settings.taxonomy))
    show({"agreements": found}, as_json=as_json)
    if not found and not as_json:
        say("No two people have reviewed the same images.")
