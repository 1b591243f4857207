"""Finding phrases in texts: whole words, any case and accent, hyphens like spaces."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_DIGITS = re.compile(r"(?<=[A-Za-z]{4})(?=\d)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SPACES = re.compile(r"[\s'\u2019`\"\u201c\u201d_]+")
_WORD = re.compile(r"\w+")
# The letters that a phrase begins with, and whether any others may follow them.
_FIRST_WORD = re.compile(r"(\w+)(\*?)")
# Words of texts whose phrases are remembered; the most frequent make nearly all of a text.
_WORDS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """A phrase at a place of a text."""

    phrase: str
    start: int
    end: int


class Phrases:
    """A set of phrases that is looked for in one pass, the longest first.

    Parameters
    ----------
    phrases : iterable of str
        Words in lower case; ``*`` at the end of a word stands for any ending (``nebula*``).

    Examples
    --------
    >>> [each.phrase for each in Phrases(["galaxy", "spiral galaxy"]).find("a spiral galaxy")]
    ['spiral galaxy']
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        unique = sorted(set(phrases), key=lambda each: (-len(each), each))
        self._names = {f"p{at}": each for at, each in enumerate(unique)}
        self._by_word: dict[str, list[str]] = defaultdict(list)
        self._by_beginning: dict[str, list[str]] = defaultdict(list)
        for name, phrase in self._names.items():
            word = _FIRST_WORD.match(phrase)
            # What begins with no letter may begin anywhere: then all are tried everywhere.
            first, is_open = (word[1], bool(word[2])) if word else ("", True)
            (self._by_beginning if is_open else self._by_word)[first].append(name)
        self._lengths = sorted({len(beginning) for beginning in self._by_beginning})
        self._any_of = cache(self._compiled)
        self._beginning_with = lru_cache(maxsize=_WORDS_KEPT)(self._look_up)

    def find(self, text: str) -> list[PhraseMatch]:
        """Non-overlapping finds, in the order of the text (which must be :func:`plain`)."""
        anywhere = "" in self._by_beginning
        every = self._any_of(tuple(self._names)).finditer if anywhere else self._at_words
        return [
            PhraseMatch(self._names[match.lastgroup or ""], match.start(), match.end())
            for match in every(text)
        ]

    def _at_words(self, text: str) -> Iterator[re.Match[str]]:
        """Phrases are tried only where a word stands that one of them begins with.

        One regular expression of all of them tries each at every letter: ten times slower.
        """
        end = 0
        for word in _WORD.finditer(text):
            any_of = self._beginning_with(word[0])
            if any_of and word.start() >= end and (match := any_of.match(text, word.start())):
                end = match.end()
                yield match

    def _look_up(self, word: str) -> re.Pattern[str] | None:
        """Matches any of the phrases that may begin with this word."""
        names = list(self._by_word.get(word, ()))
        for length in self._lengths:
            names += self._by_beginning.get(word[:length], ()) if length <= len(word) else ()
        return self._any_of(tuple(names)) if names else None

    def _compiled(self, names: tuple[str, ...]) -> re.Pattern[str]:
        """Matches any of these phrases, the longest first."""
        longest_first = sorted(names, key=lambda name: int(name[1:]))
        any_of = "|".join(f"(?P<{name}>{_pattern(self._names[name])})" for name in longest_first)
        return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    r"""Lower case without accents; apostrophes become spaces, white space is single.

    Examples
    --------
    >>> plain("Barnard\u2019s  Gal\u00e1xy")
    'barnard s galaxy'
    """
    bare = text.lower() if text.isascii() else _without_accents(text)
    return _SPACES.sub(" ", bare).strip()


def _without_accents(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if not unicodedata.combining(char))


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space made single.

    Examples
    --------
    >>> sentences("A comet.  It has two tails.")
    ['A comet.', 'It has two tails.']
    """
    return [part for part in _SENTENCE.split(re.sub(r"\s+", " ", text).strip()) if part]


def words_of_name(name: str, inside: Iterable[str] = ()) -> str:
    """A file name as words: ``N281_ColesHelm.jpg`` becomes ``N281 Coles Helm``.

    Parameters
    ----------
    name : str
        A title or file name; one with spaces is a title and stays as it is.
    inside : iterable of str
        Words that are parted from what they are glued to (``boomerangnebula``).

    Examples
    --------
    >>> words_of_name("N281_ColesHelm.jpg")
    'N281 Coles Helm'
    """
    stripped = name.strip()
    return stripped if " " in stripped else _words_of_file_name(name, tuple(inside))


# Several voters ask of one name.
@lru_cache(maxsize=4096)
def _words_of_file_name(name: str, inside: tuple[str, ...]) -> str:
    stem = re.sub(r"\.[A-Za-z0-9]{2,4}$", "", name)
    words = _CAMEL.sub(" ", re.sub(r"[_+~]+|%20", " ", stem))
    for word in inside:
        words = re.sub(rf"(?i)(?<=[a-z]{{3}})(?={re.escape(word)})", " ", words)
    return _DIGITS.sub(" ", words).strip()


def _pattern(phrase: str) -> str:
    words = [re.escape(word).replace(r"\*", r"\w*") for word in phrase.split()]
    return r"[\s-]+".join(words)
