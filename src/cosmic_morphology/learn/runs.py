"""The folder of a run: everything that is needed to use, judge and repeat it."""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from cosmic_morphology import __version__
from cosmic_morphology.errors import InputError, TrainingError, UsageError, how_to_update
from cosmic_morphology.io_utils import write_csv, write_text

# 1: first layout. Older layouts are read for ever; newer ones are refused with a clear line.
FORMAT_VERSION = 1
FINISHED = "FINISHED"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
_PACKAGES = ("torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy", "pyarrow")


@dataclass(frozen=True, slots=True)
class Run:
    """One finished execution of a recipe.

    Attributes
    ----------
    name, recipe, backbone, weights : str
        Which run this is; ``weights`` says what the backbone started from.
    path : Path
        Its folder.
    classes : tuple of str
        In the order of the scores.
    metrics : dict
        On the val split, and what training took.
    notes : tuple of str
        What a person should know, such as a class without pictures.
    """

    name: str
    recipe: str
    backbone: str
    weights: str
    path: Path
    classes: tuple[str, ...]
    metrics: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def run_folder(out: Path, name: str) -> Path:
    """Folder of the run of this name.

    Raises
    ------
    UsageError
        The name cannot be part of a column and of a path.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be the name of a run",
            todo="Use letters, digits, '-' and '_', starting with a letter or digit.",
        )
    return out / "runs" / name


def is_finished(folder: Path, key: str) -> bool:
    """Whether this very run (same recipe, settings, data, seed) is there already."""
    marker = folder / FINISHED
    return marker.is_file() and marker.read_text("utf-8").strip() == key


def begin(folder: Path, key: str) -> None:
    """Make the folder ready; what another recipe or other data left in it goes away.

    A folder that this very run left half-way is kept, so that it resumes.
    """
    noted = folder / "KEY"
    if folder.is_dir() and (not noted.is_file() or noted.read_text("utf-8").strip() != key):
        if any(folder.iterdir()) and not noted.is_file():
            raise UsageError(
                "this folder holds something that is not a run",
                where=str(folder),
                todo="Give the run another name.",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FINISHED).unlink(missing_ok=True)
    write_text(noted, key + "\n")


def finish(folder: Path, key: str) -> None:
    """Mark the run as complete, last of all; checkpoints are no longer needed."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    write_text(folder / FINISHED, key + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read JSON of a run.

    Raises
    ------
    InputError
        The file is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"this file of the run cannot be read ({error})",
            where=str(path),
            todo="Give the folder of a finished run, such as out/runs/baseline.",
        ) from error
    return found


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """One row for each epoch."""
    names = list(dict.fromkeys(name for row in history for name in row))
    write_csv(path, names, history)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine that a run was made with."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "cosmic_morphology": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(device),
        "gpu": gpu,
        "threads": torch.get_num_threads(),
        **versions,
    }


def read_run(folder: Path) -> Run:
    """What a finished run's folder says.

    Raises
    ------
    InputError
        There is no finished run here.
    TrainingError
        It was written by a newer version of this program.
    """
    if not (folder / FINISHED).is_file():
        raise InputError(
            "there is no finished run here",
            where=str(folder),
            todo="Train it (an interrupted run resumes), or give another folder.",
        )
    settings = read_json(folder / "settings.json")
    found = int(settings.get("format_version", 1))
    if found > FORMAT_VERSION:
        raise TrainingError(
            f"this run has format {found}, this program knows up to {FORMAT_VERSION}",
            where=str(folder),
            todo=how_to_update(),
        )
    metrics = read_json(folder / "metrics.json")
    return Run(
        name=str(settings.get("name", folder.name)),
        recipe=str(settings.get("recipe_name", "")),
        backbone=str(settings["backbone"]),
        weights=str(settings.get("weights_id", "")),
        path=folder,
        classes=tuple(read_json(folder / "classes.json")["classes"]),
        metrics=metrics,
        notes=tuple(metrics.get("notes", ())),
    )
