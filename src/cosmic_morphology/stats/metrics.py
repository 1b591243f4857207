"""Scores as pure functions of a confusion matrix, or of a stack of them.

Definitions are those of scikit-learn and torchmetrics. A matrix has a row for each class and one
more column than rows: the last one counts answers that are none of the classes (another class of a
larger model, or no answer at all), so that nothing is left out of a score silently. Macro averages
go over the classes that occur among the right answers or among the given ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]
"""From confusion matrices of shape ``(..., K, K + 1)`` to values of shape ``(...)``."""


def encode(labels: Sequence[str | None], classes: Sequence[str]) -> np.ndarray:
    """Numbers of classes, int64 of shape ``(N,)``; ``len(classes)`` for whatever is no class.

    Examples
    --------
    >>> encode(["star", "comet", None, "moon"], ["comet", "star"])
    array([1, 0, 2, 2])
    """
    number = {name: at for at, name in enumerate(classes)}
    return np.array([number.get(each or "", len(classes)) for each in labels], np.int64)


def confusion_matrix(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts of images, int64 of shape ``(K, K + 1)``: rows are right, columns are answers.

    Parameters
    ----------
    y_true : ndarray of int, shape ``(N,)``
        Numbers of the right classes, each below ``n_classes``.
    y_pred : ndarray of int, shape ``(N,)``
        Numbers of the answers; ``n_classes`` stands for any other answer.
    n_classes : int
        K.

    Raises
    ------
    ValueError
        The arrays differ in length or hold numbers that cannot be.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), 2)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    check_labels(y_true, y_pred, n_classes)
    flat = np.bincount(y_true * (n_classes + 1) + y_pred, minlength=n_classes * (n_classes + 1))
    return flat.reshape(n_classes, n_classes + 1).astype(np.int64)


def check_labels(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> None:
    """Refuse arrays that no confusion matrix can be made of.

    Examples
    --------
    >>> check_labels(np.array([0, 2]), np.array([0, 1]), 2)
    Traceback (most recent call last):
        ...
    ValueError: right answers must be numbers from 0 to 1
    """
    if y_true.shape != y_pred.shape or y_true.ndim != 1:
        msg = f"right answers have shape {y_true.shape}, given ones {y_pred.shape}"
        raise ValueError(msg)
    if len(y_true) and (y_true.min() < 0 or y_true.max() >= n_classes):
        msg = f"right answers must be numbers from 0 to {n_classes - 1}"
        raise ValueError(msg)
    if len(y_pred) and (y_pred.min() < 0 or y_pred.max() > n_classes):
        msg = f"given answers must be numbers from 0 to {n_classes}"
        raise ValueError(msg)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Share of right answers; 0 where there is no image.

    Examples
    --------
    >>> accuracy(np.array([[8, 2, 0], [1, 9, 0]])).item()
    0.85
    """
    return _ratio(_hits(matrix).sum(-1), matrix.sum((-2, -1)))


def precision(matrix: np.ndarray) -> np.ndarray:
    """Share of right answers among those that name a class, shape ``(..., K)``.

    Examples
    --------
    >>> precision(np.array([[8, 2, 0], [0, 8, 2]])).tolist()
    [1.0, 0.8]
    """
    return _ratio(_hits(matrix), _answered(matrix))


def recall(matrix: np.ndarray) -> np.ndarray:
    """Share of a class's images that were recognised, shape ``(..., K)``.

    Examples
    --------
    >>> recall(np.array([[8, 2, 0], [0, 6, 4]])).tolist()
    [0.8, 0.6]
    """
    return _ratio(_hits(matrix), matrix.sum(-1))


def f1(matrix: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall, shape ``(..., K)``.

    Examples
    --------
    >>> f1(np.array([[8, 2, 0], [2, 8, 0]])).tolist()
    [0.8, 0.8]
    """
    return _ratio(2 * _hits(matrix), _answered(matrix) + matrix.sum(-1))


def macro_precision(matrix: np.ndarray) -> np.ndarray:
    """Mean of the classes' precisions.

    Examples
    --------
    >>> macro_precision(np.array([[8, 2, 0], [0, 8, 2]])).item()
    0.9
    """
    return _macro(precision(matrix), matrix)


def macro_recall(matrix: np.ndarray) -> np.ndarray:
    """Mean of the classes' recalls.

    Examples
    --------
    >>> macro_recall(np.array([[8, 2, 0], [0, 6, 4]])).item()
    0.7
    """
    return _macro(recall(matrix), matrix)


def macro_f1(matrix: np.ndarray) -> np.ndarray:
    """Mean of the classes' F1 scores.

    Examples
    --------
    >>> macro_f1(np.array([[8, 2, 0], [2, 8, 0]])).item()
    0.8
    """
    return _macro(f1(matrix), matrix)


def of_class(statistic: Statistic, number: int) -> Statistic:
    """One class's value of a statistic that gives all of them.

    Examples
    --------
    >>> of_class(recall, 1)(np.array([[8, 2, 0], [0, 6, 4]])).item()
    0.6
    """
    return lambda matrix: statistic(matrix)[..., number]


def _hits(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _answered(matrix: np.ndarray) -> np.ndarray:
    found: np.ndarray = matrix.sum(-2)[..., :-1]
    return found


def _macro(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    occurs = (_answered(matrix) + matrix.sum(-1)) > 0
    return _ratio((values * occurs).sum(-1), occurs.sum(-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    found: np.ndarray = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return found
