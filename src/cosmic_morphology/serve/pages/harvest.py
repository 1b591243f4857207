"""``/harvest``: what came of each source, what failed and why, and taking it up again."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import RETRIED, jobs_of, status
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.served_atlas import ServedAtlas

router = APIRouter(include_in_schema=False)


@router.get("/harvest")
def harvest(request: Request, sky: Sky) -> HTMLResponse:
    """Each source by state and reason, and the completeness of each search."""
    with sky.reading() as atlas:
        found = sky.remembered(atlas, ("harvest",), lambda: status(atlas))
        hindered = sky.remembered(
            atlas, ("hindered",), lambda: _hindered(sky, atlas, found.sources)
        )
    return page(
        request,
        "harvest.html.j2",
        found=found,
        slices=jsonable(found.slices),
        hindered=hindered,
        retried=RETRIED,
    )


def _hindered(sky: ServedAtlas, atlas: Atlas, sources: dict[str, dict[str, int]]) -> dict[str, str]:
    """Why a source cannot be taken up again from here; those that can are left out."""
    why = {}
    for source in sources:
        try:
            jobs_of(atlas, source, sky.settings.archives)
        except UsageError as error:
            why[source] = str(error)
    return why
