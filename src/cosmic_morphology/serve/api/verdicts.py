"""The queue of likely errors, and people's verdicts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.curate import agreements, check_kept, judge_pair
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Sky, Writer
from cosmic_morphology.serve.asked import Asked
from cosmic_morphology.serve.jobs.weighing import Weighing
from cosmic_morphology.serve.review_line import ReviewLine
from cosmic_morphology.serve.rows import ids_of

router = APIRouter(prefix="/api/v1", tags=["verdicts"])
_MOST = 10_000


class Verdict(BaseModel):
    """One verdict on one image."""

    id: str = Field(max_length=2000, examples=["nasa:PIA00001"])
    verdict: Literal["keep", "drop", "label", "withdraw"] = Field(examples=["label"])
    label: str = Field("", max_length=200, examples=["galaxy"])
    why: str = Field("", max_length=2000)


class VerdictOnView(BaseModel):
    """One verdict on all images of a view."""

    verdict: Literal["keep", "drop", "label", "withdraw"] = Field(examples=["drop"])
    label: str = Field("", max_length=200)
    why: str = Field("", max_length=2000)
    expected: int = Field(ge=1, le=_MOST, description="how many images were seen to be meant")


class PairVerdict(BaseModel):
    """One verdict on two images."""

    id: str = Field(max_length=2000, examples=["nasa:PIA00001"])
    other: str = Field(max_length=2000, examples=["eso:eso0001a"])
    verdict: Literal["same", "different", "best", "withdraw pair"] = Field(
        examples=["same"], description="best: they are the same, and the first is kept"
    )
    why: str = Field("", max_length=2000)


_VERDICT = {"id": "nasa:PIA00001", "verdict": "keep", "label": "", "why": "a clear case"}
_OF_VIEW = {"verdict": "drop", "label": "", "why": "blank frames", "expected": 1}
_OF_PAIR = {"id": "nasa:PIA00001", "other": "eso:eso0001a", "verdict": "same", "why": ""}


def _line(request: Request) -> ReviewLine:
    found: ReviewLine = request.app.state.line
    return found


def _weighing(request: Request) -> Weighing:
    found: Weighing = request.app.state.weighing
    return found


Line = Annotated[ReviewLine, Depends(_line)]
"""The queue of this server."""
Labels = Annotated[Weighing, Depends(_weighing)]
"""What weighs labels again."""
_Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/queue")
def queue(line: Line, limit: _Limit = 50) -> dict[str, Any]:
    """Images without a verdict, the most valuable first."""
    return {"queue": jsonable(line.waiting(limit)), "fresh": line.is_fresh}


@router.post("/queue/claim")
def claim(line: Line, reviewer: Writer, limit: _Limit = 20, again: bool = False) -> dict[str, Any]:
    """The next images for the person of the token: nobody else gets them for ten minutes.

    With ``again`` images come that others have judged and this person has not: for agreement.
    """
    found = line.for_agreement(reviewer.name, limit) if again else line.claim(reviewer.name, limit)
    return {"queue": jsonable(found), "fresh": line.is_fresh}


@router.get("/labels")
def labels(weighing: Labels) -> dict[str, Any]:
    """How far the labels are behind the verdicts that were given here."""
    found: dict[str, Any] = jsonable(weighing.now)
    return found


@router.get("/agreement")
def agreement(sky: Sky) -> dict[str, Any]:
    """How far people agree on images that two have judged: Cohen's kappa."""
    with sky.reading() as atlas:
        return {"agreements": jsonable(agreements(atlas, taxonomy=sky.taxonomy))}


@router.post("/decisions")
def decide(
    verdicts: Annotated[list[Verdict], Body(examples=[[_VERDICT]])],
    sky: Sky,
    line: Line,
    weighing: Labels,
    reviewer: Writer,
) -> dict[str, Any]:
    """Store verdicts under the name of the token; they count at once and are never deleted.

    ``withdraw`` takes the person's own last verdict on the image back.
    """
    if not 0 < len(verdicts) <= _MOST:
        raise UsageError(
            f"one to {_MOST:,} verdicts come at once, not {len(verdicts)}",
            where="decisions",
            todo="Send them in parts.",
        )
    for each in verdicts:
        _check(each.verdict, each.label, each.id, sky.taxonomy.names_with_reject)
    now = datetime.now(UTC)
    rows = [each.model_dump() | {"who": reviewer.name, "at": now} for each in verdicts]
    with sky.writing() as atlas:
        take(atlas, [each.id for each in verdicts])  # an unknown id is told
        check_kept(atlas, [each.id for each in verdicts if _keeps_what_is_there(each)])
        stored = atlas.append_decisions(rows)
    line.judged({each.id: each.verdict for each in verdicts})
    weighing.ask()
    return {"stored": stored}


@router.post("/decisions/view")
def decide_view(
    given: Annotated[VerdictOnView, Body(examples=[_OF_VIEW])],
    view: Asked,
    sky: Sky,
    line: Line,
    weighing: Labels,
    reviewer: Writer,
) -> dict[str, Any]:
    """Store one verdict on every image of a view, when it has as many as were expected."""
    _check(given.verdict, given.label, "the view", sky.taxonomy.names_with_reject)
    if view.is_of_best:
        raise UsageError(
            "a view by words or by likeness has no end that is known",
            where="decisions/view",
            todo="Choose its images instead.",
        )
    now = datetime.now(UTC)
    words = given.model_dump(exclude={"expected"}) | {"who": reviewer.name, "at": now}
    with sky.writing() as atlas:
        ids = ids_of(sky, atlas, view) if view.is_of_ids else None
        there = atlas.count("catalogue", view.where()) if ids is None else len(ids)
        if there != given.expected:
            raise UsageError(
                f"the view has {there:,} images now, not {given.expected:,}",
                where="decisions/view",
                todo="Look at it again.",
            )
        if ids is None:
            ids = [
                id_
                for batch in stream(atlas, ["id"], where=view.where())
                for id_ in batch.column("id").to_pylist()
            ]
        check_kept(atlas, ids if _keeps_what_is_there(given) else [])
        stored = atlas.append_decisions([words | {"id": id_} for id_ in ids])
    line.judged(dict.fromkeys(ids, given.verdict))
    weighing.ask()
    return {"stored": stored, "ids": ids}


@router.post("/decisions/pair")
def decide_pair(
    given: Annotated[PairVerdict, Body(examples=[_OF_PAIR])],
    sky: Sky,
    weighing: Labels,
    reviewer: Writer,
) -> dict[str, Any]:
    """Say whether two images are copies of one; copies, groups and labels follow a little later."""
    with sky.writing() as atlas:
        stored = judge_pair(
            atlas, given.verdict, given.id, given.other, who=reviewer.name, why=given.why
        )
    weighing.ask()
    return {"stored": stored}


def _keeps_what_is_there(given: Verdict | VerdictOnView) -> bool:
    return given.verdict == "keep" and not given.label


def _check(verdict: str, label: str, where: str, known: tuple[str, ...]) -> None:
    if label and label not in known:
        raise UsageError(
            f"{label!r} is no class of the taxonomy",
            where=where,
            todo=f"Give one of: {', '.join(known)}.",
        )
    if verdict == "label" and not label:
        raise UsageError("the verdict names no class", where=where, todo="Give a label.")
