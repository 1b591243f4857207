"""Sheets of look-alikes, and one answer to all images of a sheet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from cosmic_morphology.atlas.query import take
from cosmic_morphology.curate import QueueItem, Sheet, sheet_verdicts
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky, Writer
from cosmic_morphology.serve.api.verdicts import Labels, Line

router = APIRouter(prefix="/api/v1/sheets", tags=["verdicts"])
_Limit = Annotated[int, Query(ge=1, le=50)]
_Id = Annotated[str, Field(max_length=2000)]
_Class = Annotated[str, Field(max_length=200)]
_MOST_PASSED = 5000


class Answer(BaseModel):
    """What a person says of a sheet."""

    ids: list[_Id] = Field(
        min_length=1, max_length=100, description="its images, in any order",
        examples=[["nasa:PIA00001", "nasa:PIA00002"]],
    )  # fmt: skip
    label: _Class = Field(examples=["galaxy"], description="the class of all but the exceptions")
    exceptions: dict[_Id, _Class] = Field(
        {}, description="images of another class; an empty one: passed over, it goes on waiting",
        examples=[{"nasa:PIA00002": ""}],
    )  # fmt: skip


_ANSWER = {
    "ids": ["nasa:PIA00001", "nasa:PIA00002"],
    "label": "galaxy",
    "exceptions": {"nasa:PIA00002": ""},
}


@router.get("")
def sheets(line: Line, limit: _Limit = 4) -> dict[str, Any]:
    """Images that wait, on sheets of look-alikes with one suggested class, to be looked at."""
    return {"sheets": jsonable(line.sheets(limit))}


@router.post("/claim")
def claim(
    line: Line,
    reviewer: Writer,
    passed: Annotated[
        list[_Id], Body(max_length=_MOST_PASSED, embed=True, examples=[["nasa:PIA00001"]])
    ] = [],  # noqa: B006 - FastAPI copies it
    limit: _Limit = 4,
) -> dict[str, Any]:
    """Sheets for the person of the token, whose images nobody else gets for ten minutes.

    Images that were ``passed`` over are on none of them.
    """
    return {"sheets": jsonable(line.claim_sheets(reviewer.name, limit, passed))}


@router.post("/decisions")
def answer(
    given: Annotated[Answer, Body(examples=[_ANSWER])],
    sky: Sky,
    line: Line,
    weighing: Labels,
    reviewer: Writer,
) -> dict[str, Any]:
    """One action: a class for all images of a sheet but the exceptions.

    ``stored`` counts verdicts, ``looked_at`` the images of the sheet, ``actions`` what the person
    did: the answer, and each exception.
    """
    items = tuple(QueueItem(each, "", "", "", 0.0, "") for each in dict.fromkeys(given.ids))
    rows = sheet_verdicts(
        Sheet(given.label, items, 0.0), given.label, given.exceptions,
        taxonomy=sky.taxonomy, who=reviewer.name, at=datetime.now(UTC),
    )  # fmt: skip
    with sky.writing() as atlas:
        take(atlas, given.ids)  # an unknown id is told
        stored = atlas.append_decisions(rows) if rows else 0
    line.judged({row["id"]: row["verdict"] for row in rows})
    weighing.ask()
    return {
        "stored": stored,
        "ids": [row["id"] for row in rows],
        "looked_at": len(items),
        "actions": 1 + len(given.exceptions),
    }
