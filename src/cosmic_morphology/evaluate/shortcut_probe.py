"""Does the collection give the class away? A linear probe tells what embeddings know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.neighbours import read_vectors
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import bootstrap_interval, group_numbers
from cosmic_morphology.stats.score import COMPUTED, GROUPED_BY, Score

FOLDS = 5
_LEAST = 2 * FOLDS
_MOST_IMAGES = 4000


@dataclass(frozen=True, slots=True)
class ProbeScore:
    """What a linear probe can tell from embeddings.

    Attributes
    ----------
    what : str
        ``collection``, ``source`` or ``class``.
    accuracy : Score
        On images of groups that the probe has not seen.
    chance : float
        Share of the most frequent answer: what guessing reaches.
    """

    what: str
    accuracy: Score
    chance: float


@dataclass(frozen=True, slots=True)
class ShortcutProbe:
    """Probes on one column of embeddings, for the report."""

    column: str
    folds: int
    rows: tuple[ProbeScore, ...]
    note: str


_IN_A_SPLIT = "`split` IS NOT NULL"


def source_probe(atlas: Atlas, column: str, *, resamples: int, seed: int) -> ShortcutProbe:
    """How well collection, source and class can be told from embeddings, whole groups apart.

    Ridge regression on standardised embeddings, five folds of whole groups. A collection that can
    be told far better than by chance is a shortcut that a classifier can take.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    column : str
        ``embedding_<backbone>``.
    resamples, seed : int
        Of the intervals; the seed also draws from large atlases.

    Raises
    ------
    UsageError
        There are too few images with an embedding.
    """
    names = ["source", "collection", "label", "group"]
    there = [each for each in names if each in atlas.columns()]
    rows, vectors = read_vectors(atlas, column, _IN_A_SPLIT, there)
    if len(rows) > _MOST_IMAGES:
        drawn = np.random.default_rng(seed).choice(len(rows), _MOST_IMAGES, replace=False)
        rows, vectors = [rows[at] for at in np.sort(drawn)], vectors[np.sort(drawn)]
    groups = [row.get("group") or row["id"] for row in rows]
    found = []
    for what, name in (("collection", "collection"), ("source", "source"), ("class", "label")):
        answers = [row.get(name) or "" for row in rows]
        probed = probe(vectors, answers, groups, what=what, resamples=resamples, seed=seed)
        if probed:
            found.append(probed)
    if not found:
        raise UsageError(
            f"too few images have an embedding in {column!r} for a probe",
            where=atlas.uri,
            todo=f"At least {_LEAST} images of two collections, sources or classes are needed.",
        )
    note = (
        "A linear probe on frozen embeddings. What it tells far better than by chance, a "
        "classifier can use as a shortcut: compare with scores on held-out collections."
    )
    return ShortcutProbe(column, FOLDS, tuple(found), note)


def probe(
    vectors: np.ndarray,
    answers: Sequence[str],
    groups: Sequence[str],
    *,
    what: str,
    resamples: int,
    seed: int,
) -> ProbeScore | None:
    """One probe; None where fewer than two answers have enough images.

    Parameters
    ----------
    vectors : ndarray of float32, shape ``(N, D)``
        What is known of each image.
    answers : sequence of str, shape ``(N,)``
        What is to be told; empty ones and rare ones are left out.
    groups : sequence of str, shape ``(N,)``
        Images of one group are never on both sides.
    what : str
        Name of the answers.
    resamples, seed : int
        Of the interval.
    """
    counts = Counter(each for each in answers if each)
    names = sorted(name for name, count in counts.items() if count >= _LEAST)
    chosen = np.array([at for at, each in enumerate(answers) if each in names], int)
    own = np.array([groups[at] for at in chosen], object)
    if len(names) < 2 or group_numbers(own)[1] < FOLDS:
        return None
    y_true = metrics.encode([answers[at] for at in chosen], names)
    y_pred = _predicted(vectors[chosen], y_true, own)
    interval = bootstrap_interval(
        metrics.accuracy, y_true, y_pred, own, n=resamples, seed=seed, n_classes=len(names)
    )
    # The labels of a class probe are what the atlas believes; sites and sources are simply known.
    score = Score(
        f"{what} told from embeddings",
        float((y_true == y_pred).mean()),
        interval,
        len(chosen),
        group_numbers(own)[1],
        COMPUTED if what == "class" else "given",
        GROUPED_BY,
    )
    chance = max(counts[name] for name in names) / len(chosen)
    return ProbeScore(what, score, chance)


def _predicted(vectors: np.ndarray, y_true: np.ndarray, groups: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros_like(y_true)
    for train, test in GroupKFold(FOLDS).split(vectors, y_true, groups.astype(str)):
        # As many unknowns as images: strong regularisation is what makes the probe honest.
        fitted = make_pipeline(StandardScaler(), RidgeClassifier(alpha=float(vectors.shape[1])))
        found[test] = fitted.fit(vectors[train], y_true[train]).predict(vectors[test])
    return found
