"""``cosmic duplicates``: which images are copies of which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    atlas_with_images,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, say, say_next, show_table
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosmic_morphology.curate.duplicates.sets import DuplicateSets


def command(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write one row for each image to this .csv file."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Show at most N sets in the terminal.")
    ] = 20,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sets of duplicates that `cosmic curate` found; nothing is compared again."""
    if out is not None and out.suffix.lower() != ".csv":
        raise UsageError(
            "the file has to end in .csv",
            where=str(out),
            todo="Name it so, such as duplicates.csv.",
        )
    opened = atlas_with_images(settings_for(config, atlas=atlas))
    from cosmic_morphology.curate.duplicates.sets import duplicate_sets

    found = duplicate_sets(opened)
    if out is not None:
        found.write(out)
    if as_json:
        show(
            {
                "sets": list(found),
                "copies": found.copies,
                "out": "" if out is None else str(out),
            },
            as_json=True,
        )
        return
    if found:
        headings = ("kept", "copy", "why")
        show_table(headings, _rows(found, limit), wide=headings, whole=True)
    if len(found) > limit:
        say(f"Not shown: {counted(len(found) - limit, 'set')}; --limit shows more.")
    copies = counted(found.copies, "copy", "copies")
    say(f"{counted(len(found), 'set')} with {copies}; a split keeps each set together.")
    if out is not None:
        say(f"Written: {out}")
    elif found:
        say_next("cosmic duplicates --out duplicates.csv")


def _rows(found: DuplicateSets, limit: int) -> Iterator[tuple[str, str, str]]:
    for each in found[:limit]:
        for at, (id_, why) in enumerate(zip(each.ids[1:], each.reasons[1:], strict=True)):
            yield ("" if at else each.kept, id_, why)
