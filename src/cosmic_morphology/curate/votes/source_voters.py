"""Voters on what a source gives beside its texts: search word, folder, AVM code, object name."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote

from cosmic_morphology.curate.text.negation import is_negated, without_negated
from cosmic_morphology.curate.text.object_names import NamedObject, objects_in
from cosmic_morphology.curate.text.owners import without_owners
from cosmic_morphology.curate.text.phrases import Phrases, plain, words_of_name
from cosmic_morphology.curate.text.subject import (
    OF_THE_SKY_OF_ALL,
    clean_title,
    subject_of,
)
from cosmic_morphology.curate.votes.base import VOLUNTEERS, SourceText, Vote
from cosmic_morphology.curate.votes.text_voters import lead_and_rest, rule_votes
from cosmic_morphology.stats.volunteers import shares_of_classes
from cosmic_morphology.taxonomy import Taxonomy

FOLDER = "folder"
# Strangers' labels are right two times in three, the names of the folders that files came from
# nine times in ten (both measured on the tune half, docs/explanation/labels.md).
_GIVEN, _ON_THE_WAY = 0.66, 0.85


def folder_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for the given label, else for what the last folder's name means."""
    given = said.given_label.strip()
    label = class_of_text(given, taxonomy)
    if label:
        return [Vote(FOLDER, label, _GIVEN, f"came labelled “{given}”")]
    folder = last_folder(said.page_url) or last_folder(said.image_url)
    label = class_of_text(folder, taxonomy)
    return [Vote(FOLDER, label, _ON_THE_WAY, f"in the folder “{folder}”")] if label else []


@lru_cache(maxsize=4096)
def class_of_text(text: str, taxonomy: Taxonomy) -> str:
    """Class that a short label means: its own name, a search word, an object or a phrase.

    A negated name (``not_galaxy``) means none.
    """
    words = words_of_name(text)
    named = {name: name for name in taxonomy.names_with_reject} | taxonomy.class_of_word
    own = named.get(text.strip().lower(), "")
    # "not_galaxy" may hold stars or charts: it says nothing of what they are.
    if own or is_negated(text):
        return own
    if words.lower() in named:
        return named[words.lower()]
    for found in objects_in(words):
        label = taxonomy.class_of_avm(found.kind)
        if label:
            return label
    votes = rule_votes(FOLDER, "name", words, taxonomy)
    return max(votes, key=lambda vote: vote.weight).label if votes else ""


def last_folder(address: str) -> str:
    """Name of the folder that a file path stands in; empty for a web address.

    The path of a page at an archive says how the site is built, not what the image shows.
    """
    if address.lower().startswith(("http://", "https://")):
        return ""
    parts = PurePosixPath(unquote(address)).parts
    return parts[-2] if len(parts) > 1 else ""


OBJECT_NAME = "object_name"
# The first name of a title is its subject, later ones are company. A catalogue number is seldom
# said of anything but the object; a planet's name is (rovers, conjunctions, spacecraft).
_CATALOGUED, _PROPER, _COMMON, _LATER = 0.96, 0.9, 0.8, 0.6
_NAMED_BY_SOURCE = 0.97
_LEAD, _LEAD_SHARE = "first sentences", 0.8


def object_name_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of the names that the source gives, those in the title, and those in the lead."""
    lead, _ = lead_and_rest(said)
    subject = subject_of(said.title, taxonomy)
    places = (
        ("named by the source", " . ".join(said.names)),
        ("title", clean_title(said.title, taxonomy)),
        (_LEAD, without_owners(lead)),
    )
    best: dict[str, Vote] = {}
    for where, text in places:
        for at, found in enumerate(_of_taxonomy(objects_in(text), taxonomy)):
            label = taxonomy.class_of_avm(found.kind) or ""
            weight = _LATER if at else _weight(found, where)
            # Another object in the first sentences is company, whatever its class.
            if where == _LEAD and subject and label != subject.label:
                weight = subject.given_way(weight, label, taxonomy)
            vote = Vote(OBJECT_NAME, label, weight, f"{where}: {found.name}")
            if label not in best or best[label].weight < vote.weight:
                best[label] = vote
    return list(best.values())


def _weight(found: NamedObject, where: str) -> float:
    if where == "named by the source":
        return _NAMED_BY_SOURCE
    if any(char.isdigit() for char in found.name):
        weight = _CATALOGUED
    else:
        weight = _COMMON if found.kind in OF_THE_SKY_OF_ALL else _PROPER
    return weight * _LEAD_SHARE if where == _LEAD else weight


def _of_taxonomy(found: list[NamedObject], taxonomy: Taxonomy) -> list[NamedObject]:
    return [each for each in found if taxonomy.class_of_avm(each.kind)]


def volunteers_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """The share of the volunteers that each class has: together they are one, the largest first."""
    if not said.answers:
        return []
    fractions = {each["answer"]: each["fraction"] for each in said.answers}
    people = max(each["people"] for each in said.answers)
    shares = shares_of_classes(fractions, taxonomy)
    return [
        Vote(VOLUNTEERS, name, share, f"{share:.0%} of {people} volunteers", people)
        for name, share in sorted(shares.items(), key=lambda pair: -pair[1])
        if share > 0
    ]


SEARCH_WORD = "search_word"
# Measured on 440 images with real texts: right 41 % of the time (docs/explanation/labels.md).
_SEARCH_WORD_WEIGHT = 0.41


def search_word_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for the class of each search that found the image.

    Where no search is recorded, for each class whose search word a query would have found in
    title or description.
    """
    words = [query.partition(":")[2] or query for query in said.queries]
    searched = [word for word in words if word.lower() in taxonomy.class_of_word]
    how = "found by searching for"
    if not searched:
        searched, how = _would_find(said, taxonomy), "a search would find"
    classes: dict[str, str] = {}
    for word in searched:
        classes.setdefault(taxonomy.class_of_word[word.lower()], word)
    return [
        Vote(SEARCH_WORD, label, _SEARCH_WORD_WEIGHT, f"{how} “{word}”")
        for label, word in classes.items()
    ]


def _would_find(said: SourceText, taxonomy: Taxonomy) -> list[str]:
    spelled, phrases = _spelled(taxonomy)
    title = without_negated(said.title, taxonomy.class_of_word)
    found = phrases.find(plain(f"{title} . {said.description}"))
    return list(dict.fromkeys(spelled[each.phrase] for each in found))


@lru_cache(maxsize=8)
def _spelled(taxonomy: Taxonomy) -> tuple[dict[str, str], Phrases]:
    # Archives stem: a search for "galaxy" finds "galaxies".
    words = taxonomy.class_of_word
    spelled = {plain(form): word for word in words for form in _forms(word)}
    return spelled, Phrases(spelled)


def _forms(word: str) -> tuple[str, ...]:
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return (word, plural)


AVM = "avm"
_AVM_WEIGHT = 0.99


def avm_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for each class among the codes; a reject code (technology, people) wins alone.

    Codes name everything in view, the main subject most often first: an artist's view of a
    galaxy carries both 5 and 8.
    """
    classes = [(taxonomy.class_of_avm(code), code) for code in said.subjects]
    known = [(label, code) for label, code in classes if label]
    if not known:
        return []
    if any(label == taxonomy.reject for label, _ in known):
        known = [pair for pair in known if pair[0] == taxonomy.reject]
    counts = Counter(label for label, _ in known)
    return [
        Vote(
            AVM, label, _AVM_WEIGHT if len(counts) == 1 else _AVM_WEIGHT * share / len(known), code
        )
        for (label, share), code in (
            ((label, counts[label]), _codes(known, label)) for label in counts
        )
    ]


def _codes(known: list[tuple[str, str]], label: str) -> str:
    return "AVM " + ", ".join(code for each, code in known if each == label)
