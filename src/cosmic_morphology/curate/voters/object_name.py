"""The object-name voter: "67P" is a comet, "M 31" a galaxy, "Ganymede" a moon."""

from __future__ import annotations

from cosmic_morphology.curate.objects import NamedObject, objects_in
from cosmic_morphology.curate.phrases import words_of_name
from cosmic_morphology.curate.voters.base import Said, Vote
from cosmic_morphology.curate.voters.text import lead_and_rest
from cosmic_morphology.taxonomy import Taxonomy

NAME = "object_name"
# The first name of a title is its subject; later ones are company.
_FIRST, _LATER = 0.9, 0.6
_GIVEN = 0.97
_IN_LEAD = 0.7


def votes_of(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of the names that the source gives, those in the title, and those in the lead."""
    lead, _ = lead_and_rest(said)
    places: list[tuple[str, str, float, float]] = [
        ("named by the source", " . ".join(said.names), _GIVEN, _LATER),
        ("title", words_of_name(said.title), _FIRST, _LATER),
        ("first sentences", lead, _IN_LEAD, _LATER),
    ]
    best: dict[str, Vote] = {}
    for where, text, first, later in places:
        for at, found in enumerate(_of_taxonomy(objects_in(text), taxonomy)):
            label = taxonomy.class_of_avm(found.kind) or ""
            vote = Vote(NAME, label, later if at else first, f"{where}: {found.name}")
            if label not in best or best[label].weight < vote.weight:
                best[label] = vote
    return list(best.values())


def _of_taxonomy(found: list[NamedObject], taxonomy: Taxonomy) -> list[NamedObject]:
    return [each for each in found if taxonomy.class_of_avm(each.kind)]
