"""Search a space by what the trials before have shown; a stopped search resumes where it was."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.sweep_space import Range, Space, Values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FILE = "study.db"
_NAME = "sweep"
_FAILED = "why there is no score of trial "
# Trials at random before the others are believed, as many as Optuna's own default.
_RANDOM_TRIALS = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the space.

    Attributes
    ----------
    number : int
        From 0.
    values : dict
        What was tried, by key.
    score : float
        Of the val split; minus infinity: it could not be trained.
    why : str
        Why it could not.
    """

    number: int
    values: dict[str, Any]
    score: float
    why: str = ""


def search(
    folder: Path,
    space: Space,
    *,
    trials: int,
    seed: int,
    began_with: Mapping[str, Any],
    objective: Callable[[int, dict[str, Any]], float | str],
    progress: Progress | None = None,
) -> list[Trial]:
    """Try points of the space, after the first ten where the best ones lie (TPE, Bergstra 2011).

    Each trial is in ``study.db`` before it begins and again when it ends. One that was killed is
    made again under its number, and every choice follows from the seed and the trials before, so
    that a search that was stopped ends as one that was not.

    Parameters
    ----------
    folder : Path
        Of this search alone.
    space : dict
        From :func:`read_space`.
    trials : int
        In all, with those of the calls before.
    seed : int
        Of the choices.
    began_with : mapping
        All else that the scores depend on, as JSON: another search must not go on with them.
    objective : callable
        Called with number and values; gives the score, which is maximised, or why there is none.
    progress : callable, optional
        Called with trials done and trials in all.

    Raises
    ------
    UsageError
        The folder holds a search with another space or beginning, or another process uses it.
    InputError
        ``study.db`` is damaged.
    MissingExtraError
        Optuna is not installed.
    """
    with needs("A sweep over values and ranges"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = {key: _distribution(each) for key, each in space.items()}
    said = {key: json.dumps(each, sort_keys=True, default=str) for key, each in began_with.items()}
    said["space"] = json.dumps({key: str(each) for key, each in space.items()})
    with _alone(folder):
        study = _open(folder / FILE)
        _same_as_before(study, said, folder)
        while (trial := _next(study, known, trials, seed)) is not None:
            score = objective(trial.number, _decoded(trial.params))
            if isinstance(score, str):
                study.set_user_attr(f"{_FAILED}{trial.number}", score)
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial.number, score)
            if progress:
                progress(min(len(_ended(study)), trials), trials)
        return [_read_trial(each, study.user_attrs) for each in _ended(study)]


def _read_trial(trial: FrozenTrial, said: Mapping[str, Any]) -> Trial:
    values = _decoded(trial.params)
    if trial.value is None:
        return Trial(trial.number, values, -math.inf, str(said[f"{_FAILED}{trial.number}"]))
    return Trial(trial.number, values, trial.value)


def _next(
    study: Study, known: dict[str, BaseDistribution], trials: int, seed: int
) -> FrozenTrial | None:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    for each in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if each.params.keys() == known.keys():
            return each
        study.tell(each.number, state=TrialState.PRUNED)  # killed before it was whole
    ended = len(_ended(study))
    if ended >= trials:
        return None
    # Drawn again for each trial: what a sampler has drawn so far is lost when it is killed.
    study.sampler = TPESampler(seed=(seed + ended) % 2**32, n_startup_trials=_RANDOM_TRIALS)
    number = study.ask(known).number
    return next(each for each in study.trials if each.number == number)


def _ended(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))


def _distribution(asked: Values | Range) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(asked, Values):
        # As text, since Optuna keeps no lists.
        return CategoricalDistribution([json.dumps(each) for each in asked.all])
    if asked.whole:
        return IntDistribution(int(asked.low), int(asked.high), log=asked.log)
    return FloatDistribution(asked.low, asked.high, log=asked.log)


def _decoded(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: json.loads(value) if isinstance(value, str) else value for key, value in params.items()
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(str(folder / ".lock"), timeout=0):
            yield
    except Timeout as error:
        raise UsageError(
            "another process works on this sweep",
            where=str(folder),
            todo="Wait for it, or give this one another name.",
        ) from error


def _open(file: Path) -> Study:
    import optuna

    try:
        with closing(sqlite3.connect(file)) as opened:
            opened.execute("PRAGMA quick_check").fetchall()
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"this is no study of a sweep ({error})",
            where=str(file),
            todo="Remove it, or give the sweep another name.",
        ) from error
    # By a function, since a path may hold what means something in an address.
    storage = optuna.storages.RDBStorage(
        "sqlite://", engine_kwargs={"creator": lambda: sqlite3.connect(file)}
    )
    return optuna.create_study(
        storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True
    )


def _same_as_before(study: Study, said: Mapping[str, str], folder: Path) -> None:
    before = study.user_attrs
    other = [key for key, value in said.items() if before.get(key, value) != value]
    if other:
        raise UsageError(
            f"this sweep began with other {', '.join(other)}",
            where=str(folder),
            todo="Give this one another name.",
        )
    for key, value in said.items():
        if key not in before:
            study.set_user_attr(key, value)
