"""The worst mistakes of a run: wrong answers that it was most sure of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.atlas import Atlas, shown_texts
from cosmic_morphology.evaluate.answers import Answers


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer.

    Attributes
    ----------
    id, title, credit, page_url : str
        The picture, as its source describes it: texts from outside.
    right, answer : str
        Its class, and what the run said.
    confidence : float
        Probability of that answer.
    """

    id: str
    title: str
    credit: str
    page_url: str
    right: str
    answer: str
    confidence: float


def worst_mistakes(
    atlas: Atlas, answers: Answers, classes: Sequence[str], *, count: int
) -> list[Mistake]:
    """The most confident wrong answers, surest first.

    Parameters
    ----------
    atlas : Atlas
        Gives titles and credits.
    answers : Answers
        Of one run, on one kind of label.
    classes : sequence of str
        Names of the classes.
    count : int
        At most so many.
    """
    wrong = np.flatnonzero(~answers.right)
    # Equally sure mistakes come in the order of their ids: the same page for the same answers.
    order = sorted(wrong.tolist(), key=lambda row: (-answers.confidence[row], answers.ids[row]))
    chosen = order[:count]
    said = _said(atlas, [answers.ids[row] for row in chosen])
    return [
        Mistake(
            id=str(answers.ids[row]),
            title=said[answers.ids[row]]["title"],
            credit=said[answers.ids[row]]["credit"],
            page_url=said[answers.ids[row]]["page_url"],
            right=classes[answers.y_true[row]],
            answer=str(answers.said[row] or "no answer"),
            confidence=float(answers.confidence[row]),
        )
        for row in chosen
    ]


def _said(atlas: Atlas, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    if not ids:
        return {}
    columns = ["title", "credit", "licence", "page_url"]
    parts = atlas.batches(columns, ids=ids)
    return {row["id"]: shown_texts(row) for part in parts for row in part.to_pylist()}
