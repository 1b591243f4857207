"""What a title is about: the object that it names, which words beside it do not outvote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cosmic_morphology.curate.text.negation import without_negated
from cosmic_morphology.curate.text.object_names import objects_in
from cosmic_morphology.curate.text.owners import without_hosts, without_owners
from cosmic_morphology.curate.text.phrases import words_of_name
from cosmic_morphology.taxonomy import Taxonomy

# Planets, the Sun and bright stars are named in many texts that show something else.
OF_THE_SKY_OF_ALL = ("1", "2.1", "3")
_SOLAR_SYSTEM, _CLUSTER, _NEBULA = ("1", "2"), "3.6.4", "4"
_MOON, _PLANET = "1.4", "1"
# Share of the evidence that is left to words that speak against a named object.
_GIVES_WAY = 0.5


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """The object that a title names.

    Attributes
    ----------
    label : str
        Its class, or the reject class (a moon).
    kind : str
        Its AVM ``Subject.Category`` code.
    """

    label: str
    kind: str

    def outvotes(self, label: str, taxonomy: Taxonomy) -> bool:
        """Whether words for another class give way to the name.

        A comet may pass in front of a nebula, so only words for the same realm give way; and a
        cluster lies in a nebula as often as not.
        """
        codes = _codes(label, taxonomy)
        if label == self.label or (self.kind == _CLUSTER and _NEBULA in codes):
            return False
        is_near = self.kind.startswith(_SOLAR_SYSTEM)
        return any(code.startswith(_SOLAR_SYSTEM) == is_near for code in codes)

    def given_way(self, weight: float, label: str, taxonomy: Taxonomy) -> float:
        """The weight of a vote for a class that gives way to the name.

        Half of its evidence is left; none where a moon is named, whose planet is told with it.
        """
        is_owner = self.kind == _MOON and _PLANET in _codes(label, taxonomy)
        others = len(taxonomy.names)
        odds: float = (weight * others / (1 - weight)) ** (0.0 if is_owner else _GIVES_WAY)
        return odds / (odds + others)


def _codes(label: str, taxonomy: Taxonomy) -> tuple[str, ...]:
    return next((each.avm for each in taxonomy.classes if each.name == label), ())


def clean_title(title: str, taxonomy: Taxonomy) -> str:
    """A title in words, without what it negates, and without owners and hosts of its subject."""
    return _clean_title(title, tuple(taxonomy.class_of_word))


@lru_cache(maxsize=1024)
def _clean_title(title: str, inside: tuple[str, ...]) -> str:
    named = without_negated(without_owners(title), inside)
    return without_hosts(words_of_name(named, inside))


@lru_cache(maxsize=1024)
def subject_of(title: str, taxonomy: Taxonomy) -> NamedSubject | None:
    """The subject of a title; None where it names no object, objects of two classes, or planets.

    Parameters
    ----------
    title : str
        As the source gives it.
    taxonomy : Taxonomy
        Its AVM codes say what is of which class.

    Examples
    --------
    >>> subject_of("Dust and stars in NGC 613", taxonomy)
    NamedSubject(label='galaxy', kind='5')
    >>> subject_of("Io and Jupiter", taxonomy) is None
    True
    """
    found = [
        (label, each)
        for each in objects_in(clean_title(title, taxonomy))
        if (label := taxonomy.class_of_avm(each.kind))
    ]
    specific = [
        each
        for _, each in found
        if each.kind not in OF_THE_SKY_OF_ALL or any(char.isdigit() for char in each.name)
    ]
    if len({label for label, _ in found}) != 1 or not specific:
        return None
    return NamedSubject(found[0][0], specific[0].kind)
