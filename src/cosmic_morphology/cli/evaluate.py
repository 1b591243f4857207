"""``cosmic evaluate``: scores of runs on the test split, with their intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    needs,
    open_atlas,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.results import show_evaluations

NAME = "evaluate"


def command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write report/index.html here.")
    ] = None,
    studies: Annotated[
        Path | None,
        typer.Option("--studies", help="Show the studies of this folder in the report."),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score runs separately on checked and on computed labels, side by side."""
    quiet_libraries()
    settings = settings_for(config, atlas=atlas)
    opened = open_atlas(settings)
    with needs("learn"):
        from cosmic_morphology.evaluate import compare_runs, evaluate_run, write_report
        from cosmic_morphology.learn import load_run, predict_into

        results = {}
        for folder in runs:
            model = load_run(folder)
            predict_into(opened, model, where="split = 'test'")
            results[folder.name] = evaluate_run(
                opened,
                folder.name,
                classes=list(model.classes),
                settings=settings.evaluate,
                seed=settings.seed,
                run_folder=folder,
            )
        comparison = compare_runs(list(results.values()), settings=settings.evaluate)
        page = ""
        if report is not None:
            page = str(
                write_report(
                    opened,
                    out=report,
                    runs=runs,
                    certificate=_kept(settings.out / "certificate.json"),
                    audit=_kept(settings.out / "audit.json"),
                    studies=studies,
                    settings=settings.evaluate,
                    seed=settings.seed,
                )
            )
    if as_json:
        shown = {name: found.rows() for name, found in results.items()}
        show({"runs": shown, "comparison": comparison, "report": page}, as_json=True)
    else:
        show_evaluations(list(results.values()), comparison, page)


def _kept(file: Path) -> dict[str, Any] | None:
    """What the pipeline certified of this split, or an audit measured, when it did."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else None
