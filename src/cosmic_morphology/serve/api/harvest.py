"""A source of the harvest, taken up again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from cosmic_morphology.collect import check_retry, jobs_of
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky, Writer
from cosmic_morphology.serve.jobs.retrying import Retrying

router = APIRouter(prefix="/api/v1/harvest", tags=["harvest"])


class Again(BaseModel):
    """What is taken up again."""

    source: str = Field(max_length=200, examples=["nasa"])
    states: list[Annotated[str, Field(max_length=100)]] = Field(
        [], max_length=50, examples=[["gone"]],
        description="what is tried beside pending and failed, as `cosmic collect --retry` has it",
    )  # fmt: skip


def _retrying(request: Request) -> Retrying:
    found: Retrying = request.app.state.retrying
    return found


Job = Annotated[Retrying, Depends(_retrying)]


@router.get("/retry")
def retried(job: Job) -> dict[str, Any]:
    """How far the retry is that is going on, or what became of the last one."""
    found: dict[str, Any] = jsonable(job.now)
    return found


@router.post("/retry")
def retry(given: Again, sky: Sky, job: Job, reviewer: Writer) -> dict[str, Any]:
    """Collect from a source again, beside the pages: what is missing is fetched.

    What was asked for stands in the settings (`[[sources]]`), else in the atlas's account of each
    search. One runs at a time; asked for again while it does, it goes on.
    """
    check_retry(given.states)
    with sky.reading() as atlas:
        jobs_of(atlas, given.source, sky.settings.archives)
    found: dict[str, Any] = jsonable(job.begin(given.source, given.states, reviewer.name))
    return found
