"""What a voter sees of an image, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cosmic_morphology.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class SourceText:
    """What a source says of one image: the said columns of the catalogue, nulls made empty."""

    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    given_label: str = ""
    subjects: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    page_url: str = ""
    image_url: str = ""
    collection: str = ""

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> SourceText:
        """From a row of the catalogue."""
        given: dict[str, Any] = {name: row.get(name) or "" for name in _TEXTS}
        given |= {name: tuple(row.get(name) or ()) for name in _LISTS}
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Vote:
    """One voter's opinion.

    Attributes
    ----------
    voter : str
        Name of the voter.
    label : str
        A class of the taxonomy, or its reject class.
    weight : float
        How often such a vote is right, as far as the voter knows: a probability in (0, 1).
    reason : str
        Why, in words a person understands.
    """

    voter: str
    label: str
    weight: float
    reason: str = field(default="")

    def row(self) -> dict[str, Any]:
        """As an element of the ``votes`` column."""
        return {
            "voter": self.voter,
            "label": self.label,
            "weight": self.weight,
            "reason": self.reason,
        }


Voter = Callable[[SourceText, Taxonomy], list[Vote]]
"""A pure voter: no I/O, the same votes for the same texts and taxonomy; none is an abstention."""

_TEXTS = ("title", "description", "given_label", "page_url", "image_url", "collection")
_LISTS = ("keywords", "queries", "subjects", "names")
COLUMNS = (*_TEXTS, *_LISTS)

DUPLICATE, IMAGE, ZERO_SHOT = DERIVED = ("duplicate", "image", "zero_shot")
"""Voters that ask more than one row: copies, the image voter, the text-image model."""

RUN = "run_"
"""The names of trained runs as voters begin so; they give probabilities of all classes."""
