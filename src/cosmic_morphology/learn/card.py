"""The model card of a run: what it is, what it was made from, what it is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cosmic_morphology.learn.runs import read_json, read_run

_LIMITS = """\
- It knows pictures as archives publish them: processed, coloured, often cropped. Raw frames of a
  telescope are another thing.
- Its scores below are of the val split, which chose the best epoch and the temperature. They
  flatter it; `cosmic evaluate` measures on the test split, with intervals.
- A picture of something else gets one of the classes too, unless the model has a class for it or
  its confidence is held against the threshold below."""


def write_card(run_folder: Path) -> Path:
    """Write ``model_card.md`` into a run's folder.

    Raises
    ------
    InputError
        There is no finished run here.
    """
    run = read_run(run_folder)
    settings = read_json(run_folder / "settings.json")
    source = read_json(run_folder / "atlas.json")
    machine = read_json(run_folder / "environment.json")
    preprocessing = read_json(run_folder / "preprocessing.json")
    metrics = run.metrics
    parts = [
        f"# {run.name}",
        (
            f"Classifies pictures of the sky into {len(run.classes)} classes: "
            f"{', '.join(run.classes)}."
        ),
        "## How it was made",
        _table(
            {
                "recipe": f"{run.recipe} ({settings['recipe']['description']})",
                "backbone": run.backbone,
                "weights it started from": run.weights,
                "labels": settings["labels"],
                "data": f"{source.get('uri', '')} at version {source.get('version', '')}",
                "pictures": f"{metrics['n_train']} to learn from, {metrics['n_val']} to choose by",
                "seed": settings["seed"],
                "epochs": f"{metrics['epochs']} (the best was {metrics['best_epoch']})",
                "took": f"{metrics['seconds']:.0f} s on {machine['gpu'] or machine['device']}",
                "torch, timm": f"{machine['torch']}, {machine['timm']}",
            }
        ),
        "## What it learnt from",
        _classes_table(run.classes, metrics["n_by_class"]),
        "## Scores on the val split",
        _table(
            {
                "macro-F1": _number(metrics.get("val_macro_f1")),
                "accuracy": _number(metrics.get("val_accuracy")),
                "class-wise calibration error": _number(metrics.get("val_classwise_ece")),
                "answers are safe from a confidence of": _number(metrics["reject_below"]),
            }
        ),
        "## Input",
        (
            f"RGB, squeezed into {preprocessing['size_px']} x {preprocessing['size_px']} px "
            f"({preprocessing['interpolation']}), mean {preprocessing['mean']}, "
            f"standard deviation {preprocessing['std']}."
        ),
        "## Limits",
        "\n".join([_LIMITS, *(f"- Note of the run: {note}." for note in run.notes)]),
    ]
    path = run_folder / "model_card.md"
    path.write_text("\n\n".join(parts) + "\n", "utf-8")
    return path


def _table(rows: dict[str, Any]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _classes_table(classes: tuple[str, ...], counts: dict[str, dict[str, int]]) -> str:
    lines = [
        f"| {name} | {counts['train'].get(name, 0)} | {counts['val'].get(name, 0)} |"
        for name in classes
    ]
    return "\n".join(["| class | train | val |", "|---|---|---|", *lines])


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
