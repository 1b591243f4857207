"""The model card of a run: what it is, what it was made from, what it is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmic_morphology.io_utils import write_text
from cosmic_morphology.learn.run_folder.documents import TEST_SCORES, read_document, write_document
from cosmic_morphology.learn.run_folder.folder import Run, read_run

CARD = "model_card.md"

_LIMITS = """\
- It knows images as archives publish them: processed, coloured, often cropped. Raw frames of a
  telescope are another thing.
- The val split chose the best epoch and the temperature: its scores flatter the model. Those of
  the test split do not, and have intervals.
- An image of something else gets one of the classes too, unless the model has a class for it or
  its confidence is held against the threshold below."""


def write_card(run_folder: Path, *, scores: Sequence[str] = ()) -> Path:
    """Write ``model_card.md`` into a run's folder; what an older run does not know is left out.

    Parameters
    ----------
    run_folder : Path
        Of a finished run.
    scores : sequence of str
        Scores of the test split, each with its interval and number of images. Without them
        those that an earlier call was given are kept.

    Raises
    ------
    InputError
        There is no finished run here.
    """
    run = read_run(run_folder)
    preprocessing = run.preprocessing
    path = run_folder / CARD
    if scores:
        write_document(run_folder, TEST_SCORES, {"scores": list(scores)})
    parts = [
        f"# {run.name}",
        (
            f"Classifies images of the sky into {len(run.classes)} classes: "
            f"{', '.join(run.classes)}. Use it with `cosmic predict RUN IMAGE`."
        ),
        "## How it was made",
        _table(_making(run)),
        "## What it learned from",
        _classes_table(run.classes, run.metrics.get("n_by_class", {})),
        "## Scores on the test split",
        _test_scores(read_document(run_folder, TEST_SCORES, optional=True).get("scores", ())),
        "## Scores on the val split",
        _table(_val_scores(run)),
        "## Input",
        _input(preprocessing, run.settings.get("backbones", ())),
        "## Limits",
        "\n".join([_LIMITS, *(f"- Note of the run: {note}." for note in run.notes)]),
    ]
    write_text(path, "\n\n".join(parts) + "\n")
    return path


def _input(preprocessing: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> str:
    side, way = preprocessing["size_px"], preprocessing.get("interpolation", "bicubic")
    inside = "; ".join(
        f"{each['name']}: {_colours(each['preprocessing'])} at "
        f"{each['preprocessing']['size_px']} px"
        for each in members
    )
    return (
        f"RGB, squeezed into {side} x {side} px ({way}), {inside or _colours(preprocessing)}; "
        f"{preprocessing.get('views', 1)} turned views averaged."
    )


def _colours(preprocessing: Mapping[str, Any]) -> str:
    return f"mean {preprocessing['mean']}, standard deviation {preprocessing['std']}"


def _making(run: Run) -> dict[str, Any]:
    source, machine, metrics, settings = run.atlas, run.environment, run.metrics, run.settings
    recipe: Mapping[str, Any] = settings.get("recipe", {})
    found = {
        "recipe": f"{run.recipe} ({recipe.get('description', '')})",
        "backbone": run.backbone,
        "weights it started from": run.weights,
        "run it started from": settings.get("init_from", ""),
        "labels": settings.get("labels", ""),
        "data": f"{_place(str(source.get('uri', '')))} at version {source.get('version', '')}",
        "seed": settings.get("seed", ""),
        "images that could not be read": metrics.get("quarantined", ""),
        "torch, timm": f"{machine.get('torch', '')}, {machine.get('timm', '')}",
    }
    if "n_train" in metrics:
        n_val = metrics.get("n_val", "none")
        found["images"] = f"{metrics['n_train']} to learn from, {n_val} to choose by"
    if "epochs" in metrics:
        found["epochs"] = f"{metrics['epochs']} (the best was {metrics.get('best_epoch', '?')})"
    if "penalty" in metrics:
        found["penalty of the head"] = f"{metrics['penalty']} (chosen by the val split)"
    if "seconds" in metrics:
        on = machine.get("gpu") or machine.get("device", "")
        found["took"] = f"{metrics['seconds']:.0f} s on {on}"
    return {name: value for name, value in found.items() if value != ""}


def _place(uri: str) -> str:
    # A card is given on: where the atlas stood on this machine is nobody's business.
    return uri if "://" in uri else Path(uri).name


def _val_scores(run: Run) -> dict[str, str]:
    metrics = run.metrics
    wanted = run.settings.get("recipe", {}).get("target_precision")
    found = {
        "macro-F1": _number(metrics.get("val_macro_f1")),
        "accuracy": _number(metrics.get("val_accuracy")),
        "class-wise calibration error": _number(metrics.get("val_classwise_ece")),
        "images": str(metrics.get("n_val", "not noted")),
    }
    threshold = metrics.get("reject_below")
    if threshold:
        right = f" (of which at least {wanted:.0%} were right)" if wanted and threshold < 1 else ""
        found["answers are given from a confidence of"] = _number(threshold) + right
    return found


def _test_scores(scores: Sequence[str]) -> str:
    if not scores:
        return "Not measured yet: `cosmic model-card RUN --atlas ATLAS` measures and writes them."
    return "\n".join(f"- {score}" for score in scores)


def _table(rows: dict[str, Any]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _classes_table(classes: tuple[str, ...], counts: dict[str, dict[str, int]]) -> str:
    train, val = counts.get("train", {}), counts.get("val", {})
    lines = [f"| {name} | {train.get(name, 0)} | {val.get(name, 0)} |" for name in classes]
    return "\n".join(["| class | train | val |", "|---|---|---|", *lines])


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
