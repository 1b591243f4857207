"""Doubt learned from verdicts: which images look like those where people found an error.

Votes alone do not see that a folder "planet" holds good renders beside photographs. After some
fifty verdicts a small model does: kernel ridge regression (Saunders, Gammerman and Vovk, ICML 1998)
whose kernel compares how images look, what they are claimed to be and what the votes say of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, embedding_columns, level_columns
from cosmic_morphology.curate.columns import matrix

LEAST_VERDICTS = 50
"""Fewer did not find errors better than the votes alone (docs/explanation/labels.md)."""
_LEAST_OF_EACH = 10
_MOST_VERDICTS = 3000
_FOLDS = 5
# Round numbers in the middle of a wide plateau (docs/research-log.md): the penalty, and how much
# what the votes say and the claim itself count beside the looks.
_PENALTY, _EVIDENCE, _CLAIM = 0.5, 0.3, 0.05
_COMPONENTS = 200
_FITTED_ON = 5000
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Question:
    """Something that people's verdicts answer of some of N images.

    Attributes
    ----------
    answers : ndarray of int8, shape ``(N,)``
        1: yes (the label is wrong, the image is irrelevant); 0: no; -1: nobody has said; -2: a
        person has, of an image that nothing is learned from.
    labels : ndarray of int16, shape ``(N,)``
        Number of the class that a person gave; -1 where there is none.
    evidence : ndarray of float64, shape ``(N,)``
        Log-odds of "yes" by the votes alone; ``nan`` where there is nothing to ask.
    claims : ndarray of int16, shape ``(N,)``
        Images of one claim are more alike than others.
    groups : ndarray of int32, shape ``(N,)``
        Images of one group are never on both sides when the model is tried.
    """

    answers: NDArray[np.int8]
    labels: NDArray[np.int16]
    evidence: NDArray[np.float64]
    claims: NDArray[np.int16]
    groups: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class LearnedDoubt:
    """What was learned from verdicts, for N images and K classes.

    Attributes
    ----------
    verdicts : int
        How many it has learned from; 0 where it abstains.
    why_not : str
        Why it abstains.
    likely : ndarray of float64, shape ``(N,)``
        Probability of "yes"; ``nan`` where it abstains, and of images that people have judged.
    classes : ndarray of float64, shape ``(N, K)``
        Which class people found of look-alikes: the more, the larger.
    """

    verdicts: int
    why_not: str
    likely: NDArray[np.float64]
    classes: NDArray[np.float64]

    @classmethod
    def abstains(cls, why: str, n: int, n_classes: int) -> LearnedDoubt:
        """Nothing was learned."""
        return cls(0, why, np.full(n, np.nan), np.zeros((n, n_classes)))


def learn_doubt(looks: NDArray[np.float32], question: Question, n_classes: int) -> LearnedDoubt:
    """Learn from the images that are answered, and ask of all others.

    It abstains with fewer than 50 answers or 10 of either kind, and where it orders the
    answered images (each by a model that has seen none of its group) worse than the votes do, by
    more than the standard error of the area under the curve.

    Parameters
    ----------
    looks : ndarray of float32, shape ``(N, F)``
        From :func:`looks_of`; rows of ``nan`` are images that nothing is known of.
    question : Question
        What is asked.
    n_classes : int
        K.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    usable = np.isfinite(question.evidence)
    usable &= np.isfinite(looks).all(axis=1) if looks.shape[1] else False
    learned = _at_most(np.flatnonzero(usable & (question.answers >= 0)))
    yes = question.answers[learned] == 1
    size = len(looks), n_classes
    if len(learned) < LEAST_VERDICTS or min(yes.sum(), (~yes).sum()) < _LEAST_OF_EACH:
        said = f"{yes.sum()} of {len(learned)} verdicts on images with embeddings say yes"
        needed = f"{LEAST_VERDICTS} and {_LEAST_OF_EACH} of either kind are needed"
        return LearnedDoubt.abstains(f"{said}; {needed}", *size)
    model = _Kernel.of(looks, question, learned)
    targets = np.zeros((len(learned), 1 + n_classes))
    targets[:, 0] = yes
    targets[np.arange(len(learned)), 1 + question.labels[learned]] = 1.0
    tried = _cross_fitted(model.between(learned), targets, question.groups[learned])[:, 0]
    # Of few answers both areas under the curve are known to some hundredths only.
    doubtful_by = np.sqrt((1.0 / yes.sum() + 1.0 / (~yes).sum()) / 12.0)
    if roc_auc_score(yes, tried) < roc_auc_score(yes, question.evidence[learned]) - doubtful_by:
        why = f"the votes alone tell {len(learned)} verdicts better"
        return LearnedDoubt.abstains(why, *size)
    calibration = LogisticRegression().fit(tried[:, None], yes)
    weights, mean = _solved(model.between(learned), targets)
    likely, classes = np.full(len(looks), np.nan), np.zeros(size)
    asked = np.flatnonzero(usable & (question.answers == -1))
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        found = model.between(some) @ weights + mean
        likely[some] = calibration.predict_proba(found[:, :1])[:, 1]
        classes[some] = found[:, 1:]
    return LearnedDoubt(len(learned), "", likely, classes)


def looks_of(atlas: Atlas) -> NDArray[np.float32]:
    """How all images look: principal components of every column of embeddings and levels.

    Returns
    -------
    ndarray of float32, shape ``(N, F)``
        By id; each column gives a part of unit length. Rows of ``nan`` have not been embedded.
    """
    names = (*embedding_columns(atlas), *level_columns(atlas))
    parts = [_components(matrix(atlas, name)) for name in names]
    if not parts:
        return np.empty((atlas.count("catalogue"), 0), np.float32)
    return np.hstack(parts) / np.float32(np.sqrt(len(parts)))


@dataclass(frozen=True, slots=True)
class _Kernel:
    """How alike images are to those that are learned from."""

    looks: NDArray[np.float32]
    evidence: NDArray[np.float64]
    claims: NDArray[np.int16]
    learned: NDArray[np.int64]

    @classmethod
    def of(
        cls, looks: NDArray[np.float32], question: Question, learned: NDArray[np.int64]
    ) -> _Kernel:
        known = question.evidence[learned]
        scaled = (question.evidence - known.mean()) / (known.std() or 1.0)
        return cls(looks, scaled, question.claims, learned)

    def between(self, some: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of shape ``(len(some), n learned)``."""
        same = self.claims[some][:, None] == self.claims[self.learned][None, :]
        alike = (self.looks[some] @ self.looks[self.learned].T) * (1.0 + same) / 2.0
        told = np.outer(self.evidence[some], self.evidence[self.learned])
        return np.asarray(alike + _EVIDENCE * told + _CLAIM * same, np.float64)


def _solved(
    kernel: NDArray[np.float64], targets: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = targets.mean(axis=0)
    penalised = kernel + _PENALTY * np.eye(len(kernel))
    return np.linalg.solve(penalised, targets - mean), mean


def _cross_fitted(
    kernel: NDArray[np.float64], targets: NDArray[np.float64], groups: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Predictions for each answered image by a model without its group."""
    from sklearn.model_selection import GroupKFold

    out = np.tile(targets.mean(axis=0), (len(targets), 1))
    folds = min(_FOLDS, len(np.unique(groups)))
    if folds < 2:
        return out
    for kept, held_out in GroupKFold(folds).split(kernel, groups=groups):
        weights, mean = _solved(kernel[np.ix_(kept, kept)], targets[kept])
        out[held_out] = kernel[np.ix_(held_out, kept)] @ weights + mean
    return out


def _at_most(learned: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(learned) <= _MOST_VERDICTS:
        return learned
    chosen = np.random.default_rng(0).choice(learned, _MOST_VERDICTS, replace=False)
    return np.sort(chosen)


def _components(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardised vectors on their first components, each of unit length."""
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    there = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    fitted = there[:: max(1, len(there) // _FITTED_ON)]
    if len(fitted) < 2:
        return np.full((len(vectors), 1), np.nan, np.float32)
    mean, spread = vectors[fitted].mean(axis=0), vectors[fitted].std(axis=0) + 1e-6
    size = min(_COMPONENTS, len(fitted), vectors.shape[1])
    out = np.full((len(vectors), size), np.nan, np.float32)
    with threadpool_limits(1):
        pca = PCA(size, svd_solver="randomized", random_state=0)
        pca.fit((vectors[fitted] - mean) / spread)
        for start in range(0, len(there), _AT_ONCE):
            some = there[start : start + _AT_ONCE]
            found = pca.transform((vectors[some] - mean) / spread)
            length = np.linalg.norm(found, axis=1, keepdims=True)
            out[some] = found / np.where(length > 0, length, 1.0)
    return out
