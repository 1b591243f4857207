"""What a voter sees of an image, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    answers: tuple[Mapping[str, Any], ...] = ()

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
    people : int, optional
        How many people were asked, where the vote is the share of them that said so.
    """

    voter: str
    label: str
    weight: float
    reason: str = field(default="")
    people: int | None = None

    def row(self) -> dict[str, Any]:
        """As an element of the ``votes`` column."""
        return {
            "voter": self.voter,
            "label": self.label,
            "weight": self.weight,
            "reason": self.reason,
            "people": self.people,
        }


@dataclass(frozen=True, slots=True)
class VoteBatch:
    """Votes on some images.

    Attributes
    ----------
    places : ndarray of int32, shape ``(B,)``
        Numbers of the images among all.
    ids : sequence of B str
    votes : sequence of B lists
        With ``voter``, ``label``, ``weight`` and ``reason``; empty where nobody voted.
    """

    places: NDArray[np.int32]
    ids: Sequence[str]
    votes: Sequence[list[dict[str, Any]]]


Batches = Callable[[NDArray[np.bool_] | None], Iterable[VoteBatch]]
"""Goes through the votes on all images, or on those of a mask over all N, from the start each
time; a batch at a time."""


@dataclass(frozen=True, slots=True)
class VotingContext:
    """What is known of N images beside their votes; all of length N.

    Attributes
    ----------
    ids : sequence of str
        Their ids; an Arrow array will do, also for the groups.
    groups : sequence of str
        Images that must not be on both sides of a fold; empty where there are no embeddings.
    copies : sequence of str or int
        Images with the same value are copies of one image.
    origins : sequence of str or int
        Who collected it: two collectors who agree are two witnesses.
    checked : mapping of str to str
        People's labels that may be learned from (none of the test split).
    withheld : set of str
        Ids that nothing may be learned from: the test split.
    embeddings : sequence of arrays of shape ``(N, D)``
        One for each backbone; none is fine. Rows of ``nan`` are images without one.
    zero_shot : array of shape ``(N, K)``, optional
        Class probabilities of a text-image model for each image; rows of ``nan`` were not seen.
    runs : mapping of str to arrays of shape ``(N, K)``
        Class probabilities of trained runs, by voter; rows of ``nan`` where they do not vote, and
        a last column of ``nan`` where they do not know the reject class.
    """

    ids: Sequence[str]
    groups: Sequence[str]
    copies: Sequence[Hashable] | NDArray[np.int32]
    origins: Sequence[Hashable] | NDArray[np.int32]
    checked: Mapping[str, str]
    withheld: frozenset[str]
    embeddings: Sequence[NDArray[np.float32]]
    zero_shot: NDArray[np.float32] | None = None
    runs: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


Voter = Callable[[SourceText, Taxonomy], list[Vote]]
"""A pure voter: no I/O, the same votes for the same texts and taxonomy; none is an abstention."""

_TEXTS = ("title", "description", "given_label", "page_url", "image_url", "collection")
_LISTS = ("keywords", "queries", "subjects", "names", "answers")
COLUMNS = (*_TEXTS, *_LISTS)

DUPLICATE, IMAGE, ZERO_SHOT = DERIVED = ("duplicate", "image", "zero_shot")
"""Voters that ask more than one row: copies, the image voter, the text-image model."""

VOLUNTEERS = "volunteers"
"""The voter of those who answered the questions of a catalogue: a share of them for each class."""

RUN = "run_"
"""The names of trained runs as voters begin so; they give probabilities of all classes."""
