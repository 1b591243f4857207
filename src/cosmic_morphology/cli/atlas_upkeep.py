"""``cosmic atlas compact``, ``index`` and ``cleanup``: an atlas stays fast and small."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, progress, say, say_next, show_table

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
]
_MB = 1_000_000


def compact(
    dry_run: DryRunOption = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge small files; no row and no version is lost.

    Safe beside readers and writers. A table with many small files is compacted by itself, too.
    """
    from cosmic_morphology.atlas.maintenance import compact_tables

    opened = open_atlas(settings_for(config, atlas=atlas))
    with progress("compacting") as report:
        done = compact_tables(opened, dry_run=dry_run, progress=report)
    rows = [(x.table, *map(_n, (x.rows, x.fragments, x.merged, x.fragments_after))) for x in done]
    headings = ("table", "rows", "files", "merged", "files after")
    _show("tables", done, headings, rows, dry_run=dry_run, as_json=as_json)
    if not as_json:
        merged = sum(x.merged for x in done)
        sentence = f"{'Would be merged' if dry_run else 'Merged'}: {counted(merged, 'file')}."
        say(sentence if merged else "No files are small enough to be merged.")
        if merged and not dry_run:
            say_next("cosmic atlas cleanup", purpose="once nobody reads the old versions any more")


def index(
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="A further column of the catalogue; repeat for more."),
    ] = None,
    dry_run: DryRunOption = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the indexes that queries use, or bring them up to date.

    Results are the same without; large atlases answer faster with them. Once they are there,
    every stage keeps those of the columns that it writes.
    """
    from cosmic_morphology.atlas.maintenance import index_columns

    opened = open_atlas(settings_for(config, atlas=atlas))
    with progress("indexing") as report:
        done = index_columns(opened, tuple(columns or ()), dry_run=dry_run, progress=report)
    rows = [(x.table, x.column, x.kind.lower(), x.done, _n(x.missing), _n(x.rows)) for x in done]
    headings = ("table", "column", "kind", "done", "added", "rows")
    _show("indexes", done, headings, rows, dry_run=dry_run, as_json=as_json)
    if not as_json:
        changed = sum(x.missing > 0 for x in done)
        verb = "would be built or brought" if dry_run else "were built or brought"
        say(f"{changed} of {len(done)} indexes {verb} up to date.")


def cleanup(
    keep_days: Annotated[
        int,
        typer.Option("--keep-days", min=1, max=36_500, help="Keep versions of the last N days."),
    ] = 14,
    dry_run: DryRunOption = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove old versions, and the files that only they need.

    The newest version and every tagged one stay, whatever their age: `cosmic atlas tag NAME` keeps
    one for good.
    """
    from cosmic_morphology.atlas.maintenance import clean_up

    opened = open_atlas(settings_for(config, atlas=atlas))
    with progress("cleaning up") as report:
        done = clean_up(
            opened, older_than=timedelta(days=keep_days), dry_run=dry_run, progress=report
        )
    rows = [
        (x.table, *map(_n, (x.versions, x.removed, x.tagged, x.files)), f"{x.bytes / _MB:.1f}")
        for x in done
    ]
    headings = ("table", "versions", "removed", "kept by tags", "files", "MB")
    _show("tables", done, headings, rows, dry_run=dry_run, as_json=as_json)
    if not as_json:
        verb = "Would be removed" if dry_run else "Removed"
        removed, size = sum(x.removed for x in done), sum(x.bytes for x in done) / _MB
        say(f"{verb}: {counted(removed, 'version')}, {size:,.1f} MB.")


def _show(
    name: str,
    done: Sequence[Any],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        show({name: list(done), "dry_run": dry_run}, as_json=True)
        return
    texts = ("table", "column", "kind", "done")
    numbers = [each for each in headings if each not in texts]
    show_table(headings, rows, wide=("column",), numbers=numbers)


def _n(number: int) -> str:
    return f"{number:,}"
