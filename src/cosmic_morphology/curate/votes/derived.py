"""Evidence beyond an image's own texts: its copies elsewhere, and what it looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.curate.votes.base import (
    DERIVED,
    DUPLICATE,
    IMAGE,
    RUN,
    ZERO_SHOT,
    Batches,
    VoteBatch,
    VotingContext,
)
from cosmic_morphology.curate.votes.copies import CopyVoter, Votes, vote_of
from cosmic_morphology.curate.votes.embedding_probe import cross_fitted_probabilities, pca_features
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.voter_accuracy import Key, reweighted, verdicts_on_voters

# Classes that the image voter gives less than this are not worth a line.
_LEAST = 0.02
# A person has looked; the others have only read.
_CHECKED_WEIGHT = 5.0
_LOOKS = "looks like confident ones of it"
_DESCRIBED = "a text-image model finds its description near"
_TRAINED = "a trained run that has not learned from its group"


@cache
def is_derived(voter: str) -> bool:
    """Whether a voter's votes come from other images; they are cast again each time."""
    return voter in DERIVED or voter.startswith(RUN)


@dataclass(frozen=True, slots=True)
class DerivedVoters:
    """Voters that have gone through the votes on all N images, and now vote on any of them.

    Attributes
    ----------
    images : VotingContext
        The N images.
    classes : sequence of str
        The K classes, the reject class included.
    copies : CopyVoter or None
        Tells what is said of copies of an image.
    seen : list of (str, array of shape ``(N, K)``, str, int or None)
        Voters that give probabilities of all classes: name, probabilities, reason, and the class
        that is told however unlikely it is.
    """

    images: VotingContext
    classes: Sequence[str]
    copies: CopyVoter | None
    seen: list[tuple[str, NDArray[Any], str, int | None]]

    @classmethod
    def learned(
        cls,
        batches: Batches,
        images: VotingContext,
        classes: Sequence[str],
        *,
        learn_from: float,
        seed: int,
        without: Sequence[str] = (),
    ) -> DerivedVoters:
        """Go through all votes, a batch at a time; what is kept are arrays.

        Parameters
        ----------
        batches : callable
            See :data:`~cosmic_morphology.curate.votes.base.Batches`.
        images : VotingContext
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

        def weighted_batches(only: NDArray[np.bool_] | None) -> Iterator[VoteBatch]:
            for batch in batches(only):
                yield _weighed(batch, images, found, len(classes))

        found: dict[Key, Counter[str]] = {}
        for batch in batches(_are_checked(images)) if images.checked else ():
            own, origins = own_votes(batch), [images.origins[at] for at in batch.places]
            verdicts_on_voters(own, batch.ids, origins, images.checked, into=found)
        copies = (
            None if DUPLICATE in without else CopyVoter.learned(weighted_batches, images, classes)
        )
        seen: list[tuple[str, NDArray[Any], str, int | None]] = []
        if IMAGE not in without and _embedded(images).any():
            paired = (
                VoteBatch(each.places, each.ids, _added(each.votes, copies, each.places))
                for each in weighted_batches(None)
            )
            likely = _image_votes(paired, images, classes, learn_from=learn_from, seed=seed)
            seen.append((IMAGE, likely, _LOOKS, None))
        if images.zero_shot is not None and ZERO_SHOT not in without:
            seen.append((ZERO_SHOT, images.zero_shot, _DESCRIBED, None))
        seen += [(name, each, _TRAINED, len(classes) - 1) for name, each in images.runs.items()]
        return cls(images, classes, copies, seen)

    def add_votes(self, batch: VoteBatch) -> list[Votes]:
        """The votes on some images, earlier derived ones replaced by those of now."""
        cast = _added(own_votes(batch), self.copies, batch.places)
        for voter, likely, reason, always in self.seen:
            chances = likely[batch.places]
            more_votes = _distributions(voter, chances, self.classes, reason, always=always)
            cast = [mine + more for mine, more in zip(cast, more_votes, strict=True)]
        return cast


def own_votes(batch: VoteBatch) -> list[Votes]:
    """The votes of voters that look at one row alone."""
    return [[each for each in cast if not is_derived(each["voter"])] for cast in batch.votes]


def _weighed(
    batch: VoteBatch, images: VotingContext, found: Mapping[Key, Counter[str]], n_classes: int
) -> VoteBatch:
    origins = [images.origins[at] for at in batch.places]
    own = own_votes(batch)
    votes = reweighted(own, batch.ids, origins, images.checked, found, n_classes)
    return VoteBatch(batch.places, batch.ids, votes)


def _added(
    votes: Sequence[Votes], copies: CopyVoter | None, places: NDArray[np.int32]
) -> list[Votes]:
    if copies is None:
        return list(votes)
    return [mine + copies.votes(int(at)) for mine, at in zip(votes, places, strict=True)]


def _image_votes(
    paired: Iterable[VoteBatch],
    images: VotingContext,
    classes: Sequence[str],
    *,
    learn_from: float,
    seed: int,
) -> NDArray[np.float64]:
    """What a linear probe, trained on other groups' confident labels, sees in each image.

    Rows of ``nan`` where there is no embedding, and everywhere where there is nothing to learn.
    """
    targets, weights = _targets(paired, images, classes, learn_from)
    rows = np.flatnonzero(_embedded(images))
    features = np.hstack([pca_features(each[rows], seed=seed) for each in images.embeddings])
    likely = cross_fitted_probabilities(
        features,
        targets[rows],
        weights[rows],
        [str(images.groups[row]) for row in rows.tolist()],
        len(classes),
        seed=seed,
    )
    probabilities = np.full((len(targets), len(classes)), np.nan)
    if not np.allclose(likely, 1 / len(classes), atol=1e-9, rtol=0):
        probabilities[rows] = likely
    return probabilities


def _distributions(
    voter: str,
    likely: NDArray[Any],
    classes: Sequence[str],
    reason: str,
    *,
    always: int | None = None,
) -> list[Votes]:
    """Probabilities of the classes as votes, the likeliest first; ``nan`` abstains."""
    return [
        [
            vote_of(voter, classes[int(at)], float(chances[at]), reason)
            for at in np.argsort(-chances)
            if chances[at] >= (0.0 if at == always else _LEAST)
        ]
        for chances in likely
    ]


def _targets(
    batches: Iterable[VoteBatch],
    images: VotingContext,
    classes: Sequence[str],
    learn_from: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    number = {name: at for at, name in enumerate(classes)}
    targets = np.full(len(images.ids), -1, np.int64)
    weights = np.zeros(len(images.ids))
    for batch in batches:
        likely = naive_bayes_label_model(batch.votes, classes)
        sure = likely.max(axis=1)
        targets[batch.places] = np.where(sure >= learn_from, likely.argmax(axis=1), -1)
        weights[batch.places] = sure
        for row, id_ in zip(batch.places, batch.ids, strict=True):
            if images.checked.get(id_) in number:
                targets[row], weights[row] = number[images.checked[id_]], _CHECKED_WEIGHT
            if id_ in images.withheld:
                targets[row] = -1
    return targets, weights


def _are_checked(images: VotingContext) -> NDArray[np.bool_]:
    ids = pa.array(images.ids, pa.string())
    return np.asarray(pc.is_in(ids, value_set=pa.array(images.checked, pa.string())))


def _embedded(images: VotingContext) -> NDArray[np.bool_]:
    there = np.full(len(images.ids), bool(images.embeddings))
    for each in images.embeddings:
        there &= ~np.isnan(each).any(axis=1)
    return there


__all__ = ["DerivedVoters", "VotingContext", "is_derived", "own_votes"]
