"""From many opinions to one: probabilities of the classes, given the votes on a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The fields of one record repeat each other: the later they come, the less they add. A search
# word stands in the same texts that the other voters read, so it counts only where they are mute.
_SHARE: Mapping[str, float] = {
    "object_name": 0.7,
    "lead": 0.8,
    "text": 0.6,
    "keywords": 0.6,
    "search_word": 0.0,
}
_ALONE: Mapping[str, float] = {"search_word": 0.5}
GOLD = 0.99


def consensus(
    votes: Sequence[Sequence[Mapping[str, Any]]], classes: Sequence[str]
) -> NDArray[np.float64]:
    """Probabilities of the classes from weighted votes: a naive Bayes over the voters.

    A vote of weight *w* for one of *K* classes multiplies its odds by ``w (K - 1) / (1 - w)``,
    raised to the voter's share of independent evidence. Where somebody gives a gold vote (0.99
    or more: the archive's own subject code, "artist's concept"), the others are not heard.

    Parameters
    ----------
    votes : sequence of sequences
        For each of N pictures its votes, with ``voter``, ``label`` and ``weight``.
    classes : sequence of str
        The K classes; votes for others are not counted.

    Returns
    -------
    array of shape ``(N, K)``
        Rows sum to one; a row without votes is uniform.
    """
    at = {name: column for column, name in enumerate(classes)}
    scores = np.zeros((len(votes), len(classes)))
    for row, cast in enumerate(votes):
        shares = _SHARE if any(_SHARE.get(v["voter"], 1.0) > 0 for v in cast) else _ALONE
        gold = [each for each in cast if each["weight"] >= GOLD]
        for each in gold or cast:
            if each["label"] in at:
                weight = min(max(float(each["weight"]), 1e-3), 1 - 1e-3)
                odds = weight * (len(classes) - 1) / (1 - weight)
                scores[row, at[each["label"]]] += shares.get(each["voter"], 1.0) * np.log(odds)
    scores -= scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))
