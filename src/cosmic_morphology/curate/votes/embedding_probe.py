"""A classifier on frozen features, cross-fitted: it predicts only images it was not trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Strong regularisation on whitened components: the labels that it learns from are not clean, and
# a linear model that cannot fit single images cannot learn their errors (measured on 2,458
# images: C = 0.01 is up to 5 points better than C = 1, docs/explanation/labels.md).
_STRENGTH = 0.01
_COMPONENTS = 256
_MOST_ROWS = 20_000


def pca_features(features: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Features on their principal components, all backbones with the same weight.

    Parameters
    ----------
    features : array of shape ``(N, D)``
        One backbone's embeddings; rows are scaled to unit length first.
    seed : int
        Of the randomised decomposition.

    Returns
    -------
    array of shape ``(N, min(N, D, 256))``
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    unit = normalize(features)
    size = min(_COMPONENTS, *unit.shape)
    # More threads than free cores make this up to twenty times slower, not faster.
    with threadpool_limits(1):
        found = PCA(size, svd_solver="randomized", random_state=seed).fit_transform(unit)
    length = np.sqrt((found**2).sum(axis=1).mean()) or 1.0
    return np.asarray(found * (np.sqrt(_COMPONENTS) / length), dtype=np.float32)


def cross_fitted_probabilities(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    groups: Sequence[str],
    n_classes: int,
    *,
    seed: int,
    folds: int = 5,
) -> NDArray[np.float64]:
    """Class probabilities of each image from models that never saw its group.

    Parameters
    ----------
    features : array of shape ``(N, D)``
        From :func:`pca_features`.
    targets : array of shape ``(N,)``, int
        Class number to learn, or -1 where there is none.
    weights : array of shape ``(N,)``
        How far each target is to be trusted.
    groups : sequence of N str
        Images of one group are never on both sides.
    n_classes : int
        K.
    seed, folds : int
        Of the division into folds (a hash of the group: new images do not move old ones).

    Returns
    -------
    array of shape ``(N, K)``
        Rows sum to one; classes without two targets keep probability zero.
    """
    fold = np.array([_fold(each, seed, folds) for each in groups], dtype=int)
    likely = np.full((len(targets), n_classes), 1.0 / n_classes)
    for number in range(folds):
        held_out = fold == number
        learned = (~held_out) & (targets >= 0)
        if held_out.any() and len(set(targets[learned])) > 1:
            likely[held_out] = _fit_predict(
                features, targets, weights, _at_most(learned, seed), held_out, n_classes
            )
    return likely


def _fit_predict(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    learned: NDArray[np.int64],
    held_out: NDArray[np.bool_],
    n_classes: int,
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    mine, trust = targets[learned], weights[learned]
    size = np.bincount(mine, weights=trust, minlength=n_classes)
    # Half-way to balanced: rare classes are found, and are not found everywhere.
    trust = trust * np.sqrt(size.max() / np.maximum(size, 1.0))[mine]
    with threadpool_limits(1):
        model = LogisticRegression(C=_STRENGTH, max_iter=500, tol=1e-3)
        model.fit(features[learned], mine, sample_weight=trust)
        out = np.zeros((int(held_out.sum()), n_classes))
        out[:, model.classes_] = model.predict_proba(features[held_out])
    return out


def _at_most(learned: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(learned)
    if len(rows) <= _MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, _MOST_ROWS, replace=False))


def _fold(group: str, seed: int, folds: int) -> int:
    return int(hashlib.sha256(f"{seed}:{group}".encode()).hexdigest(), 16) % folds
