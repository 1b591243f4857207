"""Places of all images, as bytes that a browser draws at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.api.described import bytes_of
from cosmic_morphology.serve.rows import map_of
from cosmic_morphology.serve.sky_map import COLOURS, colours_of

router = APIRouter(prefix="/api/v1/map", tags=["map"])
_Name = Annotated[str, Query(max_length=100)]
_Colour = Annotated[str, Query(max_length=100, json_schema_extra={"enum": [*COLOURS]})]
_Layout = Literal["pca", "umap"]
_Share = Annotated[float, Query(ge=0, le=1, examples=[0.5])]


@router.get("")
def about(
    sky: Sky, by: _Colour = "label", run: _Name = "", layout: _Layout = "pca"
) -> dict[str, Any]:
    """What the map shows, and the names of its colours."""
    with sky.reading() as atlas:
        found = map_of(sky, atlas, layout)
        names, _ = colours_of(atlas, found, by, run)
    return {
        "points": len(found.ids),
        "images": found.images,
        "column": found.column,
        "layout": layout,
        "explained": None if found.explained is None else round(found.explained, 4),
        "names": names,
    }


@router.get("/points", response_class=Response, responses=bytes_of("application/octet-stream"))
def points(sky: Sky, by: _Colour = "label", run: _Name = "", layout: _Layout = "pca") -> Response:
    """All places as pairs of float32 (little-endian, in [0, 1]), then a byte of colour for each."""
    with sky.reading() as atlas:
        found = map_of(sky, atlas, layout)
        _, colour = colours_of(atlas, found, by, run)
    data = found.places.astype("<f4").tobytes() + colour.tobytes()
    return Response(data, media_type="application/octet-stream")


@router.get("/nearest")
def nearest_point(sky: Sky, x: _Share, y: _Share, layout: _Layout = "pca") -> dict[str, Any]:
    """The image that is nearest to a place of the map."""
    with sky.reading() as atlas:
        found = map_of(sky, atlas, layout)
    if not found.ids:
        return {"id": None}
    gaps = (found.places[:, 0] - x) ** 2 + (found.places[:, 1] - y) ** 2
    at = int(gaps.argmin())
    return {"id": found.ids[at], "x": float(found.places[at, 0]), "y": float(found.places[at, 1])}
