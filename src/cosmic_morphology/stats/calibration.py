"""Do probabilities mean what they say? Temperature, calibration error, and when to say nothing."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

_BINS = 15
_LIMITS = (0.05, 20.0)


def temperature_for(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood (Guo et al. 2017).

    Parameters
    ----------
    logits : ndarray of float32, shape ``(N, K)``
        Scores on the val split.
    targets : ndarray of int, shape ``(N,)``
        Numbers of the right classes.
    """
    return _fitted(logits, targets, None)[0]


def temperature_and_prior_for(
    logits: np.ndarray, targets: np.ndarray, shares: np.ndarray
) -> tuple[float, float]:
    """The temperature, and how much of the classes' shares to give back to the scores.

    Class weights teach that all classes are equally frequent; a picture's probabilities mean what
    they say only when the shares are given back (prior correction: Saerens et al. 2002). Where
    the val split does not bear it out, less is given back.

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
    temperature, tau : float
        Probabilities are ``softmax(logits / temperature + tau * log(shares))``, tau in 0..1.
    """
    return _fitted(logits, targets, np.log(shares))


def _fitted(
    logits: np.ndarray, targets: np.ndarray, log_shares: np.ndarray | None
) -> tuple[float, float]:
    if not len(targets):
        return 1.0, 0.0
    scores = logits.astype(np.float64)
    offset = np.zeros(scores.shape[1]) if log_shares is None else log_shares

    def loss(at: np.ndarray) -> float:
        said = log_softmax(scores / np.exp(at[0]) + at[1] * offset, axis=1)
        return float(-said[np.arange(len(targets)), targets].mean())

    most = 0.0 if log_shares is None else 1.0
    bounds = [(float(np.log(_LIMITS[0])), float(np.log(_LIMITS[1]))), (0.0, most)]
    found = minimize(loss, np.array([0.0, most / 2]), bounds=bounds, method="L-BFGS-B")
    return float(np.exp(found.x[0])), float(found.x[1])


def _classwise_ece_twin(
    probabilities: np.ndarray, targets: np.ndarray, *, bins: int = _BINS
) -> float:
    """Class-wise expected calibration error (Kull et al. 2019): the mean over the classes.

    Parameters
    ----------
    probabilities : ndarray, shape ``(N, K)``
        Of each class.
    targets : ndarray of int, shape ``(N,)``
        Numbers of the right classes.
    bins : int
        Of equal width in 0..1.
    """
    errors = [
        _ece(probabilities[:, k], (targets == k).astype(float), bins)
        for k in range(probabilities.shape[1])
    ]
    return float(np.mean(errors))


def _ece(said: np.ndarray, happened: np.ndarray, bins: int) -> float:
    at = np.minimum((said * bins).astype(int), bins - 1)
    gaps = [
        abs(said[at == b].mean() - happened[at == b].mean()) * (at == b).mean()
        for b in np.unique(at)
    ]
    return float(np.sum(gaps))


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
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == targets
    order = np.argsort(-confidence, kind="stable")
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Ties share their fate: only the last of equal confidences can be a threshold.
    last = np.append(np.diff(confidence[order]) != 0, True) if len(order) else np.array([], bool)
    good = np.nonzero((reached >= precision) & last)[0]
    return float(confidence[order][good[-1]]) if len(good) else 1.0
