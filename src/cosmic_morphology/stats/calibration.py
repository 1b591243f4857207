"""Do probabilities mean what they say? Temperature, calibration error, thresholds, coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.stats.bootstrap import WeightedStatistic

BINS = 15
_LIMITS = (0.05, 20.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability plot.

    Attributes
    ----------
    said : float
        Mean probability of the answers in it.
    happened : float
        Share of them that are right.
    n : int
        Answers in it.
    """

    said: float
    happened: float
    n: int


def temperature_for(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood (Guo et al. 2017).

    Parameters
    ----------
    logits : ndarray of float32, shape ``(N, K)``
        Scores on the val split.
    targets : ndarray of int, shape ``(N,)``, or of float, shape ``(N, K)``
        Numbers of the right classes, or the share of each class.

    Examples
    --------
    >>> scores = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
    >>> round(temperature_for(scores, np.array([0, 0, 1, 1])), 2)
    3.64
    """
    return _fitted(logits, targets, None)[0]


def temperature_and_prior_for(
    logits: np.ndarray, targets: np.ndarray, shares: np.ndarray
) -> tuple[float, float]:
    """The temperature, and how much of the classes' shares to give back to the scores.

    Class weights make a model learn that all classes are equally frequent; an image's probabilities
    mean what they say only when the shares are given back (prior correction: Saerens et al.
    2002). Where the val split does not bear it out, less is given back.

    Parameters
    ----------
    logits : ndarray of float32, shape ``(N, K)``
        Scores on the val split.
    targets : ndarray of int, shape ``(N,)``
        Numbers of the right classes.
    shares : ndarray, shape ``(K,)``
        Of each class in the train split, above 0.

    Returns
    -------
    temperature : float
        Probabilities are ``softmax(logits / temperature + tau * log(shares))``.
    tau : float
        In 0..1.

    Examples
    --------
    >>> scores = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0]])
    >>> shares = np.array([0.5, 0.5])
    >>> temperature, _ = temperature_and_prior_for(scores, np.array([0, 0, 1, 1]), shares)
    >>> round(temperature, 2)
    3.64
    """
    return _fitted(logits, targets, np.log(shares))


def _fitted(
    logits: np.ndarray, targets: np.ndarray, log_shares: np.ndarray | None
) -> tuple[float, float]:
    if not len(targets):
        return 1.0, 0.0
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    scores = logits.astype(np.float64)
    offset = np.zeros(scores.shape[1]) if log_shares is None else log_shares

    def loss(at: np.ndarray) -> float:
        said = log_softmax(scores / np.exp(at[0]) + at[1] * offset, axis=1)
        if targets.ndim == 2:
            return float(-(said * targets).sum(1).mean())
        return float(-said[np.arange(len(targets)), targets].mean())

    most = 0.0 if log_shares is None else 1.0
    bounds = [(float(np.log(_LIMITS[0])), float(np.log(_LIMITS[1]))), (0.0, most)]
    found = minimize(loss, np.array([0.0, most / 2]), bounds=bounds, method="L-BFGS-B")
    return float(np.exp(found.x[0])), float(found.x[1])


def classwise_ece(probabilities: np.ndarray, y_true: np.ndarray) -> float:
    """Class-wise expected calibration error (Kull et al. 2019): the mean over the classes.

    Parameters
    ----------
    probabilities : ndarray, shape ``(N, K)``
        Of each class.
    y_true : ndarray of int, shape ``(N,)``
        Numbers of the right classes.

    Examples
    --------
    >>> sure = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> classwise_ece(sure, np.array([0, 0, 1, 1]))
    0.0
    >>> classwise_ece(sure, np.array([0, 1, 1, 0]))
    0.5
    """
    if not len(y_true):
        return 0.0
    weights = np.ones((1, len(y_true)), np.float32)
    return float(weighted_ece(probabilities, y_true)(weights)[0])


def weighted_ece(probabilities: np.ndarray, y_true: np.ndarray) -> WeightedStatistic:
    """The same for resamples: a function of weights of shape ``(B, N)``.

    ``y_true`` may also be shares of the classes, of shape ``(N, K)``, such as those of volunteers:
    among images where a model gives a class 0.6, 0.6 of the volunteers should.

    Examples
    --------
    >>> sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> weights = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    >>> weighted_ece(sure, np.array([0, 0]))(weights).tolist()
    [0.0, 1.0, 0.5]
    """
    n, k = probabilities.shape
    number = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gap = probabilities - (y_true if y_true.ndim == 2 else y_true[:, None] == np.arange(k))
    # Each image's gap is in the cell of its class and bin: a resample is one product.
    cells = np.zeros((n, k * BINS), np.float32)
    for each in range(k):
        cells[np.arange(n), each * BINS + number[:, each]] = gap[:, each]

    def value(weights: np.ndarray) -> np.ndarray:
        total = np.maximum(weights.sum(1), 1)
        found: np.ndarray = np.abs(weights @ cells).sum(1) / total / k
        return found

    return value


# A diagram has room for fewer bins than a score needs.
_DRAWN_BINS = 10


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[Bin]:
    """Said against happened for the answers that were given, without empty bins.

    Parameters
    ----------
    confidence : ndarray, shape ``(N,)``
        Probability of the given answer.
    right : ndarray of bool, shape ``(N,)``
        Whether it is the right one.

    Examples
    --------
    >>> bins = reliability(np.array([0.65, 0.65, 0.95]), np.array([True, False, True]))
    >>> [(each.n, each.happened) for each in bins]
    [(2, 0.5), (1, 1.0)]
    """
    at = np.minimum((confidence * _DRAWN_BINS).astype(int), _DRAWN_BINS - 1)
    return [
        Bin(float(confidence[at == b].mean()), float(right[at == b].mean()), int((at == b).sum()))
        for b in np.unique(at)
    ]


def threshold_for(probabilities: np.ndarray, targets: np.ndarray, precision: float) -> float:
    """The lowest confidence from which on answers are right as often as wanted.

    Parameters
    ----------
    probabilities : ndarray, shape ``(N, K)``
        On the val split.
    targets : ndarray of int, shape ``(N,)``
        Numbers of the right classes.
    precision : float
        Wanted share of right answers among those given.

    Returns
    -------
    float
        1.0 when no confidence reaches it.

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    >>> threshold_for(probabilities, np.array([0, 0, 1]), 1.0)
    0.8
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == targets
    order = np.argsort(-confidence, kind="stable")
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Ties share their fate: only the last of equal confidences can be a threshold.
    last = np.append(np.diff(confidence[order]) != 0, True) if len(order) else np.array([], bool)
    good = np.nonzero((reached >= precision) & last)[0]
    return float(confidence[order][good[-1]]) if len(good) else 1.0


def coverage_at_precision(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    """Share of images that get an answer when so many of the answers must be right.

    The threshold is chosen on these very images, so this describes a model; a promise needs a
    threshold from the val split, see :func:`precision_at_coverage` and ``reject_below``.

    Examples
    --------
    >>> sure, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, True, False])
    >>> coverage_at_precision(sure, right, 1.0)
    0.75
    """
    weights = np.ones((1, len(right)), np.float32)
    return float(weighted_coverage(confidence, right, precision)(weights)[0])


def weighted_coverage(
    confidence: np.ndarray, right: np.ndarray, precision: float
) -> WeightedStatistic:
    """The same for resamples: a function of weights of shape ``(B, N)``.

    Examples
    --------
    >>> coverage = weighted_coverage(np.array([0.9, 0.8]), np.array([True, False]), 1.0)
    >>> coverage(np.array([[1, 1], [3, 1]], np.float32)).tolist()
    [0.5, 0.75]
    """
    order, last = _by_confidence(confidence)

    def value(weights: np.ndarray) -> np.ndarray:
        given, good = _running(weights[:, order], right[order])
        enough = (good >= precision * given - 1e-6) & last & (given > 0)
        total = np.maximum(weights.sum(1), 1)
        found: np.ndarray = np.where(enough, given, 0).max(1, initial=0) / total
        return found

    return value


def precision_at_coverage(confidence: np.ndarray, right: np.ndarray, coverage: float) -> float:
    """Share of right answers among the surest ones that make up this share of the images.

    Examples
    --------
    >>> sure, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, False])
    >>> precision_at_coverage(sure, right, 0.5), precision_at_coverage(sure, right, 1.0)
    (1.0, 0.5)
    """
    weights = np.ones((1, len(right)), np.float32)
    return float(weighted_precision(confidence, right, coverage)(weights)[0])


def weighted_precision(
    confidence: np.ndarray, right: np.ndarray, coverage: float
) -> WeightedStatistic:
    """The same for resamples: a function of weights of shape ``(B, N)``.

    Examples
    --------
    >>> precision = weighted_precision(np.array([0.9, 0.8]), np.array([True, False]), 1.0)
    >>> precision(np.array([[1, 1], [3, 1]], np.float32)).tolist()
    [0.5, 0.75]
    """
    order, last = _by_confidence(confidence)

    def value(weights: np.ndarray) -> np.ndarray:
        given, good = _running(weights[:, order], right[order])
        enough = (given >= coverage * weights.sum(1, keepdims=True) - 1e-6) & last
        at = enough.argmax(1)
        rows = np.arange(len(weights))
        found: np.ndarray = good[rows, at] / np.maximum(given[rows, at], 1)
        return found

    return value


def weighted_share(chosen: np.ndarray, among: np.ndarray | None = None) -> WeightedStatistic:
    """Share of images that are chosen, of all or among some: a function of weights ``(B, N)``.

    Examples
    --------
    >>> weighted_share(np.array([True, False]))(np.array([[1, 1], [3, 1]], np.float32)).tolist()
    [0.5, 0.75]
    """
    counted = np.ones(len(chosen), bool) if among is None else among
    both = (chosen & counted).astype(np.float32)

    def value(weights: np.ndarray) -> np.ndarray:
        found: np.ndarray = weights @ both / np.maximum(weights @ counted.astype(np.float32), 1)
        return found

    return value


def _by_confidence(confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order from sure to unsure, and where a threshold may stand: equals share their fate."""
    order = np.argsort(-confidence, kind="stable")
    last = np.append(np.diff(confidence[order]) != 0, True) if len(order) else np.zeros(0, bool)
    return order, last


def _running(weights: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Counts stay exact in float64 for any number of images.
    given = np.cumsum(weights, axis=1, dtype=np.float64)
    return given, np.cumsum(weights * right, axis=1, dtype=np.float64)
