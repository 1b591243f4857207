"""What kind of object a name means: catalogues, IAU designations, planets, moons, famous names."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from cosmic_morphology.curate.text.phrases import Phrases, plain

# Messier and New General Catalogue numbers as people write them: "M 31", "NGC 4567 and 4568".
# "M2-9" (Minkowski) and "M1.5" (a flare) are not Messier numbers.
_NUMBERED = {
    "messier": r"(?:messier|m)[\s-]?0*(\d{1,3})(?![-.]?\d|-\w)",
    "caldwell": r"caldwell[\s-]?0*(\d{1,3})(?!\d)",
    "ngc": r"ngc[\s-]?0*(\d{1,4})(?!\d)",
    "ic": r"ic[\s-]?0*(\d{1,4})(?!\d)",
}


@dataclass(frozen=True, slots=True)
class NamedObject:
    """An object name in a text.

    Attributes
    ----------
    name : str
        As it is in the (plain) text.
    kind : str
        AVM ``Subject.Category`` code, such as ``5`` for a galaxy.
    start : int
        Where in the text, in characters.
    """

    name: str
    kind: str
    start: int


def objects_in(text: str) -> list[NamedObject]:
    """Names of celestial objects in a text, in its order; a longer name hides what is in it.

    Parameters
    ----------
    text : str
        Any text; case and accents do not matter.

    Examples
    --------
    >>> [each.name for each in objects_in("Messier 31 and NGC 205 in Andromeda")]
    ['messier 31', 'ngc 205', 'andromeda']
    """
    return list(_objects_in(plain(text)))


# Several voters ask of one text.
@lru_cache(maxsize=1024)
def _objects_in(bare: str) -> tuple[NamedObject, ...]:
    found = [*_numbered(bare), *_prefixed(bare), *_named(bare)]
    found.sort(key=lambda each: (each.start, -len(each.name)))
    kept: list[NamedObject] = []
    for each in found:
        if not kept or each.start >= kept[-1].start + len(kept[-1].name):
            kept.append(each)
    return tuple(kept)


def _numbered(text: str) -> list[NamedObject]:
    table = _tables().numbers
    found = []
    for catalogue, regex in _tables().numbered:
        for match in regex.finditer(text):
            kind = table[catalogue].get(int(match[1]))
            if kind:
                found.append(NamedObject(match[0], kind, match.start()))
    return found


def _prefixed(text: str) -> list[NamedObject]:
    return [
        NamedObject(match[0], kind, match.start())
        for kind, regex in _tables().prefixes
        for match in regex.finditer(text)
    ]


def _named(text: str) -> list[NamedObject]:
    tables = _tables()
    return [
        NamedObject(each.phrase, tables.named[each.phrase], each.start)
        for each in tables.names.find(text)
    ]


@dataclass(frozen=True, slots=True)
class _Tables:
    numbers: dict[str, dict[int, str]]
    numbered: tuple[tuple[str, re.Pattern[str]], ...]
    prefixes: tuple[tuple[str, re.Pattern[str]], ...]
    named: dict[str, str]
    names: Phrases


@cache
def _tables() -> _Tables:
    here = resources.files("cosmic_morphology.curate.text").joinpath("objects.toml")
    raw = tomllib.loads(here.read_text("utf-8"))
    numbers: dict[str, dict[int, str]] = {}
    for entry in raw["numbered"]:
        table = numbers.setdefault(entry["catalogue"], {})
        for kind, ranges in entry["kinds"].items():
            table.update(dict.fromkeys(_expanded(ranges), kind))
    named = {name: kind for kind, names in raw["named"].items() for name in names}
    return _Tables(
        numbers=numbers,
        numbered=tuple(
            (catalogue, re.compile(rf"(?<![\w/]){pattern}"))
            for catalogue, pattern in _NUMBERED.items()
        ),
        prefixes=tuple(
            (kind, re.compile(rf"(?<![\w/])(?:{'|'.join(patterns)})(?!\w)"))
            for kind, patterns in raw["prefixes"].items()
        ),
        named=named,
        names=Phrases(named),
    )


def _expanded(ranges: str) -> list[int]:
    numbers: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers
