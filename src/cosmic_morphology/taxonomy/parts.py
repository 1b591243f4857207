"""Parts of a taxonomy: a class, a question to volunteers, a rule on texts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# A star fits any letters: many of them in one word would take for ever on a long one.
_PHRASE = re.compile(r"[^\s*][^*\n]*(?:\*[^*\n]+)?\*?")
_LONGEST = 100


def _checked(phrase: str) -> str:
    if len(phrase) > _LONGEST or not _PHRASE.fullmatch(phrase):
        msg = (
            f"{phrase[:_LONGEST]!r} is no phrase: it has 1 to {_LONGEST} characters, no space "
            "or star first, and at most two stars, which stand apart"
        )
        raise ValueError(msg)
    return phrase


Phrase = Annotated[str, AfterValidator(_checked)]
"""Words that are looked for in texts; ``*`` stands for any letters."""


class SkyClass(BaseModel):
    """One class: its name, its search words, its AVM codes, and what its images look like.

    ``prompts`` are for the zero-shot voter; a class without any is described by its name.

    Examples
    --------
    >>> SkyClass(name="comet", search=("comet", "cometary nucleus")).search
    ('comet', 'cometary nucleus')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9 _-]*$")
    search: tuple[str, ...] = ()
    avm: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    answers: tuple[tuple[str, ...], ...] = Field(
        (), description="ways through the questions of volunteers that end at the class"
    )
    before_others: bool = Field(
        False, description="its share is taken first, as of a merger; the others share the rest"
    )
    mirror: str = Field("", description="the class that its mirror image shows, where another")


class Question(BaseModel):
    """A question of a decision tree, and the question that follows each answer (or none).

    Examples
    --------
    >>> Question(name="bar", text="Is there a bar?", answers={"yes": "", "no": ""}).answers["no"]
    ''
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    text: str
    answers: dict[str, str] = Field(min_length=2)


TextField = Literal["title", "lead", "text", "keywords", "name"]


class Rule(BaseModel):
    """Phrases that speak for a class where they are in a record.

    ``where`` names the fields: ``title``; ``lead`` (the first two sentences of the description);
    ``text`` (the rest of it); ``keywords``; ``name`` (folder and file name). ``weight`` is how
    often such a phrase is right, from 0 to 1. A word may end in ``*`` for any ending.
    ``lent`` is of rules for the reject class in the taxonomy that comes with the package: whether
    a taxonomy without such rules of its own takes them over (``also``, ``only``: they are for
    those alone). ``yields`` is of words that mean little beside an object's name: where the title
    names one, they count for half.

    Examples
    --------
    >>> Rule(label="comet", where=("title",), weight=0.8, phrases=("comet",)).weight
    0.8
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    where: tuple[TextField, ...] = Field(min_length=1)
    weight: float = Field(gt=0, lt=1)
    phrases: tuple[Phrase, ...] = Field(min_length=1)
    lent: Literal["no", "also", "only"] = "no"
    yields: bool = False
