"""The worst mistakes of a run, and the training images that an image looks most like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.atlas import Atlas, embedding_column_for, shown_texts
from cosmic_morphology.evaluate.predictions import Predictions
from cosmic_morphology.learn.models.presets import BETWEEN_NAMES, timm_name

TRAIN = "split = 'train'"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One training image, what it was labelled, and the cosine of the angle between them."""

    id: str
    label: str
    cosine: float


def embedding_for(atlas: Atlas, backbone: str = "") -> str:
    """Column of a backbone's embeddings (a preset's, or any of timm's), else the atlas's first.

    Of several that answer together, the first one's.
    """
    return embedding_column_for(atlas, timm_name(backbone.partition(BETWEEN_NAMES)[0]))


def read_vectors(
    atlas: Atlas, column: str, where: str, more: Sequence[str] = ()
) -> tuple[list[dict[str, str]], np.ndarray]:
    """Rows and their embeddings of length 1, float32 of shape ``(N, D)``; unreadable ones left out.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    column : str
        From :func:`embedding_for`.
    where : str
        Which rows, in Lance's SQL.
    more : sequence of str
        Columns of the rows besides ``id``.
    """
    found = atlas.read(["id", *more, column], where=where)
    found = found.filter(found.column(column).is_valid()).sort_by("id")
    if not found.num_rows:
        return [], np.zeros((0, 1), np.float32)
    flat = found.column(column).combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.astype(np.float32).reshape(found.num_rows, -1)
    length = np.linalg.norm(vectors, axis=1)
    seen = np.isfinite(length) & (length > 0)
    rows = found.select(["id", *more]).to_pylist()
    kept = [row for row, good in zip(rows, seen, strict=True) if good]
    return kept, vectors[seen] / length[seen, None]


def nearest_in_training(
    atlas: Atlas, ids: Sequence[str], *, column: str, count: int = 3
) -> dict[str, list[Neighbour]]:
    """The training images nearest to each of some images, nearest first.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    ids : sequence of str
        The images; those without an embedding are missing in the answer.
    column : str
        Their embeddings, from :func:`embedding_for`.
    count : int
        Neighbours of each.
    """
    wanted = set(ids)
    train, seen = read_vectors(atlas, column, TRAIN, ["label"])
    others, asked = read_vectors(atlas, column, "split = 'test' OR split = 'val'")
    rows = [row for row, each in enumerate(others) if each["id"] in wanted]
    if not train or not rows:
        return {}
    cosine = asked[rows] @ seen.T
    best = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
    return {
        others[row]["id"]: [
            Neighbour(train[at]["id"], train[at]["label"] or "", float(cosine[line, at]))
            for at in best[line]
        ]
        for line, row in enumerate(rows)
    }


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer.

    Attributes
    ----------
    id, title, credit, page_url : str
        The image, as its source describes it: texts from outside.
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
    atlas: Atlas, answers: Predictions, classes: Sequence[str], *, count: int
) -> list[Mistake]:
    """The most confident wrong answers, surest first.

    Parameters
    ----------
    atlas : Atlas
        Gives titles and credits.
    answers : Predictions
        Of one run, on one kind of label.
    classes : sequence of str
        Names of the classes.
    count : int
        The largest number of rows.
    """
    wrong = np.flatnonzero(~answers.correct)
    # Equally sure mistakes come in the order of their ids: the same page for the same answers.
    order = sorted(wrong.tolist(), key=lambda row: (-answers.confidence[row], answers.ids[row]))
    chosen = order[:count]
    texts = _texts(atlas, [answers.ids[row] for row in chosen])
    return [
        Mistake(
            id=str(answers.ids[row]),
            title=texts[answers.ids[row]]["title"],
            credit=texts[answers.ids[row]]["credit"],
            page_url=texts[answers.ids[row]]["page_url"],
            right=classes[answers.y_true[row]],
            answer=str(answers.predicted_class[row] or "no answer"),
            confidence=float(answers.confidence[row]),
        )
        for row in chosen
    ]


def _texts(atlas: Atlas, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    if not ids:
        return {}
    columns = ["title", "credit", "licence", "page_url"]
    parts = atlas.batches(columns, ids=ids)
    return {row["id"]: shown_texts(row) for part in parts for row in part.to_pylist()}
