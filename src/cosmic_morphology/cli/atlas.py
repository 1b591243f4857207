"""``cosmic atlas``: query, search, info, versions, tag, verify, export, credits, and upkeep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli import atlas_rows, atlas_upkeep, completion
from cosmic_morphology.cli.atlas_rows import VersionOption
from cosmic_morphology.cli.checked import CheckedCommand
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    check_filter,
    open_atlas,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, progress, say, tell

app = typer.Typer(
    help="Query, search, verify and export the atlas; tag versions; keep it fast and small.",
    no_args_is_help=True,
)

UPKEEP = (atlas_upkeep.compact, atlas_upkeep.index, atlas_upkeep.cleanup)
for verb in (atlas_rows.query, atlas_rows.search, *UPKEEP):
    app.command(cls=CheckedCommand)(verb)


@app.command(cls=CheckedCommand)
def info(
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    version: VersionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rows, columns and who wrote them."""
    from cosmic_morphology.atlas import TABLES

    opened = open_atlas(settings_for(config, atlas=atlas), version=version)
    stages: dict[str, str] = {}
    for name in opened.columns():
        stamp = opened.provenance_of(name)
        if stamp:
            stages[name] = stamp[b"stage"].decode()
    show(
        {
            "atlas": opened.uri,
            "version": str(opened.version),
            "rows": {name: opened.count(name) for name in TABLES},
            "derived_columns": stages if as_json else _by_stage(stages),
        },
        as_json=as_json,
    )


def _by_stage(stages: dict[str, str]) -> str:
    """A line for each stage with the columns that it wrote, for people."""
    columns: dict[str, list[str]] = {}
    for column, stage in stages.items():
        columns.setdefault(stage, []).append(column)
    return "\n".join(f"by {stage}: {', '.join(names)}" for stage, names in columns.items())


@app.command(cls=CheckedCommand)
def versions(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Every commit of every table, with its tags."""
    opened = open_atlas(settings_for(config, atlas=atlas))
    commits = opened.versions()
    if as_json:
        show({"commits": commits}, as_json=True)
        return
    for each in commits:
        tags = f"  [{', '.join(each.tags)}]" if each.tags else ""
        say(f"{each.at:%Y-%m-%d %H:%M:%S}  {each.table:<9} {each.version:>5}{tags}")


@app.command(cls=CheckedCommand)
def tag(
    name: Annotated[str, typer.Argument(help="Name of the tag.")],
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pin the newest version of all tables under a name."""
    opened = open_atlas(settings_for(config, atlas=atlas))
    opened.tag(name)
    show({"tag": name, "version": str(opened.version)}, as_json=as_json)


@app.command(cls=CheckedCommand)
def verify(
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not read the bytes of the images.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check rows, hashes, schema and partners; exit code 1 when something is damaged."""
    from cosmic_morphology.atlas import verify_atlas

    settings = settings_for(config, atlas=atlas)
    with progress("hashing") as report:
        found = verify_atlas(
            settings.atlas,
            storage_options=settings.storage_options or None,
            hash_bytes=not quick,
            progress=report,
        )
    lines = [str(each) for each in found.problems]
    summary = {
        "sound": found.is_sound,
        "rows": found.rows,
        "files": found.files,
        "hashed": found.hashed,
        "problems": lines if as_json else len(lines),
        "not_checked": list(found.not_checked) if as_json else len(found.not_checked),
    }
    show(summary, as_json=as_json)
    if not as_json:
        for line in (*lines, *(f"not checked: {each}" for each in found.not_checked)):
            say(line)
    if found.is_damaged:
        raise typer.Exit(1)


@app.command(cls=CheckedCommand)
def export(
    path: Annotated[
        Path, typer.Argument(help="A new folder, or a new file ending with .csv, .parquet or .tar.")
    ],
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    version: VersionOption = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="imagefolder, csv, parquet, webdataset or hf; without it the path's ending says.",
            show_default=False,
            autocompletion=completion.formats,
        ),
    ] = "",
    original: Annotated[
        bool, typer.Option("--original", help="Write the files as fetched, not thumbnails.")
    ] = False,
    where: Annotated[
        str | None, typer.Option("--where", help="Filter in SQL that chooses the images.")
    ] = None,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence",
            min=0.0,
            max=1.0,
            help="Leave out labels with a probability below this.",
        ),
    ] = 0.0,
    redistributable: Annotated[
        bool,
        typer.Option(
            "--redistributable",
            help="Only images whose licence says that copies may be given on.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a data set for other programs: images, labels, splits, credits and a data card."""
    from cosmic_morphology.atlas import export_images, format_of_path
    from cosmic_morphology.pipeline.proof import leakage_words

    chosen = format_ or format_of_path(path)
    settings = settings_for(config, atlas=atlas)
    opened = open_atlas(settings, version=version)
    if where is not None:
        check_filter(opened, where, option="--where")
    with progress("exporting") as report:
        done = export_images(
            opened,
            path,
            format_=chosen,
            original=original,
            where=where,
            min_confidence=min_confidence,
            redistributable=redistributable,
            leakage=leakage_words(opened, settings.out),
            progress=report,
        )
    show(done, as_json=as_json, title="exported")
    for why, number in done.left_out.items():
        tell(f"left out: {counted(number, 'image')}, {why}")
    if done.not_redistributable:
        tell(
            f"{done.not_redistributable} images have no licence that says that copies may be "
            "given on; --redistributable leaves them out"
        )
    if not as_json:
        say(f"The card beside the data says what they are and how to load them: {done.card}")


@app.command(cls=CheckedCommand)
def credits(  # noqa: A001 - the verb is called so
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Who must be credited for what, and what may not be given on."""
    from cosmic_morphology.atlas import credit_ledger

    ledger = credit_ledger(open_atlas(settings_for(config, atlas=atlas)))
    if as_json:
        show({"credits": ledger}, as_json=True)
        return
    for each in ledger:
        given_on = "may be given on" if each.may_be_redistributed else "may NOT be given on"
        line = f"{each.images:>6}  {each.source}  {each.credit or '(no credit line)'}"
        say(f"{line}  {each.licence or '(no licence stated)'}  {given_on}")
