"""The trials of a study: their plan, how one is run, and results that survive a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cosmic_morphology.atlas import content_hash
from cosmic_morphology.curate.split.assign import folds
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress, write_text
from cosmic_morphology.stats.metrics import Statistic
from cosmic_morphology.studies.dataset import StudyDataset

# Raise it when the same images and settings give other answers.
CODE = "1"


@dataclass(frozen=True, slots=True)
class Trial:
    """What makes one cell.

    Attributes
    ----------
    arm : str
        The curve that it belongs to.
    x : float
        Its place on the curve.
    seed, fold : int
        Of its random choices, and which part is tested.
    more : mapping
        JSON-able settings that the result depends on as well.
    """

    arm: str
    x: float
    seed: int
    fold: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A finished trial.

    Attributes
    ----------
    trial : Trial
        What it was.
    said : dict of str to str
        The answer to each test image, by id.
    n_train, n_rendered : int
        Images learned from, and how many of them were rendered.
    notes : dict
        What the trial counted on the way.
    """

    trial: Trial
    said: Mapping[str, str]
    n_train: int
    n_rendered: int
    notes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrialOutput:
    """Answers of one trial: class numbers of some test rows, and what it learned from."""

    test: np.ndarray
    said: np.ndarray
    n_train: int
    n_rendered: int = 0
    notes: Mapping[str, float] = field(default_factory=dict)


def run_trials(
    pool: StudyDataset,
    trials: Sequence[Trial],
    work: Callable[[Trial], TrialOutput],
    folder: Path,
    *,
    study: str,
    progress: Progress | None = None,
) -> tuple[list[TrialResult], int]:
    """Do the trials that have no file yet; return all cells, and how many are new.

    Parameters
    ----------
    pool : StudyDataset
        The images; when they change, cells are done again.
    trials : sequence of Trial
        The grid.
    work : callable
        Does one.
    folder : Path
        Of the files.
    study : str
        Its name.
    progress : callable, optional
        Called with trials done and in all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen_by_pool = pool.key
    cells: list[TrialResult] = []
    new = 0
    for done, trial in enumerate(trials):
        file = folder / f"{content_hash(CODE, study, seen_by_pool, asdict(trial))}.json"
        if not file.is_file():
            _write(file, trial, work(trial), pool)
            new += 1
        cells.append(_read(file, trial))
        if progress:
            progress(done + 1, len(trials))
    return cells, new


def _write(file: Path, trial: Trial, worked: TrialOutput, pool: StudyDataset) -> None:
    pool.assert_real(worked.test)
    names = (*pool.classes, "")
    said = {
        str(pool.ids[row]): names[int(answer)]
        for row, answer in zip(worked.test, worked.said, strict=True)
    }
    text = json.dumps(
        {
            **asdict(trial),
            "n_train": worked.n_train,
            "n_rendered": worked.n_rendered,
            "notes": dict(worked.notes),
            "said": said,
        },
        indent=0,
    )
    write_text(file, text)


def _read(file: Path, trial: Trial) -> TrialResult:
    kept = json.loads(file.read_text("utf-8"))
    return TrialResult(trial, kept["said"], kept["n_train"], kept["n_rendered"], kept["notes"])


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The trials of a study.

    Attributes
    ----------
    trials : sequence of Trial
        In the order in which they are done.
    work : callable
        Does one.
    x : str
        What the places on the curves mean; empty: there is one place, and arms are compared.
    more : sequence of tuples
        Measures beside the usual ones: measure, of what, statistic.
    """

    trials: Sequence[Trial]
    work: Callable[[Trial], TrialOutput]
    x: str
    more: Sequence[tuple[str, str, Statistic]] = ()


def parts_of_fold(
    held: Sequence[str], labels: Sequence[str], trial: Trial, *, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the images that a fold learns from, tunes on and is tested on.

    Parameters
    ----------
    held, labels : sequence of str
        What is kept together, and the class, of each of the N images.
    trial : Trial
        Its seed draws the folds, its number says which is tested.
    k : int
        Number of folds; a ``k``-th of what is not tested is for tuning.

    Returns
    -------
    tuple of ndarray of int64
        Rows of train, val and test; together 0 to N - 1.

    Raises
    ------
    UsageError
        There are too few groups for so many folds.
    """
    fold_of = _folds(held, labels, k, trial.seed)
    own, test = np.flatnonzero(fold_of != trial.fold), np.flatnonzero(fold_of == trial.fold)
    rest = own.tolist()
    inner = _folds([held[n] for n in rest], [labels[n] for n in rest], k, trial.seed + 1)
    return own[inner != 0], own[inner == 0], test


def _folds(held: Sequence[str], labels: Sequence[str], k: int, seed: int) -> np.ndarray:
    if len(set(held)) < k:
        raise UsageError(
            f"the images stand in {len(set(held))} groups: too few for {k} folds",
            where="study",
            todo="Take more images, or set fewer folds in the section of the study.",
        )
    return folds(held, labels, k=k, seed=seed)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a study says in words.

    Attributes
    ----------
    lines : sequence of str
        Sentences, the most important first.
    """

    lines: Sequence[str]
