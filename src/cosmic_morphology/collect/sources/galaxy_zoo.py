"""What volunteers answered, from the columns of Galaxy Zoo's catalogues: GZ1, GZ2 and DECaLS.

Sources of the formats: Lintott et al. 2011 (Table 2), Willett et al. 2013 and Hart et al. 2016
(``t01_smooth_or_features_a01_smooth_fraction``), Walmsley et al. 2022
(``smooth-or-featured_smooth_fraction``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.atlas import Answer
from cosmic_morphology.errors import InputError
from cosmic_morphology.suggest import suggest_names

_GZ1 = {
    "p_el": "elliptical",
    "p_cw": "clockwise-spiral",
    "p_acw": "anticlockwise-spiral",
    "p_edge": "edge-on",
    "p_dk": "star-or-dont-know",
    "p_mg": "merger",
}
# Task, question, and its answers by number.
_GZ2: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "t01": ("smooth-or-featured", {"a01": "smooth", "a02": "featured-or-disk", "a03": "artifact"}),
    "t02": ("disk-edge-on", {"a04": "yes", "a05": "no"}),
    "t03": ("bar", {"a06": "yes", "a07": "no"}),
    "t04": ("has-spiral-arms", {"a08": "yes", "a09": "no"}),
    "t05": (
        "bulge-size",
        {"a10": "none", "a11": "just-noticeable", "a12": "obvious", "a13": "dominant"},
    ),
    "t06": ("something-odd", {"a14": "yes", "a15": "no"}),
    "t07": ("how-rounded", {"a16": "round", "a17": "in-between", "a18": "cigar-shaped"}),
    "t08": (
        "odd-feature",
        {"a19": "ring", "a20": "lens-or-arc", "a21": "disturbed", "a22": "irregular",
         "a23": "other", "a24": "merger", "a38": "dust-lane"},
    ),
    "t09": ("edge-on-bulge", {"a25": "rounded", "a26": "boxy", "a27": "none"}),
    "t10": ("spiral-winding", {"a28": "tight", "a29": "medium", "a30": "loose"}),
    "t11": (
        "spiral-arm-count",
        {"a31": "1", "a32": "2", "a33": "3", "a34": "4", "a36": "more-than-4", "a37": "cant-tell"},
    ),
}  # fmt: skip
# The first release of DECaLS has other words for two answers.
_SAME = {
    "how-rounded_completely": "how-rounded_round",
    "how-rounded_cigar": "how-rounded_cigar-shaped",
}
_OF_GZ2 = re.compile(r"(t\d\d)_\w+?_(a\d\d)_\w+?_(count|weighted_fraction|fraction|debiased)")
_OF_DECALS = re.compile(r"([a-z]+(?:-[a-z]+)+|bar|merging)_([a-z0-9-]+)_(fraction|debiased)")
# The fractions that people gave, before those that were weighted or corrected afterwards.
_KINDS = ("fraction", "weighted_fraction", "debiased")
_SUMS = (0.9, 1.05)
_MISSING = ("", "--", "nan", "none", "null", "n/a", "masked")
_SENTINEL = -9999.0
_SHOWN = 3
_MOST_PEOPLE = 1e9
_HOW = "voters=NAME among the names of columns (--column, or the option columns)"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a catalogue: columns of its answers, and of the people who were asked."""

    columns: Mapping[str, str]
    people: tuple[str, ...]
    kind: str


class VolunteerColumns:
    """The columns of a catalogue that hold what volunteers answered; false where it has none.

    Parameters
    ----------
    header : iterable of str
        Names of its columns.
    where : str
        The table, for messages.
    voters : str
        A column with the number of voters, where the catalogue's own is not there.

    Raises
    ------
    InputError
        A question lacks an answer, or nothing says how many people answered.
    """

    def __init__(self, header: Iterable[str], where: str, voters: str = "") -> None:
        names = [name.strip() for name in header]
        self.where = where
        small = {name.lower(): name for name in names}
        if voters and voters not in names:
            raise InputError(
                f"the table has no column {voters!r}",
                where=where,
                todo=suggest_names(voters, names),
            )
        self._asked = _of_gz1(small, where, voters)
        self._asked |= _of_gz2(small, where, voters) or _of_decals(names, where, voters)

    def __bool__(self) -> bool:
        return bool(self._asked)

    @property
    def columns(self) -> set[str]:
        """The table's own names of the columns that are read."""
        asked = self._asked.values()
        return {name for each in asked for name in (*each.columns.values(), *each.people)}

    def refuse_silence(self, answered: Iterable[tuple[Answer, ...]]) -> None:
        """Refuse a catalogue of which not one row holds an answer.

        Parameters
        ----------
        answered : iterable of tuple of Answer
            What :meth:`answers` gave for each row.

        Raises
        ------
        InputError
            There are rows, and all of them are empty, masked or NaN where votes should be.
        """
        rows = 0
        for answers in answered:
            if answers:
                return
            rows += 1
        if rows and self:
            names = sorted(self.columns)
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise InputError(
                f"none of {rows:,} rows holds a vote: every cell of {', '.join(names[:_SHOWN])}"
                f"{more} is empty, NaN, -9999 or 0",
                where=self.where,
                todo="Give the catalogue with its fractions and numbers of voters, or leave these "
                "columns out.",
            )

    def answers(self, cells: Mapping[str, Any], row: str) -> tuple[Answer, ...]:
        """What was answered about one object; nothing where nobody was asked.

        Parameters
        ----------
        cells : mapping
            The table's own names of its columns, to texts or numbers.
        row : str
            Which row it is, for messages.

        Raises
        ------
        InputError
            A fraction is no number in [0, 1], those of one question do not sum to one, or
            there are fractions of which nobody voted.
        """
        where = f"{self.where}, {row}"
        found: list[Answer] = []
        for question, asked in self._asked.items():
            given = {
                answer: _fraction(cells.get(column), column, where)
                for answer, column in asked.columns.items()
            }
            known = {answer: share for answer, share in given.items() if share is not None}
            counts = [_count(cells.get(column), column, where) for column in asked.people]
            people = round(sum(counts))
            if not people and any(known.values()):
                raise InputError(
                    f"{question!r} has fractions, but no voters "
                    f"({', '.join(asked.people[:2])} {'are' if len(counts) > 1 else 'is'} 0)",
                    where=where,
                    todo="Give the number of people who were asked, or leave the row out.",
                )
            total = sum(known.values())
            if known and people and asked.kind != "debiased" and not _is_whole(total):
                raise InputError(
                    f"the fractions of {question!r} sum to {total:.3g}, not to 1",
                    where=where,
                    todo="Give all answers of a question, each as a share of those who were asked.",
                )
            if people:
                found += [Answer(f"{question}_{each}", at, people) for each, at in known.items()]
        return tuple(
            Answer(_SAME.get(each.answer, each.answer), each.fraction, each.people)
            for each in found
        )


def _is_whole(total: float) -> bool:
    return _SUMS[0] <= total <= _SUMS[1]


def _of_gz1(small: Mapping[str, str], where: str, voters: str) -> dict[str, _Asked]:
    there = {answer: small[column] for column, answer in _GZ1.items() if column in small}
    if len(there) < 2:
        return {}
    lacking = [column.upper() for column in _GZ1 if column not in small]
    if lacking:
        raise _lacks(lacking, where)
    people = voters or small.get("nvote", "")
    if not people:
        raise _no_voters("NVOTE", where)
    return {"shape": _Asked(there, (people,), "fraction")}


def _of_gz2(small: Mapping[str, str], where: str, voters: str) -> dict[str, _Asked]:
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for name in small:
        found = _OF_GZ2.fullmatch(name)
        if found and found[1] in _GZ2 and found[2] in _GZ2[found[1]][1]:
            columns.setdefault((found[1], found[3]), {})[found[2]] = small[name]
    asked = {}
    for task, (question, answers) in _GZ2.items():
        kind = next((kind for kind in _KINDS if (task, kind) in columns), "")
        if not kind:
            continue
        own, counts = columns[task, kind], columns.get((task, "count"), {})
        lacking = [f"{task}_…_{answer}_…_{kind}" for answer in answers if answer not in own]
        if lacking:
            raise _lacks(lacking, where)
        people = (voters,) if voters else tuple(counts.values())
        if not voters and len(counts) < len(answers):
            raise _no_voters(f"{task}_…_count", where)
        by_answer = {answers[number]: name for number, name in own.items()}
        asked[question] = _Asked(by_answer, people, kind)
    return asked


def _of_decals(names: Iterable[str], where: str, voters: str) -> dict[str, _Asked]:
    columns: dict[tuple[str, str], dict[str, str]] = {}
    known = set(names)
    for name in known:
        found = _OF_DECALS.fullmatch(name)
        if found:
            columns.setdefault((found[1], found[3]), {})[found[2]] = name
    asked = {}
    for question in sorted({question for question, _ in columns}):
        kind = "fraction" if (question, "fraction") in columns else "debiased"
        total = f"{question}_total-votes"
        if not voters and total not in known:
            raise _no_voters(total, where)
        own = dict(sorted(columns[question, kind].items()))
        asked[question] = _Asked(own, (voters or total,), kind)
    return asked


def _lacks(columns: list[str], where: str) -> InputError:
    return InputError(
        f"the catalogue of volunteers' answers lacks {', '.join(columns)}",
        where=where,
        todo="Give all answers of a question: their fractions sum to one.",
    )


def _no_voters(column: str, where: str) -> InputError:
    return InputError(
        f"the table has fractions of votes, but no number of voters ({column})",
        where=where,
        todo=f"Add that column, or name another: {_HOW}.",
    )


def _fraction(value: Any, column: str, where: str) -> float | None:
    share = _number(value, column, where)
    if share is None or share == _SENTINEL:
        return None
    if not -1e-6 <= share <= 1 + 1e-3:
        raise InputError(
            f"{column} is {share:g}, and a fraction of votes is 0 to 1",
            where=where,
            todo="Give shares, not counts or percentages.",
        )
    return min(max(share, 0.0), 1.0)


def _count(value: Any, column: str, where: str) -> float:
    people = _number(value, column, where)
    if people is None or people == _SENTINEL:
        return 0.0
    if not 0 <= people < _MOST_PEOPLE:
        raise InputError(f"{column} is {people:g} people", where=where, todo="Give how many voted.")
    return people


def _number(value: Any, column: str, where: str) -> float | None:
    text = "" if value is None else str(value).strip()
    if text.lower() in _MISSING:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.inf
    if math.isinf(found):
        raise InputError(
            f"{column} is {text!r}, which is no number", where=where, todo="Correct it."
        )
    return found


def checked_identifier(text: str, column: str, where: str) -> str:
    """An identifier, unless a spreadsheet has made a rounded number of it.

    Identifiers of SDSS have 18 digits, a float keeps 16: ``1.23766E+18`` names many objects.

    Raises
    ------
    InputError
        It has lost its digits.
    """
    if re.fullmatch(r"[+-]?\d(\.\d+)?[eE]\+?\d\d", text):
        raise InputError(
            f"the identifier {text!r} in {column!r} has lost its last digits",
            where=where,
            todo="Write identifiers as text or as whole numbers; a spreadsheet rounds them.",
        )
    return text
