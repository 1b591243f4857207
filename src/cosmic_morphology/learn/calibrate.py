"""Do probabilities mean what they say? Temperature, calibration error, and when to say nothing."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

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
    if not len(targets):
        return 1.0
    scores, right = torch.from_numpy(logits).double(), torch.from_numpy(targets).long()
    log_t = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_t], lr=0.2, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(scores / log_t.exp(), right)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return float(np.clip(log_t.exp().item(), *_LIMITS))


def classwise_ece(probabilities: np.ndarray, targets: np.ndarray, *, bins: int = _BINS) -> float:
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
