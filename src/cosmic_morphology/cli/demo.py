"""``cosmic demo``: the whole way on rendered images, on this machine alone."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    EngineOption,
    JsonOption,
    SeedOption,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress, say, tell
from cosmic_morphology.cli.tables import show_results
from cosmic_morphology.extras import needs


def command(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for everything that the demo makes.")
    ] = Path("cosmic-demo"),
    per_class: Annotated[
        int, typer.Option("--per-class", min=1, max=100_000, help="Render N images of each class.")
    ] = 80,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Use the bundled weights; do not look for pretrained ones."),
    ] = False,
    seed: SeedOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Render an archive, serve it, collect, curate, split, train, evaluate, report."""
    quiet_libraries()
    settings = settings_for(None, seed=seed, engine=engine)
    with needs("This"):
        from cosmic_morphology.engine import Engine
        from cosmic_morphology.pipeline.demo import demo

        summary = demo(
            out,
            per_class=per_class,
            seed=settings.seed,
            offline=offline,
            engine=Engine.of(settings),
            progress=progress,
            tell=tell,
        )
    if as_json:
        show(summary, as_json=True)
    else:
        show_results(summary)
        say(f"Report: {summary.report}")
        place = shlex.quote(str(out))
        say(f"In a browser: cosmic serve --atlas {place}/atlas --out {place}")
        say(f"Next: cosmic runs --out {place}")
