"""The application: its pages, its interface, its files, and how errors are told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from cosmic_morphology._version import __version__
from cosmic_morphology.errors import (
    AtlasError,
    CosmicError,
    InputError,
    MissingExtraError,
    UsageError,
)
from cosmic_morphology.safe_text import without_secrets
from cosmic_morphology.serve.access.guard import Guard
from cosmic_morphology.serve.access.reviewers import Reviewers
from cosmic_morphology.serve.access.sessions import Sessions
from cosmic_morphology.serve.api import harvest as api_harvest
from cosmic_morphology.serve.api import images as api_images
from cosmic_morphology.serve.api import map as api_map
from cosmic_morphology.serve.api import predict as api_predict
from cosmic_morphology.serve.api import saliency as api_saliency
from cosmic_morphology.serve.api import service as api_service
from cosmic_morphology.serve.api import sheets as api_sheets
from cosmic_morphology.serve.api import table as api_table
from cosmic_morphology.serve.api import taxonomy as api_taxonomy
from cosmic_morphology.serve.api import verdicts as api_verdicts
from cosmic_morphology.serve.api.described import REFUSALS
from cosmic_morphology.serve.classifier import Classifier
from cosmic_morphology.serve.jobs.retrying import Retrying
from cosmic_morphology.serve.jobs.weighing import Weighing
from cosmic_morphology.serve.metrics import Metrics
from cosmic_morphology.serve.pages import (
    classes,
    classify,
    conflicts,
    docs,
    gallery,
    harvest,
    image,
    overview,
    review,
    runs,
)
from cosmic_morphology.serve.pages import map as sky_map
from cosmic_morphology.serve.phrase_trials import PhraseTrials
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.review_line import ReviewLine
from cosmic_morphology.serve.served_atlas import ServedAtlas

_ROUTERS = [
    each.router
    for each in (
        *(
            overview,
            gallery,
            image,
            review,
            classify,
            sky_map,
            runs,
            conflicts,
            classes,
            harvest,
            docs,
        ),
        *(api_images, api_table, api_predict, api_saliency, api_map),
        *(api_verdicts, api_sheets, api_taxonomy, api_harvest, api_service),
    )
]
# Files that pages name have their hash in their address; modules name each other without.
_KEPT, _ASKED_AGAIN = "public, max-age=31536000, immutable", "no-cache"
log = logging.getLogger(__name__)


def create_app(sky: ServedAtlas, reviewers: Reviewers) -> Guard:
    """The application, behind its checks.

    Parameters
    ----------
    sky : ServedAtlas
        What is served.
    reviewers : Reviewers
        Who may write; everybody who is let in by the guard may read.

    Returns
    -------
    Guard
        An ASGI application.
    """
    weighing = Weighing(sky.settings, may_write=bool(reviewers))
    retrying = Retrying(sky.settings)
    app = FastAPI(
        title="Cosmic Morphology",
        lifespan=_working(weighing, retrying),
        version=__version__,
        description="Images of an atlas, their labels, verdicts on them, and predictions.",
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.state.sky = sky
    app.state.weighing = weighing
    app.state.retrying = retrying
    app.state.line = ReviewLine(sky)
    app.state.classifier = Classifier(sky.settings)
    app.state.trials = PhraseTrials(sky)
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", _Files(directory=str(files("cosmic_morphology.serve") / "static")))
    for kind in (CosmicError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _told)
    counted = app.state.metrics = Metrics(app)
    return Guard(Sessions(counted, reviewers), sky.settings.serve)


def _working(*jobs: Weighing | Retrying) -> Any:
    """What runs as long as the server does."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        for job in jobs:
            job.start()
        yield
        for job in jobs:
            await run_in_threadpool(job.stop)

    return running


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Any) -> Response:
        """A file, to be kept by browsers."""
        found = await super().get_response(path, scope)
        found.headers["cache-control"] = _KEPT if scope["query_string"] else _ASKED_AGAIN
        return found


async def _told(request: Request, error: Exception) -> Response:
    """An error as a page for people, or as JSON for machines."""
    status, text = _status_and_text(error)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, text, exc_info=error)
    if _is_for_machines(request):
        return JSONResponse({"error": text}, status, getattr(error, "headers", None))
    return page(request, "error.html.j2", status=status, text=text)


def _is_for_machines(request: Request) -> bool:
    asked = request.headers.get("accept", "")
    return request.url.path.startswith("/api/") or "text/html" not in asked


def _status_and_text(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"][1:])
        return 422, f"{where}: {first['msg']}"
    kinds: tuple[tuple[type[Exception], int], ...] = (
        (InputError, 404),
        (UsageError, 400),
        (MissingExtraError, 501),
        (AtlasError, 503),
        (CosmicError, 500),
    )
    for kind, status in kinds:
        if isinstance(error, kind):
            return status, without_secrets(str(error))
    # Its own words may hold anything; they stand in the log.
    return 500, "something went wrong here; the log of the server says what"
