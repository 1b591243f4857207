"""Recipes x backbones x seeds from the command line, and their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cosmic_morphology.cli.common import atlas_with_images, pairs, require_extra, show
from cosmic_morphology.cli.printing import console, say
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import csv_rows, write_csv

if TYPE_CHECKING:
    from cosmic_morphology.learn import Run
    from cosmic_morphology.settings import LearnSettings, Settings

_HEADINGS = ("run", "val macro-F1 [95 %]", "accuracy", "class-wise ECE", "n", "groups", "s")


def sweep(
    settings: Settings,
    *,
    name: str,
    recipes: Sequence[str],
    backbones: Sequence[str],
    weights: Sequence[str],
    seeds: str,
    labels: str,
    track: bool,
    progress: Callable[[int, int], None],
    as_json: bool,
) -> None:
    """Train all combinations, write ``<out>/sweeps/<name>.csv`` and print it, the best first.

    Raises
    ------
    typer.Exit
        With 1 when a run failed; the others are there, and the same command tries it again.
    """
    from cosmic_morphology.learn import sweep_runs, track_run
    from cosmic_morphology.taxonomy import load_taxonomy

    swept = sweep_runs(
        atlas_with_images(settings),
        recipes=recipes or ["baseline"],
        backbones=_backbones(settings.learn, backbones, weights),
        seeds=_numbers(seeds) or [settings.seed],
        taxonomy=load_taxonomy(settings.taxonomy),
        out=settings.out,
        labels=labels,
        name=name,
        space=settings.sweep.space,
        trials=settings.sweep.trials,
        progress=progress,
    )
    if track:
        with require_extra("track"):
            for run in swept.runs:
                track_run(run.path, out=settings.out)
    rows = [row | swept.tried.get(row["run"], {}) for row in rows_of(swept.runs, settings)]
    file = settings.out / "sweeps" / f"{name}.csv"
    _write(rows, file)
    if as_json:
        show({"runs": rows, "failed": swept.failed, "table": str(file)}, as_json=True)
    else:
        print_rows(rows, "Sweep")
        if swept.tried and rows:
            best = rows[0]["run"]
            values = ", ".join(f"{key} = {value}" for key, value in swept.tried[best].items())
            recipe = settings.out / "sweeps" / name / f"{best.rpartition('-s')[0]}.toml"
            say(f"best: {values}; its recipe: {recipe}")
        if rows:
            say(f"{file}; `cosmic evaluate` measures on the test split")
        for each, why in swept.failed.items():
            say(f"failed: {each}: {why}")
    if swept.failed:
        raise typer.Exit(1)


def rows_of(runs: Sequence[Run], settings: Settings) -> list[dict[str, Any]]:
    """What a table says of each run: scores of the val split, with their intervals."""
    return [_row(run, settings) for run in runs]


def print_rows(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print the table."""
    from rich.table import Table

    if not rows:
        return
    table = Table(title=f"{title}: scores of the val split, which chose the best epoch")
    for heading in _HEADINGS:
        # A name that is cut short cannot be typed again.
        table.add_column(heading, no_wrap=heading == "run")
    for row in rows:
        table.add_row(*_cells(row))
    console().print(table)


def _backbones(
    learn: LearnSettings, names: Sequence[str], weights: Sequence[str]
) -> list[LearnSettings]:
    named = pairs("--weights", [each for each in weights if "=" in each])
    others = [each for each in weights if "=" not in each]
    unknown = set(named) - set(names)
    if len(others) > 1 or unknown:
        raise UsageError(
            "--weights is given once for all backbones, or as BACKBONE=FILE",
            where=", ".join(sorted(unknown) or others),
        )
    common = others[0] if others else learn.weights
    return [
        learn.model_copy(update={"backbone": name, "weights": named.get(name, common)})
        for name in names or [learn.backbone]
    ]


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(each) for each in seeds.split(",") if each.strip()]
    except ValueError as error:
        raise UsageError("--seeds takes whole numbers, such as 1,2,3", where=seeds) from error


def _row(run: Run, settings: Settings) -> dict[str, Any]:
    from cosmic_morphology.learn.run_folder.documents import read_json

    interval, n_groups = _interval(run, settings)
    metrics = run.metrics
    return {
        "run": run.name,
        "recipe": run.recipe,
        "backbone": run.backbone,
        "weights": run.weights,
        "seed": read_json(run.path / "settings.json")["seed"],
        "val_macro_f1": metrics.get("val_macro_f1"),
        "low": interval[0],
        "high": interval[1],
        "val_accuracy": metrics.get("val_accuracy"),
        "val_classwise_ece": metrics.get("val_classwise_ece"),
        "n_train": metrics["n_train"],
        "n_val": metrics["n_val"],
        "groups": n_groups,
        "epochs": metrics.get("epochs"),
        "seconds": metrics["seconds"],
    }


def _interval(run: Run, settings: Settings) -> tuple[tuple[float | None, float | None], int | None]:
    """The 95 % interval of the macro-F1 on the val split, over groups."""
    import numpy as np

    from cosmic_morphology.stats.bootstrap import bootstrap_interval
    from cosmic_morphology.stats.metrics import macro_f1

    file = run.path / "val.csv"
    if not file.is_file():
        return (None, None), None  # a run of an older version
    with file.open(newline="", encoding="utf-8") as opened:
        rows = csv_rows(opened)
    if not rows:
        return (None, None), 0
    said = np.array([[float(row[f"p_{name}"]) for name in run.classes] for row in rows])
    groups = [row["group"] for row in rows]
    found = bootstrap_interval(
        macro_f1,
        np.array([run.classes.index(row["label"]) for row in rows]),
        said.argmax(1),
        groups,
        n=settings.evaluate.bootstrap,
        seed=settings.seed,
        n_classes=len(run.classes),
    )
    return found, len(set(groups))


def _write(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    if not rows:
        return
    write_csv(file, list(rows[0]), rows)


def _cells(row: Mapping[str, Any]) -> list[str]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    interval = "" if row["low"] is None else f" [{number(row['low'])}, {number(row['high'])}]"
    return [
        row["run"],
        number(row["val_macro_f1"]) + interval,
        number(row["val_accuracy"]),
        number(row["val_classwise_ece"]),
        str(row["n_val"]),
        "" if row["groups"] is None else str(row["groups"]),
        f"{row['seconds']:.0f}",
    ]
