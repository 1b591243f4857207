"""What a random split by file claims, and what a split that keeps groups apart gives.

Both deal the same pictures into the same number of parts and test each part once. Only what is
held together differs: single files, or groups (copies, objects, series, what was derived from one
original). Pictures of the test split are touched by neither; the model of the train split, tested
on them, says what is true of pictures that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.curate.split.assign import folds
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import group_numbers
from cosmic_morphology.stats.score import COMPUTED
from cosmic_morphology.studies.dataset import Pool
from cosmic_morphology.studies.results import interval_of
from cosmic_morphology.studies.scoring import Answered, at, gap, pooled
from cosmic_morphology.studies.settings import StudySettings
from cosmic_morphology.studies.train_head import Lesson, learn, recipe_named
from cosmic_morphology.studies.trials import Cell, Grid, Told, Trial, Worked

RANDOM, GROUPED, UNTOUCHED = "random split by file", "groups kept apart", "untouched test split"


def grid(pool: Pool, study: StudySettings) -> Grid:
    """The trials of this study, and how one is done."""
    recipe = recipe_named(study.recipe, study.recipes)
    rows = np.concatenate([pool.real(side) for side in study.leak.sides])
    # Variants of an origin that is tested have no split of their own, and are as good as seen.
    rows = rows[~np.isin(pool.groups[rows], pool.groups[pool.sides == "test"])]
    # What is dealt anew is scored on the labels that it is learnt with.
    rows = np.sort(rows[(pool.right[rows] == pool.taught[rows]) & (pool.kinds[rows] == COMPUTED)])
    labels = [pool.classes[number] for number in pool.taught[rows]]
    more = {"recipe": recipe.model_dump(mode="json"), **study.leak.model_dump(mode="json")}
    parts = [(arm, fold) for arm in (RANDOM, GROUPED) for fold in range(study.leak.folds)]
    if len(pool.real("test")):
        parts.append((UNTOUCHED, 0))
    trials = [Trial(arm, 0.0, seed, fold, more) for seed in study.seeds for arm, fold in parts]

    def work(trial: Trial) -> Worked:
        if trial.arm == UNTOUCHED:
            train, val, test = pool.real("train"), pool.real("val"), pool.real("test")
        else:
            held = pool.ids[rows] if trial.arm == RANDOM else pool.groups[rows]
            dealt = folds(held.tolist(), labels, k=study.leak.folds, seed=trial.seed)
            own, test = rows[dealt != trial.fold], rows[dealt == trial.fold]
            inner = folds(
                held[dealt != trial.fold].tolist(),
                [label for label, part in zip(labels, dealt, strict=True) if part != trial.fold],
                k=study.leak.folds,
                seed=trial.seed + 1,
            )
            train, val = own[inner != 0], own[inner == 0]
        lesson = Lesson(train, val, test, pool.taught, pool.weights)
        said = learn(pool, lesson, recipe, seed=trial.seed, threads=study.threads)
        return Worked(test, said, len(train))

    return Grid(trials, work, "")


def reference(place: Answered, places: Sequence[Answered]) -> Answered | None:
    """What a random split claims is held against what grouped parts give."""
    return at(places, GROUPED) if place.arm == RANDOM else None


def tell(
    pool: Pool, places: Sequence[Answered], study: StudySettings, cells: Sequence[Cell]
) -> Told:
    """The conclusion, computed."""
    del cells
    random, grouped = at(places, RANDOM), at(places, GROUPED)
    if random is None or grouped is None:
        return Told([])
    n = study.bootstrap
    claims = pooled(pool, random.rows, random.said, metrics.macro_f1, resamples=n)
    gives = pooled(pool, grouped.rows, grouped.said, metrics.macro_f1, resamples=n)
    more = gap(pool, grouped, random, metrics.macro_f1, resamples=n)
    n_groups = group_numbers(pool.groups[random.rows])[1]
    lines = [
        (
            f"On {len(random.rows)} pictures in {n_groups} groups "
            f"({pool.kind_of(random.rows)} labels) a random split by file claims a macro-F1 of "
            f"{interval_of(*claims)}; with groups kept apart the same recipe gets "
            f"{interval_of(*gives)}."
        ),
        f"The random split claims {interval_of(more.value, more.interval, signed=True)} "
        + (
            "more than it has earned: that is the leak."
            if more.value > 0 and more.is_real
            else "more, which may be chance: a split can part few copies of these pictures."
        ),
    ]
    untouched = at(places, UNTOUCHED)
    if untouched is not None:
        truth = pooled(pool, untouched.rows, untouched.said, metrics.macro_f1, resamples=n)
        lines.append(
            f"On the {len(untouched.rows)} pictures of the untouched test split "
            f"({pool.kind_of(untouched.rows)} labels) a model of the train split has "
            f"{interval_of(*truth)}."
        )
    return Told(lines)
