"""``cosmic run``: the whole way, from archives to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    EngineOption,
    JsonOption,
    OutOption,
    SeedOption,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, say, say_next, tell
from cosmic_morphology.cli.tables import show_results
from cosmic_morphology.extras import needs


def command(
    config: Annotated[Path, typer.Option("--config", help="Settings file (TOML).")],
    out: OutOption = None,
    no_embed: Annotated[
        bool,
        typer.Option(
            "--no-embed",
            help="Do not embed images for the search of duplicates; models that need it still do.",
        ),
    ] = False,
    atlas: AtlasOption = None,
    seed: SeedOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run all stages in order; what is up to date is skipped, what was killed resumes."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out, seed=seed, engine=engine)
    settings.curate.embed = settings.curate.embed and not no_embed
    with needs("This"):
        from cosmic_morphology.pipeline import run

        summary = run(settings, progress=progress, tell=tell)
    if as_json:
        show(summary, as_json=True)
    else:
        show_results(summary)
        say(f"Report: {summary.report}")
        say_next("cosmic runs")
