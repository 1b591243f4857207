"""``/image/ID``: everything that is known of one image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.query import page as rows_of
from cosmic_morphology.atlas.query import take
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.curate import explain_label
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import facts_of, labels_of_the_renderer, said_of_pairs
from cosmic_morphology.stats.score import RENDERED

router = APIRouter(include_in_schema=False)
_FACTS = (
    *("id", "title", "description", "keywords", "credit", "licence", "created_at", "page_url"),
    *("image_url", "source", "collection", "given_label", "queries", "split", "split_reason"),
    *("group", "group_reason", "duplicate_of", "fetched_at", "width", "height", "media_type"),
)
_MOST_RELATED = 24
_PREDICTION = "prediction_"


def _with_sizes(atlas: Atlas, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the size of their originals."""
    ids = [row["id"] for row in rows]
    sizes = take(atlas, ids, ["width", "height"], table="images").to_pylist() if ids else []
    return [row | size for row, size in zip(rows, sizes, strict=True)]


@router.get("/image/{id_:path}")
def image(request: Request, id_: str, sky: Sky) -> HTMLResponse:
    """The original, the record, the votes, the group and the copies of one image."""
    with sky.reading() as atlas:
        said = [n for n in atlas.table("catalogue").schema.names if n.startswith(_PREDICTION)]
        runs = [name.removeprefix(_PREDICTION) for name in said]
        facts = facts_of(atlas, id_, (*_FACTS, *said, *(f"confidence_{run}" for run in runs)))
        predictions = [
            (run, facts.pop(f"{_PREDICTION}{run}"), facts.pop(f"confidence_{run}", None))
            for run in runs
        ]
        explanation = explain_label(atlas, id_, taxonomy=sky.taxonomy, settings=sky.settings.curate)
        if id_ in labels_of_the_renderer(sky, atlas):
            explanation = replace(explanation, label_kind=RENDERED)
        related = {}
        for title, column in (("Copies", "duplicate_of"), ("Group", "group")):
            value = facts.get(column)
            if value:
                where = f"`{column}` = {sql_literal(value)} AND id != {sql_literal(id_)}"
                rows = rows_of(atlas, where, columns=["id", "title", "label"], limit=_MOST_RELATED)
                related[title] = _with_sizes(atlas, rows.rows.to_pylist())
        given = said_of_pairs(atlas, getattr(request.state, "reviewer", None))
    return page(
        request,
        "image.html.j2",
        given=given,
        facts=facts,
        explanation=explanation,
        predictions=[each for each in predictions if each[1]],
        related={title: rows for title, rows in related.items() if rows},
        classes=sky.taxonomy.names_with_reject,
    )
