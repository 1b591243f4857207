"""From many opinions to one: probabilities of the classes, given the votes on a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLD = 0.99
"""A vote of this weight is not argued with: the archive's own code, "artist's concept"."""

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
# These give probabilities of all classes, not odds of one.
_OF_ALL = frozenset({"picture", "zero_shot"})
_LEAST, _MOST = 1e-3, 1 - 1e-3

Cast = Sequence[Mapping[str, Any]]


def consensus(
    votes: Sequence[Cast], classes: Sequence[str], *, without: Sequence[Sequence[str]] | None = None
) -> NDArray[np.float64]:
    """Probabilities of the classes from weighted votes: a naive Bayes over the voters.

    A vote of weight *w* for one of *K* classes multiplies its odds by ``w (K - 1) / (1 - w)``,
    raised to the voter's share of independent evidence. Voters that know probabilities of all
    classes multiply by these. Where somebody gives a gold vote, only gold votes are heard.

    Parameters
    ----------
    votes : sequence of N sequences
        For each picture its votes, with ``voter``, ``label`` and ``weight``.
    classes : sequence of str
        The K classes; votes for others are not counted.
    without : sequence of N sequences of str, optional
        For each picture the voters that are not heard.

    Returns
    -------
    array of shape ``(N, K)``
        Rows sum to one; a row without votes is uniform.
    """
    at = {name: column for column, name in enumerate(classes)}
    scores = np.zeros((len(votes), len(classes)))
    for row, cast in enumerate(votes):
        mute = without[row] if without is not None else ()
        heard = [each for each in cast if each["label"] in at and each["voter"] not in mute]
        gold = [each for each in heard if each["weight"] >= GOLD and each["voter"] not in _OF_ALL]
        _add_odds(scores[row], gold or heard, at)
        if not gold:
            _add_distributions(scores[row], heard, at)
    scores -= scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def _add_odds(scores: NDArray[np.float64], cast: Cast, at: Mapping[str, int]) -> None:
    single = [each for each in cast if each["voter"] not in _OF_ALL]
    shares = _SHARE if any(_SHARE.get(each["voter"], 1.0) > 0 for each in cast) else _ALONE
    for each in single:
        weight = min(max(float(each["weight"]), _LEAST), _MOST)
        odds = weight * (len(at) - 1) / (1 - weight)
        scores[at[each["label"]]] += shares.get(each["voter"], 1.0) * np.log(odds)


def _add_distributions(scores: NDArray[np.float64], cast: Cast, at: Mapping[str, int]) -> None:
    for voter in _OF_ALL & {each["voter"] for each in cast}:
        chances = np.zeros(len(at))
        for each in cast:
            if each["voter"] == voter:
                chances[at[each["label"]]] = float(each["weight"])
        # What is left over belongs to the classes that were too unlikely to be listed.
        unlisted = chances == 0
        left = max(1.0 - chances.sum(), 0.0)
        chances[unlisted] = left / max(int(unlisted.sum()), 1)
        scores += np.log(np.maximum(chances, _LEAST))
