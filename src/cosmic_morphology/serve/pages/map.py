"""``/map``: every image as a point, near those that look like it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.atlas import embedding_column_for
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.sky_map import COLOURS, MOST_POINTS, has_layout

router = APIRouter(include_in_schema=False)
_PREDICTION = "prediction_"


@router.get("/map")
def sky_map(request: Request, sky: Sky) -> HTMLResponse:
    """The page; places come from the interface."""
    with sky.reading() as atlas:
        column = embedding_column_for(atlas)
        laid_out = has_layout(atlas)
        names = atlas.table("catalogue").schema.names
    said = [name.removeprefix(_PREDICTION) for name in names if name.startswith(_PREDICTION)]
    return page(
        request, "map.html.j2", column=column, colours=COLOURS, runs=said, most=MOST_POINTS,
        laid_out=laid_out,
    )  # fmt: skip
