"""What is said of the copies of an image, by other collectors and by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmic_morphology.curate.votes.base import DUPLICATE, Batches, VotingContext
from cosmic_morphology.curate.votes.label_model import DECISIVE_WEIGHT, naive_bayes_label_model

# Short of gold: what is said of a copy can be wrong of both.
_MOST_OF_COPY = 0.98
SHOWN_DIGITS = 4
"""Digits of the weight of a derived vote."""

Votes = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CopyVoter:
    """Votes on an image what the votes on its copies come to.

    Attributes
    ----------
    images : VotingContext
        The N images.
    classes : sequence of str
        The K classes, the reject class included.
    set_of : ndarray of int32, shape ``(N,)``
        Number of the set of copies that an image is in; -1: it has no copy.
    members, starts : ndarray of int32
        Images by set, and where each set begins among them.
    best : ndarray of int8, shape ``(N,)``
        The likeliest class of each image that has copies, by its own votes; -1 without votes.
    sure : ndarray of float64, shape ``(N,)``
        Its probability.
    """

    images: VotingContext
    classes: Sequence[str]
    set_of: NDArray[np.int32]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]
    best: NDArray[np.int8]
    sure: NDArray[np.float64]

    @classmethod
    def learned(
        cls, weighted_batches: Batches, images: VotingContext, classes: Sequence[str]
    ) -> CopyVoter:
        """Go through the weighted votes of images that have copies, a batch at a time."""
        set_of, members, starts = _sets(np.asarray(images.copies))
        best, sure = np.full(len(set_of), -1, np.int8), np.zeros(len(set_of))
        for batch in weighted_batches(set_of >= 0) if len(members) else ():
            likely, places = naive_bayes_label_model(batch.votes, classes), batch.places
            voted = [bool(cast) for cast in batch.votes]
            best[places] = np.where(voted, likely.argmax(axis=1), -1)
            sure[places] = likely.max(axis=1)
        return cls(images, classes, set_of, members, starts, best, sure)

    def votes(self, row: int) -> Votes:
        """The votes of its copies on one image."""
        at, images = self.set_of[row], self.images
        if at < 0:
            return []
        rows = self.members[self.starts[at] : self.starts[at + 1]].tolist()
        for other in rows:
            label = images.checked.get(str(images.ids[other])) if images.checked else None
            if other != row and label in self.classes:
                reason = f"a person has seen its copy {images.ids[other]}"
                return [vote_of(DUPLICATE, str(label), DECISIVE_WEIGHT, reason)]
        best: dict[Any, tuple[float, int]] = {}
        for other in rows:
            origin, sure = images.origins[other], float(self.sure[other])
            independent = other != row and origin != images.origins[row]
            if independent and self.best[other] >= 0 and sure > best.get(origin, (0.0, 0))[0]:
                best[origin] = (sure, other)
        return [
            vote_of(
                DUPLICATE,
                self.classes[self.best[other]],
                min(sure, _MOST_OF_COPY),
                f"a copy is {images.ids[other]}",
            )
            for sure, other in best.values()
        ]


def vote_of(voter: str, label: str, weight: float, reason: str) -> dict[str, Any]:
    """A derived vote, as an element of the ``votes`` column."""
    weight = round(weight, SHOWN_DIGITS)
    return {"voter": voter, "label": label, "weight": weight, "reason": reason}


def _sets(
    copies: NDArray[Any],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The sets of two or more images with one value: set of each image, members, starts."""
    _, code, size = np.unique(copies, return_inverse=True, return_counts=True)
    number = np.where(size > 1, np.cumsum(size > 1) - 1, -1).astype(np.int32)
    set_of = number[code]
    shared = np.flatnonzero(set_of >= 0)
    members = shared[np.argsort(set_of[shared], kind="stable")].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(size[size > 1])])
    return set_of, members, starts
