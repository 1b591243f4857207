"""Rows of a view: a page of tiles, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosmic_morphology.atlas import (
    Atlas,
    Decision,
    embedding_column_for,
    labels_by_construction,
    latest_decisions,
    standing_decisions,
    standing_pair_decisions,
)
from cosmic_morphology.atlas.query import MAX_ROWS, count_by, nearest, page, search, take
from cosmic_morphology.atlas.sql import both, sql_literal
from cosmic_morphology.curate.phrases_seen import find_by_phrase
from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.data.embedding_names import read_embeddings
from cosmic_morphology.serve.access.reviewers import Reviewer
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.serve.sky_map import SkyMap, make_map
from cosmic_morphology.serve.view import View

TILE = ("id", "title", "label", "label_kind", "label_confidence", "split", "source")
"""What is shown of an image in a grid."""
MOST_FOUND = 500
"""Images that a search for words shows at most: the best ones."""
_FACETS = ("label", "label_kind", "split", "source")


@dataclass(frozen=True, slots=True)
class Tiles:
    """Some rows of a view.

    Attributes
    ----------
    rows : list of dict
        The columns that were asked for.
    next : str or None
        What gives the next ones as ``after``; None at the end.
    best : int or None
        How many the view has where only the best matches are known; None where it has all.
    """

    rows: list[dict[str, Any]]
    next: str | None
    best: int | None = None


def tiles(
    sky: ServedAtlas,
    atlas: Atlas,
    view: View,
    *,
    after: str | None = None,
    limit: int = 60,
    columns: Sequence[str] = TILE,
) -> Tiles:
    """The first rows of a view, or those after an earlier page.

    Parameters
    ----------
    sky : ServedAtlas
        Remembers what was found for this version.
    atlas : Atlas
        Only read.
    view : View
        What is asked for. The best 500 are found by words, and come at once; the best 500 are
        found by likeness.
    after : str, optional
        :attr:`Tiles.next` of the page before.
    limit : int
        Rows on a page.
    columns : sequence of str
        Of the catalogue and of the images.

    Raises
    ------
    UsageError
        ``after`` is of no page of this view.
    """
    there = columns_there(atlas, columns)
    if view.is_of_ids:
        ids = ids_of(sky, atlas, view)
        start = _place_after(ids, after)
        part = ids[start : start + limit]
        rows = take(atlas, part, there, table="images").to_pylist()
        goes_on = start + limit < len(ids)
        following = f"{start + limit}:{part[-1]}" if goes_on else None
        return Tiles(_whole(rows, columns), following, len(ids) if view.is_of_best else None)
    if view.q:
        found = search(atlas, view.q, where=view.where(), columns=there, limit=MOST_FOUND)
        rows = _whole(found.rows.to_pylist(), columns)
        return Tiles(rows, None, len(rows))
    paged = page(
        atlas,
        view.where(),
        columns=there,
        order=view.order,
        descending=view.down,
        after=after,
        limit=limit,
    )
    return Tiles(_whole(paged.rows.to_pylist(), columns), paged.next)


def _place_after(ids: Sequence[str], after: str | None) -> int:
    """Where the page behind an earlier one begins.

    Its last image says it, since verdicts that were given meanwhile move all others; where that
    image is no longer in the view, its number.
    """
    if not after:
        return 0
    number, colon, last = after.partition(":")
    if not (colon and number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError("this is no token of a page", where=after[:60], todo="Begin without one.")
    try:
        return ids.index(last) + 1
    except ValueError:
        # It was the last of so many, and those behind it have moved up.
        return min(max(int(number) - 1, 0), len(ids))


def _whole(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows with every column that was asked for; None where no stage has filled it."""
    return [dict.fromkeys(columns) | row for row in rows]


def map_of(sky: ServedAtlas, atlas: Atlas, layout: str = "pca") -> SkyMap:
    """The map of this version of the images."""
    return sky.remembered(atlas, ("map", layout), lambda: make_map(atlas, layout), table="images")


def with_verdicts(
    sky: ServedAtlas, atlas: Atlas, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows with what people have said since the labels were computed, under ``verdict``."""
    decisions = sky.remembered(atlas, ("decisions",), lambda: latest_decisions(atlas))
    return [row | {"verdict": decisions.get(row["id"])} for row in rows]


def alike(atlas: Atlas, like: Sequence[str]) -> list[str]:
    """Ids of the images that look most like some, the nearest first."""
    column = embedding_column_for(atlas)
    if not column:
        raise UsageError(
            "no image has an embedding to compare by",
            where=atlas.address,
            todo="Compute them: cosmic embed.",
        )
    take(atlas, like, table="images")  # an unknown id is told
    near = nearest(atlas, column, read_embeddings(atlas, column, like), limit=MOST_FOUND)
    return [id_ for id_, _ in near]


def ids_of(sky: ServedAtlas, atlas: Atlas, view: View) -> list[str]:
    """Ids of all images of a view by map, person or likeness, in its order.

    The nearest comes first, without likeness the latest verdict.
    """
    # Its order and its direction do not change which they are.
    key = ("ids", replace(view, order="id", down=False))
    return sky.remembered(atlas, key, lambda: _find_ids(sky, atlas, view))


def _find_ids(sky: ServedAtlas, atlas: Atlas, view: View) -> list[str]:
    parts: list[Iterable[str]] = []
    if view.phrase:
        model = sky.settings.curate.votes.zero_shot_model
        found = find_by_phrase(atlas, view.phrase, model, limit=MOST_FOUND)
        parts.append([id_ for id_, _ in found])
    if view.like:
        parts.append(alike(atlas, view.like))
    if view.by:
        given = sky.remembered(atlas, ("standing",), lambda: standing_decisions(atlas))
        parts.append(dict.fromkeys(each.id for each in reversed(given) if each.who == view.by))
    if corners := view.corners():
        parts.append(map_of(sky, atlas, view.layout).inside(np.array(corners)))
    if view.q:
        best = search(atlas, view.q, where=view.where(), columns=["id"], limit=MOST_FOUND)
        parts.append(best.rows.column("id").to_pylist())
    first, *others = parts
    among = [set(each) for each in others]
    ids = [id_ for id_ in first if all(id_ in each for each in among)]
    return _fitting(atlas, ids, view.where())


def _fitting(atlas: Atlas, ids: Sequence[str], where: str | None) -> list[str]:
    """Those of some ids that fit a filter, in their order."""
    if where is None:
        return list(ids)
    fits: set[str] = set()
    for start in range(0, len(ids), MAX_ROWS):
        part = ids[start : start + MAX_ROWS]
        among = f"id IN ({', '.join(map(sql_literal, part))})"
        fits.update(page(atlas, both(where, among), limit=MAX_ROWS).rows.column("id").to_pylist())
    return [id_ for id_ in ids if id_ in fits]


def people(sky: ServedAtlas, atlas: Atlas) -> list[str]:
    """Who has given verdicts, by name."""
    given = sky.remembered(atlas, ("standing",), lambda: standing_decisions(atlas))
    return sorted({each.who for each in given if each.who})


def columns_there(atlas: Atlas, wanted: Sequence[str]) -> list[str]:
    """Those columns that the atlas has: stages that did not run yet have filled none."""
    there = {name for table in ("images", "catalogue") for name in atlas.table(table).schema.names}
    return [name for name in wanted if name in there]


def facts_of(atlas: Atlas, id_: str, wanted: Sequence[str]) -> dict[str, Any]:
    """Some columns of one image; those that are not filled yet are left out.

    Raises
    ------
    InputError
        There is no such image.
    """
    (found,) = take(atlas, [id_], columns_there(atlas, wanted), table="images").to_pylist()
    return dict(found)


def said_of_pairs(atlas: Atlas, person: Reviewer | None) -> dict[tuple[str, str], list[Decision]]:
    """What a person says of two images and has not taken back, in either order, the latest last."""
    said: dict[tuple[str, str], list[Decision]] = {}
    for each in standing_pair_decisions(atlas) if person else ():
        if person and each.who == person.name:
            for pair in ((each.id, each.label), (each.label, each.id)):
                said.setdefault(pair, []).append(each)
    return said


def total(sky: ServedAtlas, atlas: Atlas, view: View) -> int | None:
    """How many rows a view has; None by words or likeness, of which only the best are known."""
    if view.is_of_best:
        return None
    if view.is_of_ids:
        return len(ids_of(sky, atlas, view))
    where = view.where()
    return sky.remembered(atlas, ("total", where), lambda: atlas.count("catalogue", where))


def labels_of_the_renderer(sky: ServedAtlas, atlas: Atlas) -> frozenset[str]:
    """Ids whose label a program wrote that drew the image, and which nobody has reviewed since."""
    return sky.remembered(
        atlas, ("rendered",), lambda: labels_by_construction(atlas), table="decisions"
    )


def facets(sky: ServedAtlas, atlas: Atlas) -> dict[str, dict[Any, int]]:
    """Rows of the whole atlas by class, label kind, split and source."""
    return sky.remembered(
        atlas, ("facets",), lambda: {name: count_by(atlas, name) for name in _FACETS}
    )
