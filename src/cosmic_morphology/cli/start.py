"""``cosmic start``: from a folder of images to a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli.common import (
    ColumnOption,
    ConfigOption,
    JsonOption,
    SeedOption,
    pairs,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, say, tell
from cosmic_morphology.cli.tables import show_results
from cosmic_morphology.extras import needs

if TYPE_CHECKING:
    from cosmic_morphology.pipeline.start.start import StartResult


def command(
    folder: Annotated[
        Path, typer.Argument(help="Class folders, a folder with a CSV, or a zip of either.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for everything that it makes.",
            show_default="NAME-cosmic",
        ),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="The table that describes the images.")
    ] = None,
    column: ColumnOption = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Use the weights on this machine, else the bundled ones; ask no network.",
        ),
    ] = False,
    config: ConfigOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go from a folder of images to a report, and say what was found and what to do next."""
    quiet_libraries()
    settings = settings_for(config, seed=seed)
    with needs("This"):
        from cosmic_morphology.pipeline.start.start import start

        found = start(
            folder,
            out,
            settings=settings,
            csv=csv,
            columns=pairs("--column", column),
            offline=offline,
            progress=progress,
            tell=tell,
        )
    if as_json:
        show(found, as_json=True)
        return
    show_results(found.summary)
    _say_found(found)


def _say_found(found: StartResult) -> None:
    say("")
    say("What was found")
    for line in found.found:
        say(f"- {line}")
    say("")
    say("Next")
    for typed, purpose in found.next_commands.items():
        say(f"  {typed}")
        say(f"      {purpose}")
    say("")
    say(f"Settings: {found.settings}")
    say(f"Report: {found.report}")
