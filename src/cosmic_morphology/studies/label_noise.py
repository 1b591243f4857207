"""Accuracy against wrong labels, with and without curation and noise-robust training.

Labels of train and val are made wrong at random (uniformly into the other classes: symmetric
noise); test labels are not. Curation is confident learning (Northcutt et al. 2021, J. Artif.
Intell. Res. 70, 1373) on probabilities of models that never saw an image's group: what it finds
is left out. Robust training smooths labels and trusts each as far as those models agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.curate.labels.mislabels import (
    confident_issues,
)
from cosmic_morphology.curate.votes.embedding_probe import cross_fitted_probabilities, pca_features
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.settings import StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import interval_of
from cosmic_morphology.studies.scoring import PredictionsAtPoint, at, gap, pooled
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import Conclusion, Trial, TrialOutput, TrialPlan, TrialResult

X = "share of training labels made wrong"
PLAIN = "as they are"


def grid(pool: StudyDataset, study: StudySettings) -> TrialPlan:
    """The trials of this study, and how one is done."""
    plain = recipe_named(study.recipe, study.recipes)
    robust = plain.model_copy(
        update={"label_smoothing": study.label_noise.smoothing, "label_confidence": True}
    )
    more = {"recipe": plain.model_dump(mode="json"), "smoothing": study.label_noise.smoothing}
    trials = [
        Trial(arm, level, seed, more=more)
        for seed in study.seeds
        for level in sorted(set(study.label_noise.levels))
        for arm in study.label_noise.arms
    ]
    train, val, test = pool.real("train"), pool.real("val"), pool.real("test")
    known = np.concatenate([train, val])
    seen: dict[int, np.ndarray] = {}

    def work(trial: Trial) -> TrialOutput:
        labels = inject_label_noise(pool.y_train, known, trial.x, len(pool.classes), trial.seed)
        weights, kept = pool.weights, np.ones(len(pool), bool)
        notes: dict[str, float] = {"wrong": float((labels != pool.y_train).sum())}
        if trial.arm != PLAIN:
            if trial.seed not in seen:
                seen[trial.seed] = pca_features(pool.vectors[known], seed=trial.seed)
            likely = _cross_fitted_labels(pool, seen[trial.seed], known, labels, trial.seed)
            if "robust" in trial.arm:
                weights = weights.copy()
                weights[known] = np.clip(likely[np.arange(len(known)), labels[known]], 0.05, 1)
            if "curated" in trial.arm:
                kept[known[confident_issues(labels[known], likely)]] = False
                left_out = ~kept
                notes["left_out"] = float(left_out.sum())
                notes["found"] = float((left_out & (labels != pool.y_train)).sum())
        recipe: Recipe = robust if "robust" in trial.arm else plain
        task = HeadTask(train[kept[train]], val[kept[val]], test, labels, weights)
        said = train_and_predict(pool, task, recipe, seed=trial.seed, threads=study.threads)
        return TrialOutput(test, said, len(task.train), notes=notes)

    return TrialPlan(trials, work, X)


def inject_label_noise(
    labels: np.ndarray, rows: np.ndarray, share: float, n_classes: int, seed: int
) -> np.ndarray:
    """Labels of which a share of some rows is another class; more noise contains the less.

    Parameters
    ----------
    labels : ndarray of int64, shape ``(N,)``
        Class numbers.
    rows : ndarray of int64
        Those that may become wrong.
    share : float
        From 0 to 1.
    n_classes, seed : int
        K, and of the choice.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(rows))
    steps = random.integers(1, n_classes, len(rows))
    chosen = order[: round(share * len(rows))]
    found = labels.copy()
    found[rows[chosen]] = (found[rows[chosen]] + steps[chosen]) % n_classes
    return found


def _cross_fitted_labels(
    pool: StudyDataset, features: np.ndarray, known: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    return cross_fitted_probabilities(
        features,
        labels[known],
        np.ones(len(known)),
        pool.groups[known].tolist(),
        len(pool.classes),
        seed=seed,
    )


def reference_trial(
    place: PredictionsAtPoint, places: Sequence[PredictionsAtPoint]
) -> PredictionsAtPoint | None:
    """The same noise without any help."""
    return None if place.arm == PLAIN else at(places, PLAIN, place.x)


def conclude(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    study: StudySettings,
    cells: Sequence[TrialResult],
) -> Conclusion:
    """The conclusion, computed."""
    levels = sorted({place.x for place in places})
    clean, worst = at(places, PLAIN, levels[0]), at(places, PLAIN, levels[-1])
    lines = []
    n = study.bootstrap_resamples
    if clean and worst:
        before = pooled(pool, clean.rows, clean.said, metrics.macro_f1, resamples=n)
        after = pooled(pool, worst.rows, worst.said, metrics.macro_f1, resamples=n)
        lines.append(
            f"With {clean.x:.0%} of the training labels made wrong macro-F1 is "
            f"{interval_of(*before)}, with {worst.x:.0%} it is {interval_of(*after)} "
            f"({pool.kind_of(clean.rows)} test labels, n = {len(clean.rows)})."
        )
    for arm in study.label_noise.arms:
        if arm != PLAIN:
            lines += _gains(pool, places, arm, levels, n)
    return Conclusion([*lines, *_found(cells)])


def _gains(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    arm: str,
    levels: Sequence[float],
    n: int,
) -> list[str]:
    helped: list[str] = []
    harmed: list[str] = []
    parts = []
    for level in levels:
        first, second = at(places, PLAIN, level), at(places, arm, level)
        if first is None or second is None:
            continue
        between = gap(pool, first, second, metrics.macro_f1, resamples=n)
        parts.append(f"{interval_of(between.value, between.interval, signed=True)} at {level:.0%}")
        if between.is_significant:
            (helped if between.value > 0 else harmed).append(f"{level:.0%}")
    if not parts:
        return []
    verdict = [f"helps at {', '.join(helped)}"] if helped else []
    verdict += [f"harms at {', '.join(harmed)}"] if harmed else []
    said = " and ".join(verdict) or "makes no difference beyond chance"
    return [f"{arm.capitalize()}: {said} of wrong labels; macro-F1 changes by {'; '.join(parts)}."]


def _found(cells: Sequence[TrialResult]) -> list[str]:
    own = [cell for cell in cells if cell.trial.arm == "curated"]
    wrong = sum(cell.notes["wrong"] for cell in own)
    found = sum(cell.notes["found"] for cell in own)
    left_out = sum(cell.notes["left_out"] for cell in own)
    if not wrong or not left_out:
        return []
    line = (
        f"Confident learning found {found / wrong:.0%} of the labels that were made wrong; "
        f"{found / left_out:.0%} of what it left out was wrong on purpose (the rest are honest "
        "doubts, or errors that were there before)."
    )
    return [line]
