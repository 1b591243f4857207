"""Rows of a view: a page of tiles, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    rows: list[dict[str, Any]]
    next: str | None


def tiles(
    atlas: Atlas,
    view: View,
    *,
    after: str | None = None,
    limit: int = 60,
    columns: Sequence[str] = TILE,
    inside: Sequence[str] = (),
) -> Tiles:
    """The first rows of a view, or those after an earlier page.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    view : View
        What is asked for. The best 500 are found by words, and come at once.
    after : str, optional
        :attr:`Tiles.next` of the page before.
    limit : int
        Rows on a page.
    columns : sequence of str
        Of the catalogue and of the images.
    inside : sequence of str
        Ids of the images that the view has by map and person, from :func:`ids_inside`.
    """
    if view.is_of_ids:
        ids: Sequence[str] = inside
        if view.like:
            among = set(inside)
            near = alike(atlas, view.like)
            ids = [id_ for id_ in near if id_ in among] if view.lasso or view.by else near
        return Tiles(_whole(_among(atlas, ids, view, columns), columns), None)
    if view.q:
        found = search(
            atlas,
            view.q,
            where=view.where(),
            columns=columns_there(atlas, columns),
            limit=MOST_FOUND,
        )
        return Tiles(_whole(found.rows.to_pylist(), columns), None)
    part = page(
        atlas,
        view.where(),
        columns=columns_there(atlas, columns),
        order=view.order,
        descending=view.down,
        after=after,
        limit=limit,
    )
    return Tiles(_whole(part.rows.to_pylist(), columns), part.next)


def _whole(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows with every column that was asked for; None where no stage has filled it."""
    return [dict.fromkeys(columns) | row for row in rows]


def map_of(sky: ServedAtlas, atlas: Atlas) -> SkyMap:
    """The map of this version of the images."""
    return sky.remembered(atlas, ("map",), lambda: make_map(atlas), table="images")


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


def ids_inside(sky: ServedAtlas, atlas: Atlas, view: View) -> list[str]:
    """Ids of the images in the part of the map that a view has, and judged by its person.

    The latest verdict comes first; without map and person there are none.
    """
    corners = view.corners()
    inside = map_of(sky, atlas).inside(np.array(corners)) if corners else []
    if not view.by:
        return inside
    given = sky.remembered(atlas, ("standing",), lambda: standing_decisions(atlas))
    theirs = dict.fromkeys(each.id for each in reversed(given) if each.who == view.by)
    among = set(inside)
    return [id_ for id_ in theirs if not corners or id_ in among]


def people(sky: ServedAtlas, atlas: Atlas) -> list[str]:
    """Who has given verdicts, by name."""
    given = sky.remembered(atlas, ("standing",), lambda: standing_decisions(atlas))
    return sorted({each.who for each in given if each.who})


def _among(
    atlas: Atlas, ids: Sequence[str], view: View, columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of some ids, in their order, that fit the filter of a view."""
    ids = ids[:MAX_ROWS]
    if (where := view.where()) and ids:
        among = f"id IN ({', '.join(map(sql_literal, ids))})"
        found = page(atlas, both(where, among), limit=MAX_ROWS).rows.column("id").to_pylist()
        fits = set(found)
        ids = [id_ for id_ in ids if id_ in fits]
    rows: list[dict[str, Any]]
    rows = take(atlas, ids[:MOST_FOUND], columns_there(atlas, columns), table="images").to_pylist()
    return rows


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
    """How many rows a view has; None where words are searched, of which only the best are known."""
    if view.q or view.is_of_ids:
        return None
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
