"""Full-text search over the holdings, prepared once: word to records."""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from cosmic_morphology.replica.catalogue import ArchiveCatalogue, ArchiveRecord

Positions = NDArray[np.uint32]
"""Positions in the holdings, ascending, shape ``(hits,)``."""

PARAMETERS = frozenset(
    {"q", "center", "description", "description_508", "keywords", "location", "media_type"}
    | {"nasa_id", "page", "page_size", "photographer", "secondary_creator", "title"}
    | {"year_start", "year_end"}
)
_WORDS = re.compile(r"[^\W_]+")
_TEXTS: dict[str, Callable[[ArchiveRecord], str]] = {
    "q": lambda r: f"{r.title} {r.description} {' '.join(r.keywords)}",
    "title": lambda r: r.title,
    "description": lambda r: r.description,
    "description_508": lambda r: r.description,
    "keywords": lambda r: " ".join(r.keywords),
    "location": lambda r: r.location,
    "photographer": lambda r: r.photographer,
    "secondary_creator": lambda r: r.credit,
}
_FACETS: dict[str, Callable[[ArchiveRecord], str]] = {
    "center": lambda r: r.center.lower(),
    "media_type": lambda r: r.media_type.lower(),
    "nasa_id": lambda r: r.nasa_id,
}
_KEPT_ANSWERS = 256


class Index:
    """Finds records by the parameters of the library's search.

    Every word of a text parameter must occur, in any inflection that differs by a plural.
    Values of ``center`` and ``media_type`` separated by commas are alternatives.

    Parameters
    ----------
    holdings : ArchiveCatalogue
        What is searched.
    """

    def __init__(self, holdings: ArchiveCatalogue) -> None:
        self._holdings = holdings
        self._visible = np.ones(len(holdings), dtype=np.bool_)
        self._words: dict[str, dict[str, Positions]] = {}
        self._answers: OrderedDict[frozenset[tuple[str, str]], Positions] = OrderedDict()
        self.position: dict[str, int] = {}
        self._years = np.zeros(len(holdings), dtype=np.int16)
        self._facets: dict[str, dict[str, Positions]] = {}
        self._albums: dict[str, Positions] = {}
        self._read_once()

    def find(self, params: Mapping[str, str]) -> Positions:
        """Positions of the records that answer ``params``, in the archive's order.

        Raises
        ------
        ValueError
            A year is not a number.
        """
        asked = {k: v for k, v in params.items() if k in PARAMETERS and k[:4] != "page" and v}
        key = frozenset(asked.items())
        if key not in self._answers:
            self._answers[key] = self._found(asked)
            if len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return self._answers[key]

    def show(self, nasa_ids: Iterable[str], *, visible: bool) -> None:
        """Take records out of the archive, or put them back, while it is being read."""
        for nasa_id in nasa_ids:
            self._visible[self.position[nasa_id]] = visible
        self._answers.clear()

    def shown(self, nasa_id: str) -> ArchiveRecord | None:
        """The record of an id; None for one that the archive does not have (now)."""
        at = self.position.get(nasa_id)
        return None if at is None or not self._visible[at] else self._holdings.records[at]

    def album(self, name: str) -> Positions:
        """Positions of an album's records; the case of its name counts."""
        held = self._albums.get(name)
        return np.empty(0, np.uint32) if held is None else _both(self.everything(), held)

    def everything(self) -> Positions:
        """All positions that are shown."""
        return np.flatnonzero(self._visible).astype(np.uint32)

    def _found(self, asked: Mapping[str, str]) -> Positions:
        found = self.everything()
        for name, value in asked.items():
            if name in _TEXTS:
                index = self._words_of(name)
                for word in words(value):
                    found = _both(found, index.get(word))
            elif name in _FACETS:
                found = _both(found, self._alternatives(name, value))
        if "year_start" in asked or "year_end" in asked:
            first, last = int(asked.get("year_start", 0)), int(asked.get("year_end", 9999))
            years = self._years[found]
            # A record without a date is in no range of years, not even an open one.
            found = found[(years > 0) & (years >= first) & (years <= last)]
        return found

    def _alternatives(self, name: str, value: str) -> Positions:
        values = [value] if name == "nasa_id" else [v.strip().lower() for v in value.split(",")]
        found = [self._facets[name][v] for v in values if v in self._facets[name]]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint32)

    def _words_of(self, name: str) -> dict[str, Positions]:
        if name not in self._words:
            self._words[name] = _inverted(self._holdings, _TEXTS[name])
        return self._words[name]

    def _read_once(self) -> None:
        """One pass over the records for all that every search needs."""
        text = _TEXTS["q"]
        found: dict[str, array[int]] = defaultdict(lambda: array("I"))
        facets: dict[str, dict[str, array[int]]] = {
            name: defaultdict(lambda: array("I")) for name in _FACETS
        }
        albums: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for at, record in enumerate(self._holdings.records):
            self.position.setdefault(record.nasa_id, at)
            self._years[at] = record.year
            for word in set(words(text(record))):
                found[word].append(at)
            for name, value in _FACETS.items():
                facets[name][value(record)].append(at)
            for album in record.albums:
                albums[album].append(at)
        self._words["q"] = _frozen(found)
        self._albums = _frozen(albums)
        self._facets = {name: _frozen(values) for name, values in facets.items()}


def words(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, singular."""
    return [_stem(word) for word in _WORDS.findall(text.lower().replace("'s", ""))]


def _stem(word: str) -> str:
    if len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("ulae"):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _inverted(
    holdings: ArchiveCatalogue, text: Callable[[ArchiveRecord], str]
) -> dict[str, Positions]:
    found: dict[str, array[int]] = defaultdict(lambda: array("I"))
    for at, record in enumerate(holdings.records):
        for word in set(words(text(record))):
            found[word].append(at)
    return _frozen(found)


def _frozen(found: Mapping[str, array[int]]) -> dict[str, Positions]:
    return {word: np.frombuffer(at, dtype=np.uint32) for word, at in found.items()}


def _both(a: Positions, b: Positions | None) -> Positions:
    if b is None:
        return np.empty(0, np.uint32)
    return np.intersect1d(a, b, assume_unique=True)
