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
from cosmic_morphology.settings import LearnSettings, RunJob


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
    """Run all stages in order; what is up to date is skipped, what was killed resumes.

    Where the settings name no run, two references (a linear probe, then fine-tuning) and the
    best recipe are trained, if the weights are on this machine; `train = []` trains nothing.
    """
    quiet_libraries()
    settings = settings_for(config, atlas=atlas, out=out, seed=seed, engine=engine)
    settings.curate.embed = settings.curate.embed and not no_embed
    with needs("This"):
        if "train" not in settings.model_fields_set:
            settings.train = _default_runs(settings.learn)
        from cosmic_morphology.pipeline import run

        summary = run(settings, progress=progress, tell=tell)
    if as_json:
        show(summary, as_json=True)
    else:
        show_results(summary)
        say(f"Report: {summary.report}")
        say_next("cosmic runs")


def _default_runs(learn: LearnSettings) -> tuple[RunJob, ...]:
    from cosmic_morphology.learn.models.at_hand import why_not_at_hand
    from cosmic_morphology.pipeline.default_runs import default_runs

    without = why_not_at_hand(learn)
    if without:
        say(f"note: nothing is trained, since the settings name no run and {without}")
        return ()
    return default_runs(learn)
