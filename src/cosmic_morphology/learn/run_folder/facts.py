"""What the folder of a run says of itself, read without the training room (or torch)."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError
from cosmic_morphology.learn.run_folder.documents import read_json, read_json_if_there
from cosmic_morphology.learn.run_folder.folder import name_of

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
        In the order of its probabilities: what it is scored on, by every command.
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
    settings = read_json(folder / "settings.json")
    labels = settings.get("labels", "label")
    return RunFacts(
        name=name_of(settings, folder),
        recipe=settings.get("recipe_name", ""),
        backbone=settings["backbone"],
        weights=settings.get("weights_id", ""),
        trained_on=_TRAINED_ON.get(labels, labels),
        classes=tuple(read_json(folder / "classes.json")["classes"]),
        path=folder,
        history=_history(folder / "history.csv"),
        settings=settings,
        environment=read_json_if_there(folder / "environment.json"),
        metrics=read_json_if_there(folder / "metrics.json"),
        atlas=read_json_if_there(folder / "atlas.json"),
    )


def _history(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            names, rows = table.fieldnames or [], list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"this file of the run cannot be read ({error})",
            where=str(path),
            todo="Take the run from where it was made, or train it again.",
        ) from error
    return {name: [_number(row[name]) for row in rows] for name in names}


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return float("nan")
