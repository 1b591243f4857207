"""Learning curves: what more images would be worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.settings import StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import interval_of
from cosmic_morphology.studies.scoring import PredictionsAtPoint, at, gap
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import Conclusion, Trial, TrialOutput, TrialPlan, TrialResult

X = "share of the training images"


def grid(pool: StudyDataset, study: StudySettings) -> TrialPlan:
    """The trials of this study, and how one is done."""
    recipes = {
        name: recipe_named(name, study.recipes)
        for name in study.learning_curve.recipes or (study.recipe,)
    }
    fractions = sorted(set(study.learning_curve.fractions))
    trials = [
        Trial(name, fraction, seed, more={"recipe": recipe.model_dump(mode="json")})
        for seed in study.seeds
        for name, recipe in recipes.items()
        for fraction in fractions
    ]
    val, test = pool.real("val"), pool.real("test")

    def work(trial: Trial) -> TrialOutput:
        train = some_groups(pool, pool.real("train"), trial.x, trial.seed)
        # Who has fewer images also has fewer to tune on.
        tuned = some_groups(pool, val, trial.x, trial.seed)
        task = HeadTask(train, tuned, test, pool.y_train, pool.weights)
        said = train_and_predict(
            pool, task, recipes[trial.arm], seed=trial.seed, threads=study.threads
        )
        return TrialOutput(test, said, len(train))

    return TrialPlan(trials, work, X)


def some_groups(pool: StudyDataset, rows: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """About a share of each class, in whole groups; a larger share contains the smaller ones.

    Parameters
    ----------
    pool : StudyDataset
        The images.
    rows : ndarray of int64
        To choose from.
    fraction : float
        From 0 to 1; each class keeps at least one group.
    seed : int
        Of the order of groups.
    """
    if fraction >= 1:
        return rows
    chosen: set[str] = set()
    for number in np.unique(pool.y_train[rows]):
        own = pool.groups[rows[pool.y_train[rows] == number]].astype(str)
        names, sizes = np.unique(own, return_counts=True)
        order = np.random.default_rng([seed, int(number)]).permutation(len(names))
        # A group belongs to the share that its first image falls into.
        begins = np.cumsum(sizes[order]) - sizes[order]
        wanted = begins < max(1.0, fraction * len(own))
        chosen |= set(names[order[wanted]].tolist())
    return rows[np.isin(pool.groups[rows].astype(str), sorted(chosen))]


def reference_trial(
    place: PredictionsAtPoint, places: Sequence[PredictionsAtPoint]
) -> PredictionsAtPoint | None:
    """The next smaller share of the same recipe."""
    fewer = [each for each in places if each.arm == place.arm and each.x < place.x]
    return max(fewer, key=lambda each: each.x) if fewer else None


def conclude(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    study: StudySettings,
    cells: Sequence[TrialResult],
) -> Conclusion:
    """The conclusion, computed."""
    del cells
    lines = []
    for arm in dict.fromkeys(place.arm for place in places):
        own = sorted((place for place in places if place.arm == arm), key=lambda place: place.x)
        if len(own) < 2:
            continue
        fewer, most = own[-2], own[-1]
        last = gap(pool, fewer, most, metrics.macro_f1, resamples=study.bootstrap_resamples)
        whole = gap(pool, own[0], most, metrics.macro_f1, resamples=study.bootstrap_resamples)
        lines.append(
            f"{arm}: from {fewer.n_train:.0f} to {most.n_train:.0f} training images macro-F1 "
            f"changes by {interval_of(last.value, last.interval, signed=True)}"
            + (
                ": more images would still help."
                if last.is_significant and last.value > 0
                else ", which may be chance: that more images would still help is not shown."
            )
            + f" From {own[0].n_train:.0f} to {most.n_train:.0f} it changes by "
            f"{interval_of(whole.value, whole.interval, signed=True)}."
        )
    arms = list(dict.fromkeys(place.arm for place in places))
    if len(arms) > 1:
        lines += _compared(pool, places, arms, study)
    return Conclusion(lines)


def _compared(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    arms: Sequence[str],
    study: StudySettings,
) -> list[str]:
    found = []
    for x in sorted({place.x for place in places}):
        first, second = at(places, arms[0], x), at(places, arms[1], x)
        if first and second:
            between = gap(
                pool, first, second, metrics.macro_f1, resamples=study.bootstrap_resamples
            )
            found.append(
                f"At {x:.0%} of the images {arms[1]} differs from {arms[0]} by "
                f"{interval_of(between.value, between.interval, signed=True)}."
            )
    return found
