"""Cells as scores with intervals: over groups of test images, and over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import (
    Difference,
    confusion_by_group,
    group_numbers,
    percentiles,
    resamples_over_seeds,
)
from cosmic_morphology.stats.metrics import Statistic, encode
from cosmic_morphology.stats.score import GROUPED_BY
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import ALL_SEEDS, DifferenceRow, ScoreRow
from cosmic_morphology.studies.trials import TrialResult

MACRO, ACCURACY = "macro-F1", "accuracy"


@dataclass(frozen=True, slots=True, eq=False)
class PredictionsAtPoint:
    """The answers of one place on a curve.

    Attributes
    ----------
    arm, x : str, float
        Which place.
    rows : ndarray of int64, shape ``(T,)``
        Tested rows of the pool.
    said : ndarray of int64, shape ``(S, T)``
        Answers of each seed.
    seeds : tuple of int
        S of them.
    n_train, n_rendered : float
        Means over the cells.
    """

    arm: str
    x: float
    rows: np.ndarray
    said: np.ndarray
    seeds: tuple[int, ...]
    n_train: float
    n_rendered: float


def collect_points(pool: StudyDataset, cells: Sequence[TrialResult]) -> list[PredictionsAtPoint]:
    """Cells by arm and place, folds put together; the order is that of the cells."""
    at = {each: row for row, each in enumerate(pool.ids.tolist())}
    places: dict[tuple[str, float], list[TrialResult]] = {}
    for cell in cells:
        places.setdefault((cell.trial.arm, cell.trial.x), []).append(cell)
    found = []
    for (arm, x), own in places.items():
        by_seed: dict[int, dict[str, str]] = {}
        for cell in own:
            by_seed.setdefault(cell.trial.seed, {}).update(cell.said)
        common = sorted(set.intersection(*(set(said) for said in by_seed.values())))
        found.append(
            PredictionsAtPoint(
                arm,
                x,
                np.array([at[each] for each in common], np.int64),
                np.stack(
                    [encode([said[i] for i in common], pool.classes) for said in by_seed.values()]
                ),
                tuple(by_seed),
                float(np.mean([cell.n_train for cell in own])),
                float(np.mean([cell.n_rendered for cell in own])),
            )
        )
    return found


def points(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    *,
    study: str,
    resamples: int,
    more: Sequence[tuple[str, str, Statistic]] = (),
    grouped_by: str = GROUPED_BY,
) -> list[ScoreRow]:
    """Every measure of every place, over all seeds and for each seed alone."""
    measures = [*measures_of(pool.classes), *more]
    found = []
    for place in places:
        parts = [(ALL_SEEDS, place.said)]
        parts += [(str(s), place.said[n : n + 1]) for n, s in enumerate(place.seeds)]
        for seed, said in parts:
            for measure, name, statistic in measures:
                value, (low, high) = pooled(pool, place.rows, said, statistic, resamples=resamples)
                found.append(
                    ScoreRow(
                        study, place.arm, place.x, seed, measure, name, value, low, high,
                        len(place.rows), group_numbers(pool.groups[place.rows])[1],
                        round(place.n_train, 1), round(place.n_rendered, 1),
                        pool.kind_of(place.rows), grouped_by,
                    )
                )  # fmt: skip
    return found


def differences(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    reference: Callable[
        [PredictionsAtPoint, Sequence[PredictionsAtPoint]], PredictionsAtPoint | None
    ],
    *,
    study: str,
    resamples: int,
    more: Sequence[tuple[str, str, Statistic]] = (),
) -> list[DifferenceRow]:
    """Every measure of every place against that of its reference, on the same images."""
    found = []
    for place in places:
        first = reference(place, places)
        if first is None:
            continue
        for measure, name, statistic in (*measures_of(pool.classes), *more):
            one = gap(pool, first, place, statistic, resamples=resamples)
            low, high = one.interval
            found.append(
                DifferenceRow(
                    study, place.arm, place.x, first.arm, first.x, measure, name, one.value, low,
                    high, one.p_value, one.n, one.n_groups, pool.kind_of(place.rows),
                )
            )  # fmt: skip
    return found


def measures_of(classes: Sequence[str]) -> list[tuple[str, str, Statistic]]:
    """Measure, class and statistic of each row of a place."""
    return [
        (MACRO, "", metrics.macro_f1),
        (ACCURACY, "", metrics.accuracy),
        *(("F1", name, metrics.of_class(metrics.f1, at)) for at, name in enumerate(classes)),
    ]


def mean_f1_of(pool: StudyDataset, names: Sequence[str]) -> Statistic:
    """Mean F1 of some classes."""
    numbers = [pool.classes.index(name) for name in names]
    return lambda matrix: metrics.f1(matrix)[..., numbers].mean(-1)


def pooled(
    pool: StudyDataset, rows: np.ndarray, said: np.ndarray, statistic: Statistic, *, resamples: int
) -> tuple[float, tuple[float, float]]:
    """Mean of a statistic over seeds, and its 95 % interval.

    Parameters
    ----------
    rows : ndarray of int64, shape ``(T,)``
        Tested rows of the pool.
    said : ndarray of int64, shape ``(S, T)``
        Answers of each seed. Each resample draws groups and seeds: the interval holds both what
        other test images and what other training draws would have given.
    """
    k = len(pool.classes)
    return pooled_answers(
        pool.y_true[rows], said, pool.groups[rows], statistic, n_classes=k, resamples=resamples
    )


def pooled_answers(
    right: np.ndarray,
    said: np.ndarray,
    groups: np.ndarray,
    statistic: Statistic,
    *,
    n_classes: int,
    resamples: int,
) -> tuple[float, tuple[float, float]]:
    """The same for any right answers of shape ``(T,)`` and groups of them."""
    stack, n_groups = _by_group_and_seed(right, said, groups, n_classes)
    value = float(np.mean(statistic(stack.sum(0))))
    if n_groups < 2:
        return value, (0.0, 1.0)
    drawn = resamples_over_seeds(statistic, stack, n=resamples, seed=0)
    return value, percentiles(drawn, around=value)


def gap(
    pool: StudyDataset,
    first: PredictionsAtPoint,
    second: PredictionsAtPoint,
    statistic: Statistic,
    *,
    resamples: int,
) -> Difference:
    """How much better the second place is than the first, on the images that both answered.

    Seeds are paired where both have the same.
    """
    rows, one, two = np.intersect1d(first.rows, second.rows, return_indices=True)
    seeds = [seed for seed in first.seeds if seed in second.seeds]
    mine = first.said[[first.seeds.index(seed) for seed in seeds]][:, one]
    other = second.said[[second.seeds.index(seed) for seed in seeds]][:, two]
    before, n_groups = _stacked(pool, rows, mine)
    after, _ = _stacked(pool, rows, other)
    both = np.stack([before, after], axis=2)

    def gaps(matrix: np.ndarray) -> np.ndarray:
        values = statistic(matrix)
        return np.asarray(values[..., 1] - values[..., 0])

    value = float(np.mean(gaps(both.sum(0))))
    if n_groups < 2:
        return Difference.unknown(value, len(rows), n_groups)
    drawn = resamples_over_seeds(gaps, both, n=resamples, seed=0)
    return Difference.from_resamples(value, drawn, len(rows), n_groups)


def at(
    places: Sequence[PredictionsAtPoint], arm: str, x: float | None = None
) -> PredictionsAtPoint | None:
    """The place of an arm; without ``x`` its only or first one."""
    return next((p for p in places if p.arm == arm and (x is None or p.x == x)), None)


def _stacked(pool: StudyDataset, rows: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, int]:
    return _by_group_and_seed(pool.y_true[rows], said, pool.groups[rows], len(pool.classes))


def _by_group_and_seed(
    right: np.ndarray, said: np.ndarray, groups: np.ndarray, k: int
) -> tuple[np.ndarray, int]:
    """Confusion matrices of groups and seeds, float32 of shape ``(G, S, K, K + 1)``."""
    numbers, n_groups = group_numbers(groups)
    parts = [confusion_by_group(right, each, numbers, n_groups, k) for each in said]
    return np.stack(parts, axis=1), n_groups
