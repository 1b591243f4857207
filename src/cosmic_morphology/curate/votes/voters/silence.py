"""The silence voter: a long text that names no class is seldom about a picture of one."""

from __future__ import annotations

from dataclasses import replace

from cosmic_morphology.curate.text.phrases import plain
from cosmic_morphology.curate.votes.voters import avm, folder, object_name, search_word, text, title
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.taxonomy import Taxonomy

NO_CLASS_NAMED = "silence"
_NO_CLASS_NAMED_WEIGHT = 0.75
_LONG_WORDS = 25
_ENGLISH = frozenset(("the", "of", "and", "in", "is", "to", "this", "for", "with", "from", "are"))
_LEAST_ENGLISH = 0.12


def no_class_named_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
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
    others = (search_word, title, text, object_name, avm, folder)
    if any(
        vote.label != taxonomy.reject for one in others for vote in one.votes_of(said, taxonomy)
    ):
        return []
    return [
        Vote(
            NO_CLASS_NAMED,
            taxonomy.reject,
            _NO_CLASS_NAMED_WEIGHT,
            f"{len(words)} words that name no class",
        )
    ]
