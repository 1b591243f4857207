"""The service itself: whether it is well."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from cosmic_morphology._version import __version__
from cosmic_morphology.serve.sessions import Sky

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
