"""``/review``: likely errors one after the other, a key for each verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.atlas import Atlas, embedding_column_for, latest_decisions
from cosmic_morphology.atlas.query import nearest, take
from cosmic_morphology.curate import explain_label, keys_of
from cosmic_morphology.learn.data.embedding_names import read_embeddings
from cosmic_morphology.report.html import safe_text
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import facts_of

router = APIRouter(include_in_schema=False)
_LOOKED_AMONG, _SHOWN = 400, 6
_QUOTED = re.compile("“([^”]+)”")


@router.get("/review")
def review(request: Request, sky: Sky) -> HTMLResponse:
    """The page; the queue comes from the interface."""
    return page(request, "review.html.j2", keys=keys_of(sky.taxonomy), reject=sky.taxonomy.reject)


@router.get("/review/sheets")
def sheets(request: Request, sky: Sky) -> HTMLResponse:
    """Look-alikes with one suggested label; the sheets come from the interface."""
    return page(request, "sheets.html.j2", keys=keys_of(sky.taxonomy), reject=sky.taxonomy.reject)


@router.get("/review/evidence")
def evidence(
    request: Request,
    id: Annotated[str, Query(max_length=2000)],  # noqa: A002 - a word of the address
    sky: Sky,
) -> HTMLResponse:
    """Who voted what and why, the text that they read, and judged images that look alike."""
    with sky.reading() as atlas:
        facts = facts_of(
            atlas, id, ("id", "title", "description", "keywords", "credit", "page_url")
        )
        explanation = explain_label(atlas, id, taxonomy=sky.taxonomy, settings=sky.settings.curate)
        alike = _judged_and_alike(atlas, id)
    words = [word for each in explanation.votes for word in _QUOTED.findall(each.reason)]
    return page(
        request,
        "evidence.html.j2",
        facts=facts,
        explanation=explanation,
        description=marked(facts.get("description") or "", words),
        alike=alike,
    )


def marked(text: str, words: Sequence[str]) -> Markup:
    """A text from outside, safe to show, with some words of it marked.

    Examples
    --------
    >>> str(marked("A <b> dust lane", ["dust lane", "comet*"]))
    'A &lt;b&gt; <mark>dust lane</mark>'
    """
    shown = safe_text(text, 1200)
    wanted = [re.escape(each.rstrip("*")) for each in dict.fromkeys(words) if each.rstrip("*")]
    if not wanted:
        return escape(shown)
    parts = re.split(f"({'|'.join(wanted)})", shown, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )


def _judged_and_alike(atlas: Atlas, id_: str) -> list[dict[str, Any]]:
    """Images with a verdict that look most like one; none without embeddings."""
    column = embedding_column_for(atlas)
    if not column:
        return []
    decided = latest_decisions(atlas)
    near = nearest(atlas, column, read_embeddings(atlas, column, [id_]), limit=_LOOKED_AMONG)
    ids = [each for each, _ in near if each in decided and each != id_][:_SHOWN]
    rows: list[dict[str, Any]] = take(atlas, ids, ["id", "title"]).to_pylist() if ids else []
    return [row | {"verdict": decided[row["id"]]} for row in rows]
