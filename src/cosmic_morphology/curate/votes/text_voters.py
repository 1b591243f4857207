"""Voters on texts: phrases of the taxonomy in title, first sentences, description, keywords."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache

from cosmic_morphology.curate.text.object_names import objects_in
from cosmic_morphology.curate.text.owners import without_owners
from cosmic_morphology.curate.text.phrases import PhraseMatch, Phrases, plain, sentences
from cosmic_morphology.curate.text.subject import NamedSubject, clean_title, subject_of
from cosmic_morphology.curate.votes.base import SourceText, Vote
from cosmic_morphology.taxonomy import Taxonomy, TextField, load_taxonomy

# A phrase found again adds less each time; ten mentions of one word are not ten witnesses.
_REPEAT = 0.35
_MOST_REPEATS = 3
# Weight of a search word that is in a field, for a taxonomy that brings no rules of its own.
_PLAIN_WORD = {"title": 0.75, "name": 0.7, "lead": 0.6, "keywords": 0.6, "text": 0.52}


def rule_votes(
    voter: str,
    field: TextField,
    text: str,
    taxonomy: Taxonomy,
    *,
    subject: NamedSubject | None = None,
) -> list[Vote]:
    """Votes of the rules for one field on its text: one for each class that is spoken for.

    Words give way to the subject that the title names.
    """
    return list(_votes_of_rules(voter, field, text, taxonomy, subject))


# Two voters ask of one text, and names of folders are those of the row before.
@lru_cache(maxsize=1024)
def _votes_of_rules(
    voter: str, field: TextField, text: str, taxonomy: Taxonomy, subject: NamedSubject | None
) -> tuple[Vote, ...]:
    matcher = _matcher(taxonomy, field)

    def weight(phrase: str) -> float:
        own, label = matcher.weights[phrase], matcher.labels[phrase]
        if subject is None or label == subject.label:
            return own
        yields = phrase in matcher.yielding or subject.outvotes(label, taxonomy)
        return subject.given_way(own, label, taxonomy) if yields else own

    found: dict[str, list[PhraseMatch]] = defaultdict(list)
    for each in matcher.phrases.find(plain(text)):
        label = matcher.labels.get(each.phrase)
        if label is not None:
            found[label].append(each)
    if taxonomy.reject in found:
        found[taxonomy.reject] = _outside_names(found[taxonomy.reject], text, taxonomy)
    return tuple(
        Vote(
            voter,
            label,
            _combined([weight(each.phrase) for each in finds]),
            f"{field}: " + ", ".join(dict.fromkeys(f"“{each.phrase}”" for each in finds)),
        )
        for label, finds in found.items()
        if finds
    )


def _outside_names(finds: list[PhraseMatch], text: str, taxonomy: Taxonomy) -> list[PhraseMatch]:
    """Words that are no part of an object's name: the Christmas Tree Cluster shows no tree."""
    spans = [
        (each.start, each.start + len(each.name))
        for each in objects_in(text)
        if taxonomy.class_of_avm(each.kind) not in (None, taxonomy.reject)
    ]
    return [
        each
        for each in finds
        if not any(start <= each.start and each.end <= end for start, end in spans)
    ]


class _Matcher:
    def __init__(self, taxonomy: Taxonomy, field: TextField) -> None:
        self.labels: dict[str, str] = {}
        self.weights: dict[str, float] = {}
        self.yielding: set[str] = set()
        for rule in taxonomy.rules:
            if field in rule.where and rule.lent != "only":
                for phrase in rule.phrases:
                    self.labels[phrase.lower()] = rule.label
                    self.weights[phrase.lower()] = rule.weight
                    if rule.yields:
                        self.yielding.add(phrase.lower())
        ruled = {rule.label for rule in taxonomy.rules}
        if taxonomy.reject not in ruled:
            for phrase, weight in _lent(taxonomy, field):
                self.labels[phrase] = taxonomy.reject
                self.weights[phrase] = weight
        for word, label in taxonomy.class_of_word.items():
            if label not in ruled:
                self.labels.setdefault(word, label)
                self.weights.setdefault(word, _PLAIN_WORD[field])
        self.phrases = Phrases([*self.labels, *(each.lower() for each in taxonomy.ignore)])


def _lent(taxonomy: Taxonomy, field: TextField) -> list[tuple[str, float]]:
    """Phrases of people, hardware, charts and artworks, which are junk whatever the classes are.

    Those that share a word with the taxonomy's own words are left to it.
    """
    named = (*taxonomy.names_with_reject, *taxonomy.class_of_word)
    own = {word.rstrip("s") for name in named for word in plain(name).split()}
    return [
        (phrase.lower(), rule.weight)
        for rule in load_taxonomy().rules
        if rule.lent != "no" and field in rule.where
        for phrase in rule.phrases
        if own.isdisjoint(word.rstrip("*").rstrip("s") for word in phrase.lower().split())
    ]


@lru_cache(maxsize=32)
def _matcher(taxonomy: Taxonomy, field: TextField) -> _Matcher:
    return _Matcher(taxonomy, field)


def _combined(weights: list[float]) -> float:
    best = max(weights)
    repeats = min(len(weights) - 1, _MOST_REPEATS)
    evidence = math.log(best / (1 - best)) * (1 + _REPEAT * repeats)
    return round(1 / (1 + math.exp(-evidence)), 4)


TEXT = "text"
_LEAD_SENTENCES = 2


def lead_and_rest(said: SourceText) -> tuple[str, str]:
    """The first sentences of a description, and the rest; both empty when it repeats the title."""
    return _lead_and_rest(said.title, said.description)


@lru_cache(maxsize=16)
def _lead_and_rest(title: str, description: str) -> tuple[str, str]:
    if plain(description) == plain(title):
        return "", ""
    parts = sentences(description)
    return " ".join(parts[:_LEAD_SENTENCES]), " ".join(parts[_LEAD_SENTENCES:])


def text_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of lead, rest and keywords, each a voter of its own: they fail in different ways."""
    lead, rest = lead_and_rest(said)
    keywords = ". ".join(each for each in said.keywords if plain(each) != plain(said.title))
    subject = subject_of(said.title, taxonomy)
    return [
        *rule_votes("lead", "lead", without_owners(lead), taxonomy, subject=subject),
        *rule_votes(TEXT, "text", rest, taxonomy, subject=subject),
        *rule_votes("keywords", "keywords", keywords, taxonomy, subject=subject),
    ]


TITLE = "title"


def title_votes(said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
    """Votes of the title."""
    title, subject = clean_title(said.title, taxonomy), subject_of(said.title, taxonomy)
    return rule_votes(TITLE, "title", title, taxonomy, subject=subject)
