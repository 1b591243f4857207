"""Every voter that looks at one row alone, by name, and the one that asks all the others.

A voter (a labeling function, Ratner et al. 2017) looks at what a source says of one image and gives
weighted opinions on its class.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import entry_points

from cosmic_morphology.curate.text.phrases import plain
from cosmic_morphology.curate.votes import source_voters, text_voters
from cosmic_morphology.curate.votes.base import (
    COLUMNS,
    DERIVED,
    RUN,
    VOLUNTEERS,
    SourceText,
    Vote,
    Voter,
)
from cosmic_morphology.curate.votes.plugged import PluggedVoter
from cosmic_morphology.errors import InputError
from cosmic_morphology.taxonomy import Taxonomy

NO_CLASS_NAMED = "no_class_named"
_NO_CLASS_NAMED_WEIGHT = 0.75
_LONG_WORDS = 25
_ENGLISH = frozenset(("the", "of", "and", "in", "is", "to", "this", "for", "with", "from", "are"))
_LEAST_ENGLISH = 0.12


_ASKED: dict[str, Voter] = {
    source_voters.SEARCH_WORD: source_voters.search_word_votes,
    text_voters.TITLE: text_voters.title_votes,
    text_voters.TEXT: text_voters.text_votes,
    source_voters.OBJECT_NAME: source_voters.object_name_votes,
    source_voters.AVM: source_voters.avm_votes,
    source_voters.FOLDER: source_voters.folder_votes,
    VOLUNTEERS: source_voters.volunteers_votes,
}


def no_class_named_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for the reject class where a long English description says nothing of any class.

    The rules read English; silence about a text in another language means nothing.
    """
    words = plain(said.description).split()
    if not taxonomy.rules or len(words) < _LONG_WORDS:
        return []
    if sum(word in _ENGLISH for word in words) < _LEAST_ENGLISH * len(words):
        return []
    # That a search has found it says nothing: only what the record itself says names a class.
    said = replace(said, queries=())
    votes = (vote for voter in _ASKED.values() for vote in voter(said, taxonomy))
    if any(vote.label != taxonomy.reject for vote in votes):
        return []
    return [
        Vote(
            NO_CLASS_NAMED,
            taxonomy.reject,
            _NO_CLASS_NAMED_WEIGHT,
            f"{len(words)} words that name no class",
        )
    ]


VOTERS: dict[str, Voter] = {**_ASKED, NO_CLASS_NAMED: no_class_named_votes}
"""Every voter that looks at one row alone, by name."""

GROUP = "cosmic_morphology.voters"
"""The entry point group of plug-ins: the voter's name and a function as :data:`Voter` has it."""


def find_voters(disabled: Collection[str] = ()) -> dict[str, Voter]:
    """The voters that are asked, built in and plugged in, by name.

    Parameters
    ----------
    disabled : collection of str
        Names of voters that are not asked; a plug-in among them is not even loaded.

    Raises
    ------
    InputError
        A plug-in has the name of a voter that is built in, or cannot be loaded.

    Examples
    --------
    >>> [name for name in find_voters(["avm"]) if name in ("avm", "folder", "title")]
    ['title', 'folder']
    """
    found = {name: voter for name, voter in VOTERS.items() if name not in disabled}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        if point.name in disabled:
            continue
        if point.name in {*VOTERS, *DERIVED} or point.name.startswith(RUN):
            raise InputError(
                "a voter of another package has the name of one that is built in",
                where=f"{point.name} = {point.value}",
                todo="Uninstall the package that brings it.",
            )
        found[point.name] = PluggedVoter(point)
    return found


def versions_of_plugins(names: Collection[str]) -> dict[str, str]:
    """Package and version behind each of these voters that is plugged in, for stamps."""
    return {
        point.name: f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        for point in entry_points(group=GROUP)
        if point.name in names
    }


__all__ = [
    "COLUMNS", "GROUP", "VOTERS", "SourceText", "Vote", "Voter", "find_voters",
    "versions_of_plugins",
]  # fmt: skip
