"""The text voters: phrases in the first sentences, in the rest of the description, in keywords."""

from __future__ import annotations

from cosmic_morphology.curate.text.phrases import plain, sentences
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.curate.votes.voters.rules import rule_votes
from cosmic_morphology.taxonomy import Taxonomy

TEXT = "text"
_LEAD_SENTENCES = 2


def lead_and_rest(said: Said) -> tuple[str, str]:
    """The first sentences of a description, and the rest; both empty when it repeats the title."""
    if plain(said.description) == plain(said.title):
        return "", ""
    parts = sentences(said.description)
    return " ".join(parts[:_LEAD_SENTENCES]), " ".join(parts[_LEAD_SENTENCES:])


def text_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of lead, rest and keywords, each a voter of its own: they fail in different ways."""
    lead, rest = lead_and_rest(said)
    keywords = ". ".join(each for each in said.keywords if plain(each) != plain(said.title))
    return [
        *rule_votes("lead", "lead", lead, taxonomy),
        *rule_votes(TEXT, "text", rest, taxonomy),
        *rule_votes("keywords", "keywords", keywords, taxonomy),
    ]
