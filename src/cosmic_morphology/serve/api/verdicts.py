"""The queue of likely errors, and people's verdicts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from cosmic_morphology.atlas.query import take
from cosmic_morphology.curate import review_queue
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.sessions import Sky, Writer

router = APIRouter(prefix="/api/v1", tags=["verdicts"])


class Verdict(BaseModel):
    """One verdict on one image."""

    id: str = Field(max_length=2000, examples=["nasa:PIA00001"])
    verdict: Literal["keep", "drop", "label"] = Field(examples=["label"])
    label: str = Field("", max_length=200, examples=["galaxy"])
    why: str = Field("", max_length=2000)


@router.get("/queue")
def queue(sky: Sky, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
    """Images without a verdict, the most valuable first."""
    with sky.reading() as atlas:
        return {"queue": jsonable(review_queue(atlas, taxonomy=sky.taxonomy, limit=limit))}


@router.post("/decisions")
def decide(verdicts: list[Verdict], sky: Sky, reviewer: Writer) -> dict[str, Any]:
    """Store verdicts under the name of the token; they count at once and are never deleted."""
    if not 0 < len(verdicts) <= 1000:
        raise UsageError(
            f"one to 1,000 verdicts come at once, not {len(verdicts)}",
            where="decisions",
            todo="Send them in parts.",
        )
    known = sky.taxonomy.names_with_reject
    for each in verdicts:
        if each.label and each.label not in known:
            raise UsageError(
                f"{each.label!r} is no class of the taxonomy",
                where=each.id,
                todo=f"Give one of: {', '.join(known)}.",
            )
        if each.verdict == "label" and not each.label:
            raise UsageError("the verdict names no class", where=each.id, todo="Give a label.")
    now = datetime.now(UTC)
    rows = [each.model_dump() | {"who": reviewer.name, "at": now} for each in verdicts]
    with sky.writing() as atlas:
        take(atlas, [each.id for each in verdicts])  # an unknown id is told
        return {"stored": atlas.append_decisions(rows)}
