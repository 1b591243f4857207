"""``/docs``: the interface, described and tried, from files of this server."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.serve.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The page; it reads ``/openapi.json``."""
    return page(request, "docs.html.j2")
