"""Images and their records, for machines and for the pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from cosmic_morphology.curate import explain_label
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.api.described import bytes_of
from cosmic_morphology.serve.asked import Asked
from cosmic_morphology.serve.rows import facts_of, tiles, total

router = APIRouter(prefix="/api/v1", tags=["images"])
_Id = Annotated[str, Query(max_length=2000, examples=["nasa:PIA00001"])]
_PathId = Annotated[str, Path(max_length=2000, examples=["nasa:PIA00001"])]
_SHOWN = (
    *("id", "title", "label", "label_kind", "label_confidence", "split", "source", "collection"),
    *("credit", "licence", "page_url"),
)
# What an original may be shown as: nothing that a browser would run.
_SHOWABLE = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"}
_A_DAY = "private, max-age=86400"


@router.get("/images")
def images(
    view: Asked,
    sky: Sky,
    after: Annotated[str | None, Query(max_length=4000)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Images of a view, a page of them; ``next`` of an answer gives the next page as ``after``."""
    with sky.reading() as atlas:
        found = tiles(sky, atlas, view, after=after, limit=limit, columns=_SHOWN)
        return {
            "images": jsonable(found.rows),
            "next": found.next,
            "total": total(sky, atlas, view),
        }


@router.get("/image/{id_:path}")
def image(id_: _PathId, sky: Sky) -> dict[str, Any]:
    """The record of one image: what its source says, its label, and who voted what."""
    with sky.reading() as atlas:
        facts = facts_of(atlas, id_, _SHOWN)
        explanation = explain_label(atlas, id_, taxonomy=sky.taxonomy, settings=sky.settings.curate)
    found: dict[str, Any] = jsonable(facts) | {"explanation": jsonable(explanation)}
    return found


@router.get("/thumbnail", response_class=Response, responses=bytes_of("image/jpeg", kept=True))
def thumbnail(request: Request, id: _Id, sky: Sky) -> Response:  # noqa: A002 - a word of the address
    """An image as it is stored small: a JPEG of at most 512 px."""
    with sky.reading() as atlas:
        row = facts_of(atlas, id, ("sha256", "thumbnail"))
    return _kept(request, row["sha256"], row["thumbnail"], "image/jpeg")


@router.get("/original", response_class=Response, responses=bytes_of(*sorted(_SHOWABLE), kept=True))
def original(request: Request, id: _Id, sky: Sky) -> Response:  # noqa: A002 - as above
    """An image as it was fetched; the small one where its kind is none that browsers show."""
    with sky.reading() as atlas:
        row = facts_of(atlas, id, ("sha256", "media_type", "thumbnail", "image"))
    if row["image"] is None or row["media_type"] not in _SHOWABLE:
        return _kept(request, row["sha256"], row["thumbnail"], "image/jpeg")
    return _kept(request, row["sha256"] + "o", row["image"], row["media_type"])


def _kept(request: Request, tag: str, data: bytes, media_type: str) -> Response:
    headers = {"etag": f'"{tag}"', "cache-control": _A_DAY}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)
