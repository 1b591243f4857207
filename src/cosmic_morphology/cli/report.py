"""``cosmic report``: one page with everything that is known of some runs and their data."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AblateOption,
    AtlasOption,
    ConfigOption,
    JsonOption,
    RunsArgument,
    atlas_with_images,
    quiet_libraries,
    runs_and_ablated,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, progress, say, say_next
from cosmic_morphology.extras import needs


def command(
    runs: RunsArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder that report/index.html is written into.",
            show_default="that of the settings",
        ),
    ] = None,
    ablate: AblateOption = None,
    studies: Annotated[
        Path | None,
        typer.Option("--studies", help="Folder of studies to show in the report, too."),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one page with scores, mistakes, labels, duplicates and the leakage report.

    Runs that have not predicted the test split yet do so first; predictions that are in the atlas
    already are used as they are. The page opens from disk, without a network.
    """
    quiet_libraries()
    if studies is not None:
        from cosmic_morphology.report.studies_section import check_studies

        check_studies(studies)
    settings = settings_for(config, atlas=atlas)
    folders, lacking = runs_and_ablated(runs, ablate, settings)
    opened = atlas_with_images(settings)
    with needs("This"):
        from cosmic_morphology.pipeline.report_runs import report_runs

        page = report_runs(
            opened,
            folders,
            settings=settings,
            out=out or settings.out,
            ablated=lacking,
            studies=studies,
            progress=progress,
        )
    if as_json:
        show({"report": str(page), "runs": [str(each) for each in folders]}, as_json=True)
        return
    say(f"The report shows {counted(len(folders), 'run')}. Open it in a browser: {page}")
    say_next(shlex.join(["cosmic", "model-card", str(runs[0])]), purpose="for one run's model card")
