"""The object-name voter: "67P" is a comet, "M 31" a galaxy, "Ganymede" a moon."""

from __future__ import annotations

from cosmic_morphology.curate.text.negation import without_negated
from cosmic_morphology.curate.text.object_names import NamedObject, objects_in
from cosmic_morphology.curate.text.phrases import words_of_name
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.curate.votes.voters.text import lead_and_rest
from cosmic_morphology.taxonomy import Taxonomy

OBJECT_NAME = "object_name"
# The first name of a title is its subject, later ones are company. A catalogue number is seldom
# said of anything but the object; a planet's name is (rovers, conjunctions, spacecraft).
_CATALOGUED, _PROPER, _COMMON, _LATER = 0.96, 0.9, 0.8, 0.6
_GIVEN = 0.97
# Planets, the Sun and bright stars are named in many texts that show something else.
_OF_THE_SKY_OF_ALL = ("1", "2.1", "3")
_LEAD_SHARE = 0.8


def object_name_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of the names that the source gives, those in the title, and those in the lead."""
    lead, _ = lead_and_rest(said)
    inside = taxonomy.class_of_word
    title = words_of_name(without_negated(said.title, inside), inside)
    places = (
        ("named by the source", " . ".join(said.names)),
        ("title", title),
        ("first sentences", lead),
    )
    best: dict[str, Vote] = {}
    for where, text in places:
        for at, found in enumerate(_of_taxonomy(objects_in(text), taxonomy)):
            label = taxonomy.class_of_avm(found.kind) or ""
            weight = _LATER if at else _weight(found, where)
            vote = Vote(OBJECT_NAME, label, weight, f"{where}: {found.name}")
            if label not in best or best[label].weight < vote.weight:
                best[label] = vote
    return list(best.values())


def _weight(found: NamedObject, where: str) -> float:
    if where == "named by the source":
        return _GIVEN
    if any(char.isdigit() for char in found.name):
        weight = _CATALOGUED
    else:
        weight = _COMMON if found.kind in _OF_THE_SKY_OF_ALL else _PROPER
    return weight * _LEAD_SHARE if where == "first sentences" else weight


def _of_taxonomy(found: list[NamedObject], taxonomy: Taxonomy) -> list[NamedObject]:
    return [each for each in found if taxonomy.class_of_avm(each.kind)]
