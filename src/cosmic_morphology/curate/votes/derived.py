"""Evidence beyond an image's own texts: its copies elsewhere, and what it looks like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmic_morphology.curate.votes.base import DERIVED, DUPLICATE, IMAGE, RUN, ZERO_SHOT
from cosmic_morphology.curate.votes.embedding_probe import cross_fitted_probabilities, pca_features
from cosmic_morphology.curate.votes.label_model import DECISIVE_WEIGHT, naive_bayes_label_model
from cosmic_morphology.curate.votes.voter_accuracy import reweight_by_verdicts

# Classes that the image voter gives less than this are not worth a line.
_LEAST = 0.02
# Short of gold: what is said of a copy can be wrong of both.
_MOST_OF_COPY = 0.98
# A person has looked; the others have only read.
_CHECKED_WEIGHT = 5.0
_SHOWN_DIGITS = 4
_LOOKS = "looks like confident ones of it"
_DESCRIBED = "a text-image model finds its description near"
_TRAINED = "a trained run that has not learned from its group"

Votes = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class VotingContext:
    """What is known of N images beside their votes; all of length N.

    Attributes
    ----------
    ids : sequence of str
        Their ids.
    groups : sequence of str
        Images that must not be on both sides of a fold.
    copies : sequence of str
        Images with the same value are copies of one image.
    origins : sequence of str
        Who collected it: two collectors who agree are two witnesses.
    checked : mapping of str to str
        People's labels that may be learned from (none of the test split).
    withheld : set of str
        Ids that nothing may be learned from: the test split.
    embeddings : sequence of arrays of shape ``(N, D)``
        One for each backbone; none is fine. Rows of ``nan`` are images without one.
    zero_shot : array of shape ``(N, K)``, optional
        What a text-image model believes of each image; rows of ``nan`` were not seen.
    runs : mapping of str to arrays of shape ``(N, K)``
        What trained runs believe, by voter; rows of ``nan`` where they do not vote, and a last
        column of ``nan`` where they do not know the reject class.
    """

    ids: Sequence[str]
    groups: Sequence[str]
    copies: Sequence[str]
    origins: Sequence[str]
    checked: Mapping[str, str]
    withheld: frozenset[str]
    embeddings: Sequence[NDArray[np.float32]]
    zero_shot: NDArray[np.float32] | None = None
    runs: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def is_derived(voter: str) -> bool:
    """Whether a voter's votes come from other images; they are cast anew each time."""
    return voter in DERIVED or voter.startswith(RUN)


def add_derived_votes(
    votes: Sequence[Votes],
    images: VotingContext,
    classes: Sequence[str],
    *,
    learn_from: float,
    seed: int,
    without: Sequence[str] = (),
) -> list[Votes]:
    """The votes on each image, with those of copies and of the image itself added.

    Parameters
    ----------
    votes : sequence of N lists
        Votes of the row-wise voters; earlier derived ones are replaced.
    images : Images
        The N images.
    classes : sequence of str
        The K classes, the reject class included.
    learn_from : float
        Least confidence of a label that the image voter learns from.
    seed : int
        Of the folds.
    without : sequence of str
        Voters that are not asked.
    """
    own = [[each for each in cast if not is_derived(each["voter"])] for cast in votes]
    weighed = reweight_by_verdicts(own, images.ids, images.origins, images.checked, len(classes))
    copies: list[Votes] = [[] for _ in own]
    if DUPLICATE not in without:
        copies = _copy_votes(weighed, images, classes)
    paired = [cast + more for cast, more in zip(weighed, copies, strict=True)]
    seen: list[Votes] = [[] for _ in own]
    if IMAGE not in without:
        seen = image_votes(paired, images, classes, learn_from=learn_from, seed=seed)
    if images.zero_shot is not None and ZERO_SHOT not in without:
        told = _distributions(ZERO_SHOT, images.zero_shot, classes, _DESCRIBED)
        seen = [looks + more for looks, more in zip(seen, told, strict=True)]
    for voter, likely in images.runs.items():
        told = _distributions(voter, likely, classes, _TRAINED, always=len(classes) - 1)
        seen = [looks + more for looks, more in zip(seen, told, strict=True)]
    return [mine + more + looks for mine, more, looks in zip(own, copies, seen, strict=True)]


def image_votes(
    votes: Sequence[Votes],
    images: VotingContext,
    classes: Sequence[str],
    *,
    learn_from: float,
    seed: int,
) -> list[Votes]:
    """What a linear probe, trained on other groups' confident labels, sees in each image.

    The weights of an image's votes are its class probabilities.
    """
    there = _embedded(images)
    if not there.any():
        return [[] for _ in votes]
    targets, weights = _targets(votes, images, classes, learn_from)
    rows = np.flatnonzero(there).tolist()
    features = np.hstack([pca_features(each[rows], seed=seed) for each in images.embeddings])
    likely = cross_fitted_probabilities(
        features,
        targets[rows],
        weights[rows],
        [images.groups[row] for row in rows],
        len(classes),
        seed=seed,
    )
    cast: list[Votes] = [[] for _ in votes]
    uniform = np.allclose(likely, 1 / len(classes), atol=1e-9, rtol=0) if len(likely) else True
    if not uniform:
        told = _distributions(IMAGE, likely, classes, _LOOKS)
        for row, weighted in zip(rows, told, strict=True):
            cast[row] = weighted
    return cast


def _distributions(
    voter: str,
    likely: NDArray[Any],
    classes: Sequence[str],
    reason: str,
    *,
    always: int | None = None,
) -> list[Votes]:
    """Probabilities of the classes as votes, the likeliest first; ``nan`` says nothing."""
    return [
        [
            _vote(voter, classes[int(at)], float(chances[at]), reason)
            for at in np.argsort(-chances)
            if chances[at] >= (0.0 if at == always else _LEAST)
        ]
        for chances in likely
    ]


def _copy_votes(
    votes: Sequence[Votes], images: VotingContext, classes: Sequence[str]
) -> list[Votes]:
    members: dict[str, list[int]] = defaultdict(list)
    for row, copy in enumerate(images.copies):
        members[copy].append(row)
    shared = [rows for rows in members.values() if len(rows) > 1]
    likely = naive_bayes_label_model(votes, classes)
    cast: list[Votes] = [[] for _ in votes]
    for rows in shared:
        for row in rows:
            cast[row] = _votes_of_copies(row, rows, votes, likely, images, classes)
    return cast


def _votes_of_copies(
    row: int,
    rows: Sequence[int],
    votes: Sequence[Votes],
    likely: NDArray[np.float64],
    images: VotingContext,
    classes: Sequence[str],
) -> Votes:
    for other in rows:
        told = images.checked.get(images.ids[other])
        if other != row and told in classes:
            reason = f"a person has seen its copy {images.ids[other]}"
            return [_vote(DUPLICATE, str(told), DECISIVE_WEIGHT, reason)]
    best: dict[str, tuple[float, int]] = {}
    for other in rows:
        origin = images.origins[other]
        sure = float(likely[other].max())
        independent = other != row and origin != images.origins[row]
        if independent and votes[other] and sure > best.get(origin, (0.0, 0))[0]:
            best[origin] = (sure, other)
    return [
        _vote(
            DUPLICATE,
            classes[int(likely[other].argmax())],
            min(sure, _MOST_OF_COPY),
            f"a copy is {images.ids[other]}",
        )
        for sure, other in best.values()
    ]


def _targets(
    votes: Sequence[Votes],
    images: VotingContext,
    classes: Sequence[str],
    learn_from: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    number = {name: at for at, name in enumerate(classes)}
    likely = naive_bayes_label_model(votes, classes)
    sure = likely.max(axis=1)
    targets = np.where(sure >= learn_from, likely.argmax(axis=1), -1)
    weights = sure.copy()
    for row, id_ in enumerate(images.ids):
        if images.checked.get(id_) in number:
            targets[row], weights[row] = number[images.checked[id_]], _CHECKED_WEIGHT
        if id_ in images.withheld:
            targets[row] = -1
    return targets.astype(np.int64), weights


def _embedded(images: VotingContext) -> NDArray[np.bool_]:
    there = np.full(len(images.ids), bool(images.embeddings))
    for each in images.embeddings:
        there &= ~np.isnan(each).any(axis=1)
    return there


def _vote(voter: str, label: str, weight: float, reason: str) -> dict[str, Any]:
    return {
        "voter": voter,
        "label": label,
        "weight": round(weight, _SHOWN_DIGITS),
        "reason": reason,
    }
