"""``/gallery``: an endless grid of images, filtered, sorted, searched."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.asked import Asked
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import (
    Tiles,
    facets,
    ids_inside,
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
        found = tiles(atlas, view, inside=ids_inside(sky, atlas, view))
        return page(
            request,
            "gallery.html.j2",
            view=view,
            tiles=Tiles(with_verdicts(sky, atlas, found.rows), found.next),
            total=total(sky, atlas, view),
            facets=facets(sky, atlas),
            checks=CHECKS,
            people=people(sky, atlas),
            orders=ORDERS,
            classes=sky.taxonomy.names_with_reject,
        )


@router.get("/gallery/more")
def more(
    request: Request, view: Asked, sky: Sky, after: Annotated[str, Query(max_length=4000)]
) -> HTMLResponse:
    """The images after those that are shown, as a part of the page."""
    with sky.reading() as atlas:
        found = tiles(atlas, view, after=after)
        shown = Tiles(with_verdicts(sky, atlas, found.rows), found.next)
    return page(request, "tiles.html.j2", view=view, tiles=shown)
