"""The title voter: phrases of the taxonomy in the title (a file name counts as one)."""

from __future__ import annotations

from cosmic_morphology.curate.text.negation import without_negated
from cosmic_morphology.curate.text.phrases import words_of_name
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.curate.votes.voters.rules import rule_votes
from cosmic_morphology.taxonomy import Taxonomy

TITLE = "title"


def title_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of the title."""
    inside = taxonomy.class_of_word
    title = words_of_name(without_negated(said.title, inside), inside)
    return rule_votes(TITLE, "title", title, taxonomy)
