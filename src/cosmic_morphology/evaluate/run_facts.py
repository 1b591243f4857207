"""What the folder of a run says of itself, read without the training room (or torch)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError

_TRAINED_ON = {"label": "curated labels", "search_word": "search words"}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as its folder describes it.

    Attributes
    ----------
    name, recipe, backbone, weights : str
        Which run it is, and what its backbone started from.
    trained_on : str
        Where its training labels came from, in words.
    classes : tuple of str
        In the order of its probabilities.
    history : dict of str to list of float
        Columns of ``history.csv``; NaN where a cell is empty.
    settings, environment, metrics, atlas : dict
        The other files.
    path : Path
        The folder.
    """

    name: str
    recipe: str
    backbone: str
    weights: str
    trained_on: str
    classes: tuple[str, ...]
    path: Path
    history: dict[str, list[float]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    atlas: dict[str, Any] = field(default_factory=dict)

    @property
    def scored_classes(self) -> tuple[str, ...]:
        """The classes that it was last scored on, else its own."""
        return tuple(self.metrics.get("test", {}).get("classes", self.classes))

    @property
    def reject_below(self) -> float:
        """Its threshold for sure answers, chosen on the val split; 0: none was chosen."""
        return float(self.metrics.get("reject_below", 0.0))


def read_facts(folder: Path) -> RunFacts:
    """Read a run's folder.

    Raises
    ------
    InputError
        It is not the folder of a run, or a file of it is damaged.
    """
    settings = _json(folder / "settings.json")
    labels = str(settings.get("labels", "label"))
    return RunFacts(
        name=str(settings.get("name", folder.name)),
        recipe=str(settings.get("recipe_name", "")),
        backbone=str(settings.get("backbone", "")),
        weights=str(settings.get("weights_id", "")),
        trained_on=_TRAINED_ON.get(labels, labels),
        classes=tuple(_json(folder / "classes.json").get("classes", ())),
        path=folder,
        history=_history(folder / "history.csv"),
        settings=settings,
        environment=_json(folder / "environment.json", needed=False),
        metrics=_json(folder / "metrics.json", needed=False),
        atlas=_json(folder / "atlas.json", needed=False),
    )


def _json(path: Path, *, needed: bool = True) -> dict[str, Any]:
    if not needed and not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"this file of the run cannot be read ({error})",
            where=str(path),
            todo="Give the folder of a finished run, such as out/runs/baseline.",
        ) from error
    return dict(found)


def _history(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0]) if rows else []
    return {name: [_number(row[name]) for row in rows] for name in names}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")
