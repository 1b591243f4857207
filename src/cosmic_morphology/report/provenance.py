"""Where every number of a report comes from: versions, seeds, recipes, stages, packages."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cosmic_morphology._version import __version__
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.learn.run_folder.folder import Run

_PACKAGES = (
    "pylance",
    "pyarrow",
    "numpy",
    "pillow",
    "scikit-learn",
    "matplotlib",
    "torch",
    "torchvision",
    "timm",
    "lightning",
)

_STAMP = (b"stage", b"code", b"parameters")


@dataclass(frozen=True, slots=True)
class StageStamp:
    """Which stage wrote a column, with which parameters and which version of its code."""

    columns: tuple[str, ...]
    stage: str
    code: str
    parameters: str


def stage_stamps(atlas: Atlas) -> list[StageStamp]:
    """Stamps of all derived columns; columns that one stage wrote together are one row."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for name in atlas.columns():
        stamp = atlas.provenance_of(name)
        if b"stage" in stamp:
            stage, code, said = (stamp.get(k, b"").decode() for k in _STAMP)
            found.setdefault((stage, code, said), []).append(name)
    return [
        StageStamp(tuple(names), stage, code, _readable(parameters))
        for (stage, code, parameters), names in found.items()
    ]


def packages() -> dict[str, str]:
    """Versions of what this was computed with."""
    found = {"cosmic-morphology": __version__, "Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # extras may be absent
    return found


def run_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What a person needs to make each run again."""
    return [
        {
            "name": run.name,
            "recipe": run.recipe,
            "backbone": run.backbone,
            "weights": run.weights,
            "trained_on": run.trained_on,
            "seed": run.settings.get("seed", ""),
            "epochs": run.metrics.get("epochs", ""),
            "n_train": run.metrics.get("n_train", ""),
            "n_val": run.metrics.get("n_val", ""),
            "seconds": run.metrics.get("seconds"),
            "temperature": run.metrics.get("temperature"),
            "reject_below": run.metrics.get("reject_below"),
            "device": run.environment.get("gpu") or run.environment.get("device", ""),
            "atlas": run.atlas.get("version", ""),
            "notes": run.metrics.get("notes", []),
        }
        for run in runs
    ]


def _readable(parameters: str) -> str:
    try:
        values = json.loads(parameters or "{}")
    except ValueError:
        return parameters
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
