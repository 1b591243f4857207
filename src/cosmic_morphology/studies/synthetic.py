"""Does synthetic data help? Real images alone, and with rendered ones beside or before them.

The test is the same real images everywhere; rendered ones are only ever learned from. The
reference weighs its classes (``class_weights`` of the recipe), so that the question is what
rendered images give beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import Difference
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import interval_of, listed
from cosmic_morphology.studies.scoring import PredictionsAtPoint, at, gap, mean_f1_of, pooled
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import Conclusion, Trial, TrialOutput, TrialPlan, TrialResult

X = "rendered images for each real one"
REAL, ONLY_RARE, EVERY, BEFORE, ALONE = (
    "real only",
    "rendered of the rare classes",
    "rendered of every class",
    "rendered first, then real",
    "rendered only",
)


def grid(pool: StudyDataset, study: StudySettings) -> TrialPlan:
    """The trials of this study, and how one is done.

    Raises
    ------
    UsageError
        There are no rendered images, or a rare class is none of the classes.
    """
    own = study.synthetic
    unknown = [name for name in own.rare if name not in pool.classes]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is none of the classes",
            where="synthetic.rare",
            todo=f"Use {', '.join(pool.classes)}.",
        )
    drawn = pool.rendered_rows()
    if not len(drawn):
        raise UsageError(
            "there are no rendered images with embeddings to learn from",
            where=pool.column,
            todo="Render some with `cosmic synthesize` (also into another atlas, named in "
            "synthetic.rendered_atlas), then `cosmic embed`.",
        )
    recipe = recipe_named(study.recipe, study.recipes)
    about = {
        "recipe": recipe.model_dump(mode="json"),
        "keep": own.keep,
        "rare": list(own.rare),
    }
    trials = [Trial(arm, x, seed, more=about) for seed in study.seeds for arm, x in _places(study)]
    rare = np.array([pool.classes.index(name) for name in own.rare], np.int64)
    test = pool.real("test")

    def work(trial: Trial) -> TrialOutput:
        train = _cut(pool, pool.real("train"), rare, own.keep, trial.seed)
        share = {k: _share(pool, int(k), own.keep) for k in rare}
        val = _cut_by_share(pool, pool.real("val"), share, trial.seed)
        wanted = rare if trial.arm == ONLY_RARE else np.arange(len(pool.classes))
        added = rendered_for(pool, drawn, train, wanted, trial.x, trial.seed)
        none = np.zeros(0, np.int64)
        if trial.arm == ALONE:
            val = none
        first = added if trial.arm == BEFORE else none
        learned = {REAL: train, BEFORE: train, ALONE: added}.get(
            trial.arm, np.concatenate([train, added])
        )
        labels = np.where(pool.rendered, pool.y_true, pool.y_train)
        task = HeadTask(learned, val, test, labels, pool.weights, first)
        said = train_and_predict(pool, task, recipe, seed=trial.seed, threads=study.threads)
        n_rendered = int(pool.rendered[learned].sum()) + len(first)
        lacking = _rendered_wanted(pool, train, wanted, trial.x) - len(added)
        return TrialOutput(test, said, len(learned) + len(first), n_rendered, {"lacking": lacking})

    others = [name for name in pool.classes if name not in own.rare]
    parts = ((listed(own.rare), own.rare), ("the other classes", others))
    more = [("mean F1", title, mean_f1_of(pool, names)) for title, names in parts if names]
    return TrialPlan(trials, work, X, more)


def _places(study: StudySettings) -> list[tuple[str, float]]:
    own = study.synthetic
    arms = (
        (ONLY_RARE, own.only_rare, own.ratios),
        (EVERY, own.every_class, own.ratios_every),
        (BEFORE, own.pretrain, own.ratios_every),
        (ALONE, own.rendered_alone, own.ratios_every),
    )
    places = [(arm, x) for arm, wanted, ratios in arms if wanted for x in sorted(set(ratios))]
    return [(REAL, 0.0), *(place for place in places if place[1] > 0)]


def rendered_for(
    pool: StudyDataset,
    drawn: np.ndarray,
    train: np.ndarray,
    wanted: np.ndarray,
    ratio: float,
    seed: int,
) -> np.ndarray:
    """So many rendered rows for each real one of each wanted class; more contain the fewer.

    Parameters
    ----------
    pool : StudyDataset
        The images.
    drawn, train : ndarray of int64
        Rendered rows to choose from, and the real ones.
    wanted : ndarray of int64
        Numbers of the classes.
    ratio : float
        Rendered for each real image; all there are where they do not suffice.
    seed : int
        Of the choice.
    """
    parts = [np.zeros(0, np.int64)]
    for number in wanted:
        own = drawn[pool.y_true[drawn] == number]
        count = round(ratio * int((pool.y_train[train] == number).sum()))
        order = np.random.default_rng([seed, int(number)]).permutation(len(own))
        parts.append(own[order[:count]])
    return np.concatenate(parts)


def _rendered_wanted(
    pool: StudyDataset, train: np.ndarray, wanted: np.ndarray, ratio: float
) -> int:
    return sum(round(ratio * int((pool.y_train[train] == k).sum())) for k in wanted)


def _cut(
    pool: StudyDataset, rows: np.ndarray, rare: np.ndarray, keep: int, seed: int
) -> np.ndarray:
    """Rows with at most ``keep`` images of each rare class; 0 leaves all."""
    if not keep:
        return rows
    gone: list[np.ndarray] = []
    for number in rare:
        own = rows[pool.y_train[rows] == number]
        order = np.random.default_rng([seed, 7, int(number)]).permutation(len(own))
        gone.append(own[order[keep:]])
    return np.setdiff1d(rows, np.concatenate(gone))


def _share(pool: StudyDataset, number: int, keep: int) -> float:
    """How much of a class is left: the val part shrinks alike."""
    train = pool.real("train")
    n = int((pool.y_train[train] == number).sum())
    return min(1.0, keep / n) if keep and n else 1.0


def _cut_by_share(
    pool: StudyDataset, rows: np.ndarray, share: dict[int, float], seed: int
) -> np.ndarray:
    for number, part in share.items():
        n = int((pool.y_train[rows] == number).sum())
        if part < 1 and n:
            rows = _cut(pool, rows, np.array([number]), max(1, round(part * n)), seed)
    return rows


def reference_trial(
    place: PredictionsAtPoint, places: Sequence[PredictionsAtPoint]
) -> PredictionsAtPoint | None:
    """Real images alone."""
    return None if place.arm == REAL else at(places, REAL)


def conclude(
    pool: StudyDataset,
    places: Sequence[PredictionsAtPoint],
    study: StudySettings,
    cells: Sequence[TrialResult],
) -> Conclusion:
    """The conclusion, computed."""
    real = at(places, REAL)
    if real is None:
        return Conclusion([])
    own, n = study.synthetic, study.bootstrap_resamples
    rare = mean_f1_of(pool, own.rare)
    alone = pooled(pool, real.rows, real.said, rare, resamples=n)
    cut = f"cut to {own.keep} training images each, " if own.keep else ""
    beside = [place for place in places if place.arm in (ONLY_RARE, EVERY, BEFORE)]
    gains = [(place, gap(pool, real, place, rare, resamples=n)) for place in beside]
    reference = (
        f"Real images alone (rare classes {listed(own.rare)} {cut}weighted by class) give these "
        f"a mean F1 of {interval_of(*alone)} on {len(real.rows)} real test images "
        f"({pool.kind_of(real.rows)} labels)."
    )
    lines = [verdict_on([gained for _, gained in gains])] if gains else []
    lines.append(reference)
    for arm in dict.fromkeys(place.arm for place in beside):
        tried = [(place, gained) for place, gained in gains if place.arm == arm]
        lines.append(_of_arm(pool, real, tried, study))
    only = [place for place in places if place.arm == ALONE]
    if only:
        best = max(only, key=lambda place: place.x)
        score = pooled(pool, best.rows, best.said, metrics.macro_f1, resamples=n)
        lines.append(
            f"From {best.n_rendered:.0f} rendered images only, without a single real one, "
            f"macro-F1 on real images is {interval_of(*score)}."
        )
    short = [cell.trial.x for cell in cells if cell.notes["lacking"] > 0]
    if short:
        lines.append(
            f"From {min(short):g}x on there were fewer rendered images than asked for: all there "
            "were, were used."
        )
    return Conclusion(lines)


def verdict_on(gains: Sequence[Difference]) -> str:
    """The answer in one sentence: what counts is whether intervals leave out 0."""
    better = sum(each.is_significant and each.value > 0 for each in gains)
    worse = sum(each.is_significant and each.value < 0 for each in gains)
    of = f"of {len(gains)} ways to use them"
    if better and not worse:
        return f"Rendered images help the rare classes in {better} {of}, beyond chance."
    if worse and not better:
        return f"Rendered images harm the rare classes in {worse} {of}, beyond chance."
    if better:
        return f"Rendered images help the rare classes in {better} and harm them in {worse} {of}."
    return f"That rendered images help is not shown: {of}, no interval leaves out 0."


def _of_arm(
    pool: StudyDataset,
    real: PredictionsAtPoint,
    tried: Sequence[tuple[PredictionsAtPoint, Difference]],
    study: StudySettings,
) -> str:
    own, n = study.synthetic, study.bootstrap_resamples
    others = [name for name in pool.classes if name not in own.rare]
    parts = [
        f"{interval_of(gained.value, gained.interval, signed=True)} at {place.x:g}x"
        for place, gained in tried
    ]
    signs = {gained.value > 0 for _, gained in tried if gained.is_significant}
    verdict = "may be chance throughout"
    if signs:
        verdict = "helps" if signs == {True} else "harms" if signs == {False} else "cuts both ways"
    rest = ""
    if others:
        most = max((place for place, _ in tried), key=lambda place: place.x)
        lost = gap(pool, real, most, mean_f1_of(pool, others), resamples=n)
        rest = (
            f"; the mean F1 of the other classes changes by "
            f"{interval_of(lost.value, lost.interval, signed=True)} at {most.x:g}x"
        )
    return (
        f"{tried[0][0].arm.capitalize()}: {verdict}. The mean F1 of {listed(own.rare)} changes by "
        f"{', '.join(parts)}{rest}."
    )
