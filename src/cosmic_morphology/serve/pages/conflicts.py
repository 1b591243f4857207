"""``/conflicts``: where people, copies or groups contradict each other."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.conflicts import find_conflicts
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import said_of_pairs

router = APIRouter(include_in_schema=False)


@router.get("/conflicts")
def conflicts(request: Request, sky: Sky) -> HTMLResponse:
    """Three lists; each picture opens its page, where it can be judged."""
    with sky.reading() as atlas:
        found = sky.remembered(
            atlas, ("conflicts",), lambda: find_conflicts(atlas, taxonomy=sky.taxonomy)
        )
        given = said_of_pairs(atlas, getattr(request.state, "reviewer", None))
    return page(request, "conflicts.html.j2", found=found, given=given)
