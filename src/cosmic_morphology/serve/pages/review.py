"""``/review``: likely errors one after the other, a key for each verdict."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.curate import keys_of
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.sessions import Sky

router = APIRouter(include_in_schema=False)


@router.get("/review")
def review(request: Request, sky: Sky) -> HTMLResponse:
    """The page; the queue comes from the interface."""
    return page(request, "review.html.j2", keys=keys_of(sky.taxonomy))
