"""Sheets of look-alikes: images with one suggested label, of which one action confirms all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, embedding_columns, level_columns
from cosmic_morphology.atlas.query import take
from cosmic_morphology.curate.review.queue import QueueItem, review_queue
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.weighted_votes import votes_of_rows
from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import Taxonomy

SHEET_SIZE = 24
"""Images on a sheet at most: what fits on a screen and is seen at one glance."""
# Of so many waiting images sheets are made: their embeddings are held at once.
_AMONG = 2048
# Look-alikes are sought among so many times the images of a sheet, the most valuable first: more
# alike ones farther down the queue are mostly right already, and a look at them is lost.
_REACH = 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """Images that look alike and have one suggested label.

    Attributes
    ----------
    suggested : str
        The class that all of them are taken for; empty where nothing suggests one.
    items : tuple of QueueItem
        1 to 24 of them: the most valuable first, then the others, the more alike the earlier.
    worth : float
        How much the verdicts on all of them are worth, relative to other sheets.
    """

    suggested: str
    items: tuple[QueueItem, ...]
    worth: float


def review_sheets(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    limit: int | None = None,
    size: int = SHEET_SIZE,
    queue: Sequence[QueueItem] | None = None,
) -> list[Sheet]:
    """Images without a verdict on sheets of look-alikes, the most valuable sheet first.

    The most valuable image of the queue begins a sheet. The others on it have the same suggested
    label and are, of the next valuable ones, those whose embeddings are nearest to it (the mean
    cosine over all ``embedding_…`` and ``levels_…`` columns). Each image is on one sheet. Without
    embeddings sheets follow the queue.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    taxonomy : Taxonomy
        The classes.
    limit : int, optional
        The largest number of sheets.
    size : int
        Images on a sheet at most.
    queue : sequence of QueueItem, optional
        What waits, such as the part of :func:`review_queue` that nobody else looks at; without it
        the first 2,048 images of the whole.

    Returns
    -------
    list of Sheet
        At most ``limit`` of them.

    Examples
    --------
    >>> sheets = review_sheets(atlas, taxonomy=taxonomy)
    >>> sorted((sheet.suggested, len(sheet.items)) for sheet in sheets)
    [('galaxy', 8), ('nebula', 8), ('star', 8)]
    """
    if queue is None:
        queue = review_queue(atlas, taxonomy=taxonomy, limit=_AMONG)
    items = _with_suggestions(atlas, list(queue), taxonomy)
    alike = _Alike(atlas, [item.id for item in items])
    waiting: dict[str, list[int]] = {}
    for at, item in enumerate(items):
        waiting.setdefault(item.suggested, []).append(at)
    sheets = []
    for suggested, places in waiting.items():
        for on_sheet in _on_sheets(places, alike, size):
            mine = tuple(items[at] for at in on_sheet)
            sheets.append(Sheet(suggested, mine, sum(item.worth for item in mine)))
    return sorted(sheets, key=lambda sheet: (-sheet.worth, sheet.items[0].id))[:limit]


def sheet_verdicts(
    sheet: Sheet,
    label: str,
    exceptions: Mapping[str, str],
    *,
    taxonomy: Taxonomy,
    who: str,
    at: datetime,
) -> list[dict[str, Any]]:
    """One answer to a whole sheet, as rows for :meth:`Atlas.append_decisions`.

    Parameters
    ----------
    sheet : Sheet
        What the person has looked at.
    label : str
        The class of all images that are no exceptions: the suggested one, or another.
    exceptions : mapping of str to str
        Ids and their classes; an empty class passes over the image, which goes on waiting.
    taxonomy : Taxonomy
        The classes; the reject class becomes ``drop``.
    who : str
        The person.
    at : datetime
        The time of the answer.

    Returns
    -------
    list of dict
        ``id``, ``verdict``, ``label``, ``who``, ``at`` and ``why``, which says that the verdict
        was given on a sheet.

    Raises
    ------
    UsageError
        A class is not in the taxonomy, or an exception is not on the sheet.
    """
    ids = [item.id for item in sheet.items]
    strange = [id_ for id_ in exceptions if id_ not in ids]
    if strange:
        raise UsageError(
            "an exception is not on the sheet",
            where=strange[0],
            todo="Name images of the sheet that is answered.",
        )
    for name in (label, *filter(None, exceptions.values())):
        if name not in taxonomy.names_with_reject:
            raise UsageError(
                f"{name!r} is not a class",
                where="the answer to a sheet",
                todo=suggest_names(name, taxonomy.names_with_reject),
            )
    said = {id_: exceptions.get(id_, label) for id_ in ids}
    return [
        {
            "id": id_,
            "verdict": "drop" if name == taxonomy.reject else "label",
            "label": "" if name == taxonomy.reject else name,
            "who": who,
            "at": at,
            "why": f"on a sheet of {len(ids)}",
        }
        for id_, name in said.items()
        if name
    ]


def _on_sheets(places: list[int], alike: _Alike, size: int) -> Iterator[list[int]]:
    """Images of one suggestion, the most valuable first, dealt out to sheets."""
    left = places
    while left:
        seed, others = left[0], np.array(left[1 : size * _REACH], np.int64)
        on_sheet = [seed, *others[alike.order(seed, others)][: size - 1].tolist()]
        yield on_sheet
        left = [at for at in left if at not in set(on_sheet)]


def _with_suggestions(atlas: Atlas, items: list[QueueItem], taxonomy: Taxonomy) -> list[QueueItem]:
    """The same items; those without label or suggestion get what their votes favour."""
    open_ = [item.id for item in items if not (item.suggested or item.label)]
    favoured: dict[str, str] = {}
    if open_ and "votes" in atlas.columns():
        votes = votes_of_rows(take(atlas, open_, ["votes"]))
        likely = naive_bayes_label_model(votes, taxonomy.names_with_reject)
        for id_, cast, chances in zip(open_, votes, likely, strict=True):
            if cast:
                favoured[id_] = taxonomy.names_with_reject[int(chances.argmax())]
    return [
        replace(item, suggested=item.suggested or item.label or favoured.get(item.id, ""))
        for item in items
    ]


class _Alike:
    """How alike images are: the mean cosine of their embeddings over all columns."""

    def __init__(self, atlas: Atlas, ids: list[str]) -> None:
        columns = (*embedding_columns(atlas), *level_columns(atlas))
        parts = [_unit(take(atlas, ids, [name]).column(name)) for name in columns if ids]
        self._vectors = np.hstack(parts) if parts else np.zeros((len(ids), 1), np.float32)

    def order(self, seed: int, others: NDArray[np.int64]) -> NDArray[np.intp]:
        """Places in ``others``, the most alike first; of equal ones the first."""
        return np.argsort(-(self._vectors[others] @ self._vectors[seed]), kind="stable")


def _unit(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """A column of vectors as rows of unit length; zero where there is none."""
    size = column.type.list_size
    there = np.asarray(column.is_valid())
    out = np.zeros((len(column), size), np.float32)
    flat = column.combine_chunks().drop_null().flatten().to_numpy(zero_copy_only=False)
    out[there] = flat.reshape(-1, size)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / np.where(length > 0, length, 1.0), np.float32)
