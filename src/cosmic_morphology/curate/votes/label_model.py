"""From many opinions to one: probabilities of the classes, given the votes on an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.curate.votes.base import RUN, VOLUNTEERS
from cosmic_morphology.curate.votes.source_voters import AVM, OBJECT_NAME
from cosmic_morphology.curate.votes.text_voters import TEXT, TITLE
from cosmic_morphology.curate.votes.voter_accuracy import RECORD
from cosmic_morphology.curate.votes.voters import NO_CLASS_NAMED

DECISIVE_WEIGHT = 0.99
"""A vote of this weight is not argued with: the archive's own code, "artist's concept"."""

# The fields of one record repeat each other: the later they come, the less they add. A search
# word is in the same texts that the other voters read, so it counts only where they abstain.
_SHARE: Mapping[str, float] = {
    "object_name": 0.7,
    "lead": 0.8,
    "text": 0.6,
    "keywords": 0.6,
    "search_word": 0.0,
}
_ALONE: Mapping[str, float] = {"search_word": 0.5}
# These give probabilities of all classes, not odds of one.
_OF_ALL = frozenset({"image", "zero_shot"})

# Runs learn from the same labels as the image voter and as each other: together they are one
# voice, and not all of its evidence is new.
_SHARE_OF_RUNS = 0.7
# All other voters together count as much as one more person would.
_PEOPLE_OF_OTHERS = 1.0
_LEAST, _MOST = 1e-3, 1 - 1e-3

TEXT_VOTERS = frozenset({TITLE, "lead", TEXT, "keywords", OBJECT_NAME, AVM, NO_CLASS_NAMED})
"""Voters that read what the record says: not the folder that somebody put the image in, not the
word that somebody searched for, and nothing that was learned from labels or said by a person."""

TEXT_PROBABILITIES = pa.list_(pa.float32())

Cast = Sequence[Mapping[str, Any]]


def naive_bayes_label_model(
    votes: Sequence[Cast], classes: Sequence[str], *, without: Sequence[Sequence[str]] | None = None
) -> NDArray[np.float64]:
    """Probabilities of the classes from weighted votes: a naive Bayes over the voters.

    A vote of weight *w* for one of *K* classes multiplies its odds by ``w (K - 1) / (1 - w)``,
    raised to the voter's share of independent evidence. Voters that know probabilities of all
    classes multiply by these. A trained run without the reject class gives no evidence for
    or against that class. Where somebody gives a gold vote, only gold votes count.

    Where *n* volunteers answered, and the other voters say *p*, a class that a share *f* of the
    volunteers gave has the probability ``(n f + p) / (n + 1)``: people's own disagreement stays,
    and what machines think counts as one more of them.

    Parameters
    ----------
    votes : sequence of N sequences
        For each image its votes, with ``voter``, ``label`` and ``weight``.
    classes : sequence of str
        The K classes, the reject class last; votes for others are not counted.
    without : sequence of N sequences of str, optional
        For each image the voters that do not count.

    Returns
    -------
    array of shape ``(N, K)``
        Rows sum to one; a row without votes is uniform.
    """
    at = {name: column for column, name in enumerate(classes)}
    scores = np.zeros((len(votes), len(classes)))
    for row, cast in enumerate(votes):
        abstaining = without[row] if without is not None else ()
        weighted = [
            each
            for each in cast
            if each["label"] in at
            and each["voter"] not in abstaining
            and each["voter"] != VOLUNTEERS
        ]
        gold = [
            each for each in weighted if each["weight"] >= DECISIVE_WEIGHT and not is_of_all(each)
        ]
        _add_odds(scores[row], gold or weighted, at)
        if not gold:
            _add_distributions(scores[row], weighted, at)
    scores -= scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    likely /= likely.sum(axis=1, keepdims=True)
    for row, cast in enumerate(votes):
        if VOLUNTEERS not in (without[row] if without is not None else ()):
            _add_people(likely[row], cast, at)
    return np.asarray(likely)


def text_probabilities(
    votes: Sequence[Sequence[Mapping[str, Any]]], classes: Sequence[str]
) -> pa.Array:
    """Probabilities of the K classes by the votes of texts alone; null where these are silent."""
    said = [[each for each in cast if each["voter"] in TEXT_VOTERS] for cast in votes]
    found = naive_bayes_label_model(said, classes).tolist()
    return pa.array(
        [row if cast else None for cast, row in zip(said, found, strict=True)], TEXT_PROBABILITIES
    )


def _add_people(likely: NDArray[np.float64], cast: Cast, at: Mapping[str, int]) -> None:
    """Mix the shares of volunteers into the probabilities of one image, in place."""
    mine = [each for each in cast if each["voter"] == VOLUNTEERS and each["label"] in at]
    if mine:
        people = float(mine[0]["people"])
        likely *= _PEOPLE_OF_OTHERS / (people + _PEOPLE_OF_OTHERS)
        for each in mine:
            likely[at[each["label"]]] += people * each["weight"] / (people + _PEOPLE_OF_OTHERS)


def _add_odds(scores: NDArray[np.float64], cast: Cast, at: Mapping[str, int]) -> None:
    single = [each for each in cast if not is_of_all(each)]
    shares = _SHARE if any(_SHARE.get(each["voter"], 1.0) > 0 for each in cast) else _ALONE
    for each in single:
        # What people found beside a voter's opinions repeats as much as the voter does.
        voter = each["voter"].removeprefix(RECORD)
        weight = min(max(float(each["weight"]), _LEAST), _MOST)
        odds = weight * (len(at) - 1) / (1 - weight)
        scores[at[each["label"]]] += shares.get(voter, 1.0) * np.log(odds)


def _add_distributions(scores: NDArray[np.float64], cast: Cast, at: Mapping[str, int]) -> None:
    voices = sorted({each["voter"] for each in cast if is_of_all(each)})
    runs = sum(voter.startswith(RUN) for voter in voices)
    for voter in voices:
        mine = [each for each in cast if each["voter"] == voter]
        is_run = voter.startswith(RUN)
        share = _SHARE_OF_RUNS / runs if is_run else 1.0
        scores += share * np.log(np.maximum(_chances(mine, at, is_run), _LEAST))


def _chances(mine: Cast, at: Mapping[str, int], is_run: bool) -> NDArray[np.float64]:
    chances, listed = np.zeros(len(at)), np.zeros(len(at), dtype=bool)
    for each in mine:
        chances[at[each["label"]]] = float(each["weight"])
        listed[at[each["label"]]] = True
    # A run that knows the reject class always lists it.
    without_reject = is_run and not listed[-1]
    unlisted = chances == 0
    if without_reject:
        unlisted[-1] = False
    # What is left over belongs to the classes that were too unlikely to be listed.
    left = max(1.0 - chances.sum(), 0.0)
    chances[unlisted] = left / max(int(unlisted.sum()), 1)
    if without_reject:
        chances[-1] = chances.max()
    return chances


def is_of_all(vote: Mapping[str, Any]) -> bool:
    """Whether it is one of the probabilities of all classes, given by what sees the image."""
    return _sees_all(vote["voter"])


@cache
def _sees_all(voter: str) -> bool:
    return voter in _OF_ALL or voter.startswith(RUN)
