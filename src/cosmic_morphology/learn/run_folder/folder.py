"""The folder of a run: everything that is needed to use, evaluate and repeat it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.display import Shown
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.learn.run_folder.documents import (
    ATLAS,
    CLASSES,
    ENVIRONMENT,
    METRICS,
    NAME,
    PREPROCESSING,
    SETTINGS,
    read_document,
)
from cosmic_morphology.learn.run_folder.history import read_history
from cosmic_morphology.suggest import nearest_name, suggest_names

BEGUN, FINISHED = "KEY", "FINISHED"
CHECKPOINTS = "checkpoints"
"""What a run that is killed goes on from; gone when it is finished."""
_TRAINED_ON = {"label": "curated labels", "search_word": "search words"}
_LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True, repr=False)
class Run(Shown):
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
        What a person should know, such as a class without images.
    settings, preprocessing, environment, atlas : dict
        The other files: how it was trained, how an image becomes its input, on what machine, and
        on which version of which atlas.
    """

    name: str
    recipe: str
    backbone: str
    weights: str
    path: Path
    classes: tuple[str, ...]
    metrics: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    preprocessing: dict[str, Any] = field(default_factory=dict, repr=False)
    environment: dict[str, Any] = field(default_factory=dict, repr=False)
    atlas: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def labels(self) -> str:
        """Where its training labels came from: the column ``label``, or a voter."""
        return str(self.settings.get("labels", "label"))

    @property
    def trained_on(self) -> str:
        """The same in words."""
        return _TRAINED_ON.get(self.labels, self.labels)

    @property
    def reject_below(self) -> float:
        """Its threshold for sure answers, chosen on the val split; 0: none was chosen."""
        return float(self.metrics.get("reject_below", 0.0))

    @property
    def key(self) -> str:
        """Hash of the recipe, settings, data and seed that it was made from."""
        return _noted(self.path / FINISHED) or ""

    @property
    def history(self) -> dict[str, list[float]]:
        """Losses and scores by epoch, from ``history.csv``."""
        return read_history(self.path)


def run_folder(out: Path, name: str) -> Path:
    """Folder of the run of this name.

    Raises
    ------
    UsageError
        The name cannot be part of a column and of a path.
    """
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} cannot be the name of a run",
            todo="Use letters, digits, '-' and '_', starting with a letter or digit.",
            where=name,
        )
    return out / "runs" / name


def is_finished(folder: Path, key: str) -> bool:
    """Whether this very run (same recipe, settings, data, seed) is there already."""
    return _noted(folder / FINISHED) == key


def is_begun(folder: Path, key: str) -> bool:
    """Whether the folder was made ready for this very run."""
    return _noted(folder / BEGUN) == key


def begin(folder: Path, key: str) -> None:
    """Make the folder ready; what another recipe or other data left in it goes away.

    A folder that this very run left half-way is kept, so that it resumes.
    """
    noted = folder / BEGUN
    if folder.is_dir() and _noted(noted) != key:
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
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    write_text(folder / FINISHED, key + "\n")


def _noted(marker: Path) -> str | None:
    """What a marker says; None where there is none."""
    if not marker.is_file():
        return None
    with marker.open("rb") as file:
        return file.read(_LONGEST_NOTE).decode("utf-8", "replace").strip()


def find_run(run: Path | str, *, out: Path) -> Run:
    """The finished run of a name or of a folder, with its files checked; torch is not needed.

    Parameters
    ----------
    run : Path or str
        Its folder, or the name that it was given (then it is ``<out>/runs/<name>``). A folder of
        that very name wins.
    out : Path
        Where this project's runs are: ``out`` of the settings.

    Raises
    ------
    InputError
        There is no finished run here, or a file of it cannot be used.
    TrainingError
        It was written by a newer version of this program.

    Examples
    --------
    >>> find_run("probe", out=run.path.parent.parent).backbone
    'mobilenetv3_small_075'
    """
    given, runs = Path(run), out / "runs"
    is_name = re.fullmatch(NAME, str(run)) is not None
    places = (given, runs / given) if is_name else (given,)
    for place in places:
        if (place / FINISHED).is_file():
            return read_run(place)
    found = next((place for place in places if place.exists()), None)
    if found is not None:
        return read_run(found)
    # A mistyped path means a run beside it, or, where the folder is wrong, one of this project.
    beside = {} if is_name else {each.name: str(each) for each in finished_runs(given.parent)}
    known = beside or {each.name: each.name for each in finished_runs(runs)}
    near = nearest_name(given.name, known)
    if beside and near:
        todo = f"Did you mean {known[near]!r}?"
    elif known:
        todo = suggest_names(given.name, known)
    else:
        todo = "Give its folder, such as out/runs/linear-probe, or train it."
    raise InputError(
        f"there is no such run in {given.parent if beside else out}", where=str(run), todo=todo
    )


def finished_runs(folder: Path) -> list[Path]:
    """The folders of finished runs in a folder, by name."""
    return sorted(each.parent for each in folder.glob(f"*/{FINISHED}"))


def read_run(folder: Path) -> Run:
    """What a finished run's folder says, with every file of it checked; torch is not needed.

    Raises
    ------
    InputError
        There is no finished run here, or a file of it cannot be used.
    TrainingError
        It was written by a newer version of this program.

    Examples
    --------
    >>> read_run(run.path).name
    'probe'
    """
    if folder.is_file():
        raise _is_file(folder)
    if not (folder / FINISHED).is_file():
        raise InputError(
            "there is no finished run here",
            where=str(folder),
            todo="Train it (an interrupted run resumes), or give another folder.",
        )
    settings = read_document(folder, SETTINGS)
    metrics = read_document(folder, METRICS)
    return Run(
        name=name_of(settings, folder),
        recipe=settings.get("recipe_name", ""),
        backbone=settings["backbone"],
        weights=settings.get("weights_id", ""),
        path=folder,
        classes=tuple(read_document(folder, CLASSES)["classes"]),
        metrics=metrics,
        notes=tuple(metrics.get("notes", ())),
        settings=settings,
        preprocessing=read_document(folder, PREPROCESSING),
        environment=read_document(folder, ENVIRONMENT, optional=True),
        atlas=read_document(folder, ATLAS, optional=True),
    )


def _is_file(path: Path) -> InputError:
    if path.suffix == ".onnx":
        return InputError(
            "this is an exported file, no folder of a run",
            where=str(path),
            todo="Give the run that it was exported from; `cosmic predict` and `cosmic evaluate` "
            "take the file.",
        )
    return InputError(
        "this is a file, no folder of a run",
        where=str(path),
        todo="Give the name of a run, or its folder.",
    )


def name_of(settings: Mapping[str, Any], folder: Path) -> str:
    """The name of a run; one that does not say it is called as its folder is.

    Raises
    ------
    InputError
        The folder's name cannot be one of a run.
    """
    name = settings.get("name") or folder.resolve().name
    if not re.fullmatch(NAME, name):
        raise InputError(
            "this run does not say its name, and that of the folder cannot be one",
            where=str(folder),
            todo="Rename it: letters, digits, '-' and '_', starting with a letter or digit.",
        )
    return str(name)
