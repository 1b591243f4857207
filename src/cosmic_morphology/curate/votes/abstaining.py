"""When a trained run may vote on a picture, and why not: the rule that keeps scores honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_RECORD = "it has no record of what it learned from"
ELSEWHERE = "it learned from pictures that this atlas does not have"
UNKNOWN = "nobody can tell whether it has learned from the picture"
LEARNT = "it has learned from the picture, or from one of its group"
KIN = "it has learned from a picture that is of the group now"
NO_GROUP = "the picture's group is not known"
SCORED = "the picture is of the val or test split"
NOT_ASKED = "it has not been asked yet"
UNREADABLE = "it cannot read the picture"
UNSURE = "it is not sure enough"
_SCORED_SPLITS = ("val", "test")


def abstain_reasons(
    rows: Sequence[Mapping[str, Any]], said: NDArray[np.float32], least: float
) -> list[str]:
    """For each picture why a run does not vote on it; empty where it does.

    The rule: a run votes on a picture only where it can be shown that it was neither trained nor
    validated on the picture, nor on any picture of its group; and no run votes on pictures of the
    val and test splits, for their labels choose and score models.

    Parameters
    ----------
    rows : sequence of N mappings
        ``id``, ``group``, ``split``, and ``learnt``: whether the run has learned from the
        picture, or from one of its group as it was then; None where that is not known.
    said : array of shape ``(N, K)``
        Its probabilities: ``nan`` where it has not been asked, zero where the picture cannot be
        read.
    least : float
        A best class that is less likely says nothing.
    """
    kin = {row["group"] for row in rows if row["learnt"]}
    best = np.nan_to_num(said, nan=-1.0).max(axis=1)
    return [_why(row, float(sure), kin, least) for row, sure in zip(rows, best, strict=True)]


def _why(row: Mapping[str, Any], sure: float, kin: set[str | None], least: float) -> str:
    reasons = (
        (row["learnt"] is None, UNKNOWN),
        (row["learnt"], LEARNT),
        # None among the kin: the group of something that it has learned from is not known.
        (not row["group"] or None in kin, NO_GROUP),
        (row["group"] in kin, KIN),
        (row["split"] in _SCORED_SPLITS, SCORED),
        (sure < 0, NOT_ASKED),
        (sure == 0, UNREADABLE),
        (sure < least, UNSURE),
    )
    return next((why for holds, why in reasons if holds), "")
