"""The search-word voter: what everybody does, and is right four times in ten."""

from __future__ import annotations

from cosmic_morphology.curate.text.negation import without_negated
from cosmic_morphology.curate.text.phrases import Phrases, plain
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.taxonomy import Taxonomy

SEARCH_WORD = "search_word"
# Measured on 440 pictures with real texts: right 41 % of the time (docs/explanation/labels.md).
_SEARCH_WORD_WEIGHT = 0.41


def search_word_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for the class of each search that found the picture.

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


def _would_find(said: Said, taxonomy: Taxonomy) -> list[str]:
    words = taxonomy.class_of_word
    # Archives stem: a search for "galaxy" finds "galaxies".
    spelled = {plain(form): word for word in words for form in _forms(word)}
    title = without_negated(said.title, words)
    found = Phrases(spelled).find(plain(f"{title} . {said.description}"))
    return list(dict.fromkeys(spelled[each.phrase] for each in found))


def _forms(word: str) -> tuple[str, ...]:
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return (word, plural)
