"""The other consensus: CROWDLAB, which learns how far to trust each voter from agreement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmic_morphology.curate.votes.base import VoteBatch
from cosmic_morphology.curate.votes.cast import labels_of_voter
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.extras import needs

# The model's vote is given separately; search words repeat what the texts say.
_NOT_ANNOTATORS = frozenset({"image", "search_word"})
_LEAST = 1e-3

CrowdCast = Sequence[Mapping[str, Any]]


def crowdlab(batches: Iterable[VoteBatch], n: int, classes: Sequence[str]) -> NDArray[np.float64]:
    """Probabilities of the classes by CROWDLAB (Goh, Tkachenko, Mueller 2022, arXiv:2210.06812).

    Every voter is an annotator with one label an image, the image voter is the model. Rows
    that CROWDLAB cannot score (no annotator) keep the probabilities of
    :func:`~cosmic_morphology.curate.votes.label_model.naive_bayes_label_model`.

    Parameters
    ----------
    batches : iterable of VoteBatch
        The votes on all images; the ids are for stable ties.
    n : int
        N, the number of images.
    classes : sequence of str
        The K classes.

    Returns
    -------
    array of shape ``(N, K)``
        The consensus quality score at the consensus label, the rest spread over the others.

    Raises
    ------
    MissingExtraError
        cleanlab is not installed.
    """
    with needs("CROWDLAB"):
        from cleanlab.multiannotator import get_label_quality_multiannotator
    likely, model = np.empty((n, len(classes))), np.empty((n, len(classes)))
    said: dict[str, NDArray[np.float32]] = {}
    for batch in batches:
        likely[batch.places] = naive_bayes_label_model(batch.votes, classes)
        model[batch.places] = _model(batch.votes, classes)
        for voter, labels in _annotations(batch, classes).items():
            said.setdefault(voter, np.full(n, np.nan, np.float32))[batch.places] = labels
    table = np.array([said[voter] for voter in sorted(said)], dtype=float).reshape(len(said), n).T
    rows = np.flatnonzero(~np.isnan(table).all(axis=1))
    several = (~np.isnan(table[rows])).sum(axis=1) > 1
    if not several.any() or np.isnan(table[rows]).all(axis=0).any():
        return likely
    found = get_label_quality_multiannotator(
        table[rows],
        model[rows],
        verbose=False,
        return_detailed_quality=False,
        return_annotator_stats=False,
    )["label_quality"]
    names = found["consensus_label"].to_numpy().astype(int)
    sure = np.clip(found["consensus_quality_score"].to_numpy(), 1 / len(classes), 1.0)
    likely[rows] = ((1 - sure) / (len(classes) - 1))[:, None]
    likely[rows, names] = sure
    return likely


def _annotations(batch: VoteBatch, classes: Sequence[str]) -> dict[str, list[float]]:
    """The number of the class that each voter names; ``nan`` where it abstains."""
    number = {name: float(at) for at, name in enumerate(classes)}
    voters = {each["voter"] for cast in batch.votes for each in cast} - _NOT_ANNOTATORS
    return {
        voter: [
            number.get(name, np.nan) for name in labels_of_voter(batch.votes, voter, ids=batch.ids)
        ]
        for voter in voters
    }


def _model(votes: Sequence[CrowdCast], classes: Sequence[str]) -> NDArray[np.float64]:
    number = {name: at for at, name in enumerate(classes)}
    chances = np.full((len(votes), len(classes)), _LEAST)
    for row, cast in enumerate(votes):
        for each in cast:
            if each["voter"] == "image" and each["label"] in number:
                chances[row, number[each["label"]]] = max(float(each["weight"]), _LEAST)
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))
