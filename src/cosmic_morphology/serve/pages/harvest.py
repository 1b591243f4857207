"""``/harvest``: what came of each source, what failed and why."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.collect import status
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/harvest")
def harvest(request: Request, sky: Sky) -> HTMLResponse:
    """Each source by state and reason, and the completeness of each search."""
    with sky.reading() as atlas:
        found = sky.remembered(atlas, ("harvest",), lambda: status(atlas))
    return page(request, "harvest.html.j2", found=found, slices=jsonable(found.slices))
