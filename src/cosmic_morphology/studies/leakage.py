"""What a random split by file claims, and what a split that keeps groups apart gives.

Both deal the same images into the same number of parts and test each part once. Only what is
held together differs: single files, or groups (copies, objects, series, what was derived from one
original). Images of the test split are touched by neither; the model of the train split, tested
on them, says what is true of images that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.settings import StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import group_numbers
from cosmic_morphology.stats.score import COMPUTED
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import interval_of
from cosmic_morphology.studies.scoring import PredictionsAtPoint, at, gap, pooled
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import (
    Conclusion,
    Trial,
    TrialOutput,
    TrialPlan,
    TrialResult,
    parts_of_fold,
)

RANDOM, GROUPED, UNTOUCHED = "random split by file", "groups kept apart", "untouched test split"


def grid(pool: StudyDataset, study: StudySettings) -> TrialPlan:
    """The trials of this study, and how one is done."""
    recipe = recipe_named(study.recipe, study.recipes)
    rows = np.concatenate([pool.real(side) for side in study.leakage.splits])
    # Variants of an origin that is tested have no split of their own, and are as good as seen.
    rows = rows[~np.isin(pool.groups[rows], pool.groups[pool.splits == "test"])]
    # What is assigned again is scored on the labels that it is learned with.
    rows = np.sort(rows[(pool.y_true[rows] == pool.y_train[rows]) & (pool.kinds[rows] == COMPUTED)])
    labels = [pool.classes[number] for number in pool.y_train[rows]]
    more = {"recipe": recipe.model_dump(mode="json"), **study.leakage.model_dump(mode="json")}
    parts = [(arm, fold) for arm in (RANDOM, GROUPED) for fold in range(study.leakage.folds)]
    if len(pool.real("test")):
        parts.append((UNTOUCHED, 0))
    trials = [Trial(arm, 0.0, seed, fold, more) for seed in study.seeds for arm, fold in parts]

    def work(trial: Trial) -> TrialOutput:
        if trial.arm == UNTOUCHED:
            train, val, test = pool.real("train"), pool.real("val"), pool.real("test")
        else:
            held = pool.ids[rows] if trial.arm == RANDOM else pool.groups[rows]
            places = parts_of_fold(held.tolist(), labels, trial, k=study.leakage.folds)
            train, val, test = (rows[place] for place in places)
        task = HeadTask(train, val, test, pool.y_train, pool.weights)
        said = train_and_predict(pool, task, recipe, seed=trial.seed, threads=study.threads)
        return TrialOutput(test, said, len(train))

    return TrialPlan(trials, work, "")


def reference_trial(
    place: PredictionsAtPoint, places: Sequence[PredictionsAtPoint]
) -> PredictionsAtPoint | None:
    """What a random split claims is held against what grouped parts give."""
    return at(places, GROUPED) if place.arm == RANDOM else None


def conclude(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    study: StudySettings,
    cells: Sequence[TrialResult],
) -> Conclusion:
    """The conclusion, computed."""
    del cells
    random, grouped = at(places, RANDOM), at(places, GROUPED)
    if random is None or grouped is None:
        return Conclusion([])
    n = study.bootstrap_resamples
    claims = pooled(pool, random.rows, random.said, metrics.macro_f1, resamples=n)
    gives = pooled(pool, grouped.rows, grouped.said, metrics.macro_f1, resamples=n)
    more = gap(pool, grouped, random, metrics.macro_f1, resamples=n)
    n_groups = group_numbers(pool.groups[random.rows])[1]
    lines = [
        (
            f"On {len(random.rows)} images in {n_groups} groups "
            f"({pool.kind_of(random.rows)} labels) a random split by file claims a macro-F1 of "
            f"{interval_of(*claims)}; with groups kept apart the same recipe gets "
            f"{interval_of(*gives)}."
        ),
        f"The random split claims {interval_of(more.value, more.interval, signed=True)} "
        + (
            "more than it has earned: that is the leak."
            if more.value > 0 and more.is_significant
            else "more, which may be chance: a split can part few copies of these images."
        ),
    ]
    untouched = at(places, UNTOUCHED)
    if untouched is not None:
        truth = pooled(pool, untouched.rows, untouched.said, metrics.macro_f1, resamples=n)
        lines.append(
            f"On the {len(untouched.rows)} images of the untouched test split "
            f"({pool.kind_of(untouched.rows)} labels) a model of the train split has "
            f"{interval_of(*truth)}."
        )
    return Conclusion(lines)
