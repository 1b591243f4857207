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
    from collections.abc import Iterator, Mapping

    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.curate.duplicates.sets import DuplicateSets


def command(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write one row for each image to this .csv file."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Show at most N sets in the terminal.")
    ] = 20,
    same: Annotated[
        tuple[str, str] | None,
        typer.Option("--same", help="Say that two images, by id, are copies of one."),
    ] = None,
    different: Annotated[
        tuple[str, str] | None,
        typer.Option("--different", help="Say that two images are not copies of one."),
    ] = None,
    best: Annotated[
        tuple[str, str] | None,
        typer.Option("--best", help="Say that two are copies of one, and the first is kept."),
    ] = None,
    take_back: Annotated[
        tuple[str, str] | None,
        typer.Option("--take-back", help="Take your last word on two images back."),
    ] = None,
    who: Annotated[
        str, typer.Option("--who", help="Your name.", show_default="your user name")
    ] = "",
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sets of duplicates that `cosmic curate` found, or say of two what they are.

    Nothing is compared again. What people say counts more than what was found.
    """
    said = {"same": same, "different": different, "best": best, "withdraw pair": take_back}
    given = {verdict: both for verdict, both in said.items() if both is not None}
    if given:
        opened = atlas_with_images(settings_for(config, atlas=atlas))
        _judge(opened, given, who, as_json=as_json)
        return
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


def _judge(opened: Atlas, given: Mapping[str, tuple[str, str]], who: str, *, as_json: bool) -> None:
    from cosmic_morphology.curate import judge_pair
    from cosmic_morphology.curate.review.import_verdicts import user_name

    person = who or user_name()
    stored = sum(
        judge_pair(opened, verdict, one, other, who=person)
        for verdict, (one, other) in given.items()
    )
    show({"stored": stored, "who": person}, as_json=as_json)
    if not stored and not as_json:
        say(f"There was no word of {person} on the two to take back.")
    elif not as_json:
        say_next("cosmic curate", purpose="to compute copies, groups and labels with it")


def _rows(found: DuplicateSets, limit: int) -> Iterator[tuple[str, str, str]]:
    for each in found[:limit]:
        for at, (id_, why) in enumerate(zip(each.ids[1:], each.reasons[1:], strict=True)):
            yield ("" if at else each.kept, id_, why)
