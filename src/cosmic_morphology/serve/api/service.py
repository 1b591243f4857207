"""The service itself: whether it is well."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cosmic_morphology._version import __version__
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.api.described import bytes_of

router = APIRouter(prefix="/api/v1", tags=["service"])


@router.get("/health")
def health(sky: Sky) -> dict[str, Any]:
    """Whether the atlas can be read, and at which version it is."""
    with sky.reading() as atlas:
        return {
            "status": "ok",
            "program": __version__,
            "atlas": str(atlas.version),
            "images": atlas.count(),
        }


@router.get("/metrics", response_class=Response, responses=bytes_of("text/plain"))
def metrics(request: Request) -> Response:
    """What the server has done since it started, for Prometheus."""
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4")
