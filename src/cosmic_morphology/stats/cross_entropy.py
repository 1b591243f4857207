"""How far probabilities are from shares, such as those of volunteers' votes."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.stats.bootstrap import WeightedStatistic


def weighted_cross_entropy(probabilities: np.ndarray, shares: np.ndarray) -> WeightedStatistic:
    """Mean cross-entropy of shares, both of shape ``(N, K)``: a function of weights ``(B, N)``.

    Of the shares with themselves it is people's own entropy: no model can have less.

    Examples
    --------
    >>> said, shares = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
    >>> round(float(weighted_cross_entropy(said, shares)(np.ones((1, 1), np.float32))[0]), 3)
    0.693
    """
    each = -(shares * np.log(np.clip(probabilities, 1e-12, 1))).sum(1).astype(np.float32)

    def value(weights: np.ndarray) -> np.ndarray:
        found: np.ndarray = weights @ each / np.maximum(weights.sum(1), 1)
        return found

    return value
