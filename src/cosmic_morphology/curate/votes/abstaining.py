"""When a trained run may vote on an image, and why not: the rule that keeps scores honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def abstain_reasons(
    rows: Sequence[Mapping[str, Any]], said: NDArray[np.float32], least: float
) -> list[str]:
    """For each image why a run does not vote on it; empty where it does.

    The rule: a run votes on an image only where it can be shown that it was neither trained nor
    validated on the image, nor on any image of its group; and no run votes on images of the
    val and test splits, for their labels choose and score models.

    Parameters
    ----------
    rows : sequence of N mappings
        ``id``, ``group``, ``split``, and ``learned``: whether the run has learned from the
        image, or from one of its group as it was then; None where that is not known.
    said : array of shape ``(N, K)``
        Its probabilities: ``nan`` where it has not been asked, zero where the image cannot be
        read.
    least : float
        The vote abstains where the best class is less likely.
    """
    learned_groups = {row["group"] for row in rows if row["learned"]}
    best = np.nan_to_num(said, nan=-1.0).max(axis=1)
    return [
        _why(row, float(sure), learned_groups, least) for row, sure in zip(rows, best, strict=True)
    ]


def _why(row: Mapping[str, Any], sure: float, learned_groups: set[str | None], least: float) -> str:
    reasons = (
        (row["learned"] is None, UNKNOWN),
        (row["learned"], LEARNED),
        # None among these: the group of something that it has learned from is not known.
        (not row["group"] or None in learned_groups, NO_GROUP),
        (row["group"] in learned_groups, KIN),
        (row["split"] in _SCORED_SPLITS, SCORED),
        (sure < 0, NOT_ASKED),
        (sure == 0, UNREADABLE),
        (sure < least, UNSURE),
    )
    return next((why for holds, why in reasons if holds), "")
