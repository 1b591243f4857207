"""``/gallery``: an endless grid of images, filtered, sorted, searched."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.curate.phrases_seen import is_seen
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.asked import Asked
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import (
    facets,
    people,
    tiles,
    total,
    with_verdicts,
)
from cosmic_morphology.serve.view import CHECKS, ORDERS

router = APIRouter(include_in_schema=False)


@router.get("/gallery")
def gallery(request: Request, view: Asked, sky: Sky) -> HTMLResponse:
    """The first images of a view, and the chips to change it."""
    with sky.reading() as atlas:
        found = tiles(sky, atlas, view)
        return page(
            request,
            "gallery.html.j2",
            view=view,
            tiles=replace(found, rows=with_verdicts(sky, atlas, found.rows)),
            total=total(sky, atlas, view),
            facets=facets(sky, atlas),
            checks=CHECKS,
            people=people(sky, atlas),
            orders=ORDERS,
            finds_phrases=is_seen(atlas),
            classes=sky.taxonomy.names_with_reject,
        )


@router.get("/gallery/more")
def more(
    request: Request, view: Asked, sky: Sky, after: Annotated[str, Query(max_length=4000)]
) -> HTMLResponse:
    """The images after those that are shown, as a part of the page."""
    with sky.reading() as atlas:
        found = tiles(sky, atlas, view, after=after)
        shown = replace(found, rows=with_verdicts(sky, atlas, found.rows))
    return page(request, "tiles.html.j2", view=view, tiles=shown)
