"""The phrases of the taxonomy: what changes would change, and a copy with them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from cosmic_morphology.curate import PhraseChange
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.serve.access.sessions import Writer
from cosmic_morphology.serve.phrase_trials import PhraseTrials

router = APIRouter(prefix="/api/v1/taxonomy", tags=["taxonomy"])
_MOST = 50


class Change(BaseModel):
    """One phrase more, or one less."""

    place: str = Field(
        max_length=300, examples=["rule:14"], description="ignore, search:CLASS or rule:NUMBER"
    )
    phrase: str = Field(max_length=1000, examples=["dust lane*"])
    added: bool = Field(examples=[True])


class Changes(BaseModel):
    """Changes that are tried."""

    changes: list[Change] = Field(max_length=_MOST)

    def made(self) -> list[PhraseChange]:
        """As the taxonomy takes them."""
        return [PhraseChange(each.place, each.phrase, each.added) for each in self.changes]


class Copy(Changes):
    """Changes that are saved in a copy of the taxonomy."""

    name: str = Field(max_length=100, examples=["dust"])


def _trials(request: Request) -> PhraseTrials:
    found: PhraseTrials = request.app.state.trials
    return found


Trials = Annotated[PhraseTrials, Depends(_trials)]


@router.post("/effects")
def effects(given: Changes, trials: Trials) -> dict[str, Any]:
    """How many records would get another label, by what is said of them alone.

    ``sampled`` of ``records`` were looked at, drawn by a seed. ``each`` has what each change alone
    would do, null where it is not valid alone. ``judged`` counts those that keep their label since
    a person has judged them. Nothing is stored.
    """
    found = trials.counted(given.made())
    moves = [
        {"before": old, "after": new, "records": n, "examples": found.examples[old, new]}
        for (old, new), n in found.moves.items()
    ]
    return {
        "sampled": found.sampled,
        "records": found.records,
        "changed": found.changed,
        "judged": found.judged,
        "each": found.each,
        "moves": moves,
    }


@router.post("/copies")
def copy(given: Copy, trials: Trials, reviewer: Writer) -> dict[str, Any]:
    """Save a copy of the taxonomy with the changes beside the atlas; no other file is touched."""
    del reviewer
    saved: dict[str, Any] = jsonable(trials.save(given.made(), given.name))
    return saved
