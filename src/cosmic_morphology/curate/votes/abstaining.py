"""When a trained run may vote on an image, and why not: the rule that keeps scores honest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.curate.records import Records

NO_RECORD = "it has no record of what it learned from"
ELSEWHERE = "it learned from images that this atlas does not have"
UNKNOWN = "nobody can tell whether it has learned from the image"
LEARNED = "it has learned from the image, or from one of its group"
KIN = "it has learned from an image that is of the group now"
NO_GROUP = "the image's group is not known"
SCORED = "the image is of the val or test split"
NOT_ASKED = "it has not been asked yet"
UNREADABLE = "it cannot read the image"
UNSURE = "it is not sure enough"
_SCORED_SPLITS = ("val", "test")
REASONS = ("", UNKNOWN, LEARNED, NO_GROUP, KIN, SCORED, NOT_ASKED, UNREADABLE, UNSURE)
"""In the order in which they are told; the first is of images that a run votes on."""


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What decides whether one run may vote on each of N images.

    Attributes
    ----------
    learned : ndarray of int8, shape ``(N,)``
        1: the run has learned from the image, or from one of its group as it was then; 0: it has
        not; -1: that is not known.
    group : ndarray of int32, shape ``(N,)``
        Number of its group.
    has_group : ndarray of bool, shape ``(N,)``
        Whether its group is known.
    is_scored : ndarray of bool, shape ``(N,)``
        Whether it is of the val or test split.
    """

    learned: NDArray[np.int8]
    group: NDArray[np.int32]
    has_group: NDArray[np.bool_]
    is_scored: NDArray[np.bool_]

    @classmethod
    def read(cls, records: Records, learned_column: str) -> RunEvidence:
        """Of all records, where a column says what the run has learned from."""
        learned = known_to_have_learned(records, learned_column)
        group, groups = records.codes("group")
        split, splits = records.codes("split")
        has_name = np.asarray(pc.not_equal(groups, "").fill_null(False))
        scored = [name in _SCORED_SPLITS for name in splits.to_pylist()]
        return cls(learned, group, has_name[group], np.array(scored, bool)[split])


def known_to_have_learned(records: Records, column: str) -> NDArray[np.int8]:
    """A column of true and false as 1 and 0; -1 where it is not known."""
    known = records.column(column).cast("int8").fill_null(-1)
    return np.asarray(known, np.int8)


def abstain_reasons(
    evidence: RunEvidence, probabilities: NDArray[np.float32], least: float
) -> NDArray[np.int8]:
    """For each image why a run does not vote on it, as a place in :data:`REASONS`; 0: it does.

    The rule: a run votes on an image only where it can be shown that it was neither trained nor
    validated on the image, nor on any image of its group; and no run votes on images of the
    val and test splits, for their labels choose and score models.

    Parameters
    ----------
    evidence : RunEvidence
        Of the N images.
    probabilities : array of shape ``(N, K)``
        Its probabilities: ``nan`` where it has not been asked, zero where the image cannot be
        read.
    least : float
        A best class that is less likely says nothing.
    """
    has_learned = evidence.learned > 0
    kin = np.zeros(int(evidence.group.max(initial=-1)) + 1, bool)
    kin[evidence.group[has_learned]] = True
    # The group of something that it has learned from is not known: then no other is known apart.
    is_lost = bool((has_learned & ~evidence.has_group).any())
    sure = np.nan_to_num(probabilities, nan=-1.0).max(axis=1)
    holds = {
        UNKNOWN: evidence.learned < 0,
        LEARNED: has_learned,
        NO_GROUP: ~evidence.has_group | is_lost,
        KIN: kin[evidence.group],
        SCORED: evidence.is_scored,
        NOT_ASKED: sure < 0,
        UNREADABLE: sure == 0,
        UNSURE: sure < least,
    }
    why = np.zeros(len(sure), np.int8)
    for place in range(len(REASONS) - 1, 0, -1):
        why[holds[REASONS[place]]] = place
    return why
