"""Finding phrases in texts: whole words, any case and accent, hyphens like spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
_DIGITS = re.compile(r"(?<=[A-Za-z]{4})(?=\d)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Found:
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
        alternatives = "|".join(
            f"(?P<{name}>{_pattern(each)})" for name, each in self._names.items()
        )
        self._regex = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)") if unique else None

    def find(self, text: str) -> list[Found]:
        """Non-overlapping finds, in the order of the text (which must be :func:`plain`)."""
        if self._regex is None:
            return []
        return [
            Found(self._names[match.lastgroup or ""], match.start(), match.end())
            for match in self._regex.finditer(text)
        ]


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    r"""Lower case without accents; apostrophes become spaces, white space is single.

    Examples
    --------
    >>> plain("Barnard\u2019s  Gal\u00e1xy")
    'barnard s galaxy'
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return re.sub(r"[\s'\u2019`\"\u201c\u201d_]+", " ", bare).strip()


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
    if " " in name.strip():
        return name.strip()
    stem = re.sub(r"\.[A-Za-z0-9]{2,4}$", "", name)
    words = _CAMEL.sub(" ", re.sub(r"[_+~]+|%20", " ", stem))
    for word in inside:
        words = re.sub(rf"(?i)(?<=[a-z]{{3}})(?={re.escape(word)})", " ", words)
    return _DIGITS.sub(" ", words).strip()


def _pattern(phrase: str) -> str:
    words = [re.escape(word).replace(r"\*", r"\w*") for word in phrase.split()]
    return r"[\s-]+".join(words)
