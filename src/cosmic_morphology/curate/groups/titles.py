"""Which object, which press image and which series a title speaks of."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from cosmic_morphology.curate.text.phrases import Phrases, plain, words_of_name

# A title that lists more objects than this is of a wide field or a catalogue: it ties nothing.
MAX_NAMES = 3

_START = r"(?<![a-z0-9.])"
_MESSIER = re.compile(
    rf"(?:{_START}|(?<=m\d)|(?<=m\d\d)|(?<=m\d\d\d))(?:messier|m)[ -]?0*(\d{{1,3}})(?![-.]?\d|-\w)"
)
_CALDWELL = re.compile(rf"{_START}caldwell[ -]?0*(\d{{1,3}})(?!\d)")
_NUMBERED = re.compile(
    rf"{_START}(ngc|ic|sh ?2|ldn|lbn|vdb|arp|abell|ugc|pgc|hcg|gum|rcw|melotte|collinder|trumpler|"
    r"cederblad|westerlund|simeis|hd|barnard|b|sn)[ -]?0*(\d{1,6})([a-z]?)(?![\d.])"
)
# Of these the bare letters are words of other meanings too.
_MIN_DIGITS = {"b": 2, "hd": 4, "sn": 4}
_COMET = re.compile(
    rf"{_START}([cpdxai])[/ ]?((?:1[6-9]|20)\d\d) ?([a-hj-y]{{1,2}}\d{{1,3}})(?!\w)"
)
_PERIODIC = re.compile(rf"{_START}(\d{{1,3}})p(?![a-z0-9])")
# Identifiers of press images: the letter behind the number counts images of one release.
_PRESS = re.compile(
    rf"{_START}(?:(pia)[ -]?(\d{{5}})|(heic|potw|eso|opo|sci|ann|weic)[ -]?(\d{{4,7}})[a-z]?)(?!\d)"
)

_PART = re.compile(
    r"\b(?:part|pt|no|nr|number|image|img|figure|fig|panel|view|version|v|frame|page|photo|image)"
    r"\b[ .#]*(?:\d+|[ivx]+\b|one|two|three|four|five|six)?"
)
_FORM = re.compile(
    r"\b(?:annotated|unannotated|labell?ed|unlabell?ed|clean|wide|close ?up|full|"
    r"crop(?:ped)?|large|medium|small|big|thumb(?:nail)?|orig(?:inal)?|hi ?res|highres|lowres|"
    r"print|wallpaper|"
    r"black and white|b ?w|colou?r|false colou?r|inverted|negative|copy)\b"
)
_NUMBERS = re.compile(r"\b(?:\d+(?: of \d+)?|[ivx]{1,4})\b")
# A series title must say something: so many letters in so many words, not only words of a class.
_MIN_LETTERS, _MIN_WORDS = 10, 3


@dataclass(frozen=True, slots=True)
class Named:
    """What a title names.

    Attributes
    ----------
    objects : frozenset of str
        Canonical names such as ``m31`` or ``67p``.
    press : frozenset of str
        Identifiers of press images such as ``pia15048``.
    """

    objects: frozenset[str]
    press: frozenset[str]


def named_in(title: str, *, names: Sequence[str] = (), file_name: str = "") -> Named:
    """Objects and press images that a record names.

    Parameters
    ----------
    title : str
        The title; a file name in its place is taken apart.
    names : sequence of str
        Object names that the source gives.
    file_name : str
        The source's own identifier or file name.
    """
    texts = [_plain(title), _plain(file_name)]
    objects = set().union(*(_objects(text) for text in texts))
    if len(objects) > MAX_NAMES:
        objects = set()
    for name in names:
        objects |= _objects(_plain(name))
    return Named(frozenset(objects), frozenset().union(*(_press(text) for text in texts)))


def title_series(title: str) -> str:
    """The title without part numbers and words of form; empty when too little is left of it."""
    text = re.sub(r"[^\w ]+", " ", _plain(title))
    for pattern in (_PART, _FORM, _NUMBERS):
        text = pattern.sub(" ", text)
    words = [word for word in text.split() if not word.isdigit()]
    letters = sum(len(word) for word in words)
    return " ".join(words) if len(words) >= _MIN_WORDS and letters >= _MIN_LETTERS else ""


def names_key() -> str:
    """Short hash of the table of names, for stamps."""
    return hashlib.sha256(_table_text().encode()).hexdigest()[:16]


def _plain(text: str) -> str:
    return plain(words_of_name(text)) if text else ""


def _press(text: str) -> frozenset[str]:
    return frozenset(
        (match[1] or match[3]) + (match[2] or match[4]) for match in _PRESS.finditer(text)
    )


def _objects(text: str) -> set[str]:
    if not text:
        return set()
    tables = _tables()
    found = {_canonical(f"m{int(m[1])}") for m in _MESSIER.finditer(text) if 0 < int(m[1]) <= 110}
    found |= {_canonical(f"caldwell{int(m[1])}") for m in _CALDWELL.finditer(text)}
    for match in _NUMBERED.finditer(text):
        catalogue, number = match[1].replace(" ", ""), match[2]
        if len(number) < _MIN_DIGITS.get(catalogue, 1):
            continue
        catalogue = "b" if catalogue == "barnard" else catalogue
        letter = match[3] if catalogue == "sn" else ""
        dash = "-" if catalogue == "sh2" else ""
        found.add(_canonical(f"{catalogue}{dash}{int(number)}{letter}"))
    found |= {f"{m[1]}{m[2]}{m[3]}" for m in _COMET.finditer(text)}
    found |= {f"{int(m[1])}p" for m in _PERIODIC.finditer(text)}
    bare = text.replace("-", " ")
    found |= {_canonical(tables.names[each.phrase]) for each in tables.phrases.find(bare)}
    return found


def _canonical(name: str) -> str:
    same = _tables().same
    for _ in range(4):
        if same.get(name, name) == name:
            return name
        name = same[name]
    return name


def _table_text() -> str:
    here = resources.files("cosmic_morphology.curate.groups").joinpath("same_object.toml")
    return here.read_text("utf-8")


@dataclass(frozen=True, slots=True)
class _Tables:
    same: dict[str, str]
    names: dict[str, str]
    phrases: Phrases


@cache
def _tables() -> _Tables:
    raw = tomllib.loads(_table_text())
    same: dict[str, str] = {}
    for catalogue, prefix in (("caldwell", "caldwell"), ("messier", "m")):
        for entry in raw[catalogue]["ngc"].split():
            number, _, other = entry.partition(":")
            other = f"ngc{other}" if other.isdigit() else other
            # Messier's number is the name people use; a Caldwell number is not.
            same.update({other: f"m{number}"} if prefix == "m" else {f"caldwell{number}": other})
    same |= raw["designations"]
    return _Tables(same, raw["names"], Phrases(raw["names"]))
