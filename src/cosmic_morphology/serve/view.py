"""What of the atlas is looked at: chips in an address, and the filter that they stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np

from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.run_folder.documents import NAME
from cosmic_morphology.serve.sky_map import LAYOUTS

CHECKS = ("relevance", "duplicate", "mislabel")
EQUAL = ("label", "label_kind", "split", "source", "collection")
"""Columns of the catalogue that a chip can name a value of."""
NONE = "-"
"""Stands in an address for rows that have no value."""
NOT = "!"
"""Before a value: rows that have another one."""
ORDERS = ("id", "label_confidence", "relevance_score", "duplicate_score", "mislabel_score")


_MOST_CORNERS = 100


@dataclass(frozen=True, slots=True)
class View:
    """A part of the atlas in an order; as an address it is a link that others can open.

    Attributes
    ----------
    label, label_kind, split, source, collection : str
        The value that rows have; ``-``: they have none; ``!comet``: another; empty: any.
    flagged : str
        A check whose flag is raised: ``relevance``, ``duplicate`` or ``mislabel``.
    least, most : float or None
        Bounds of the label's confidence, in [0, 1].
    check : str
        The check whose score ``score_least`` and ``score_most`` bound.
    score_least, score_most : float or None
        In [0, 1]; 1 is fine.
    since, until : str
        First and last day on which the image was made, such as ``2019-04-10``; a year or a month
        does, too.
    by : str
        The person whose verdict an image has.
    unique : bool
        Without copies of others.
    run, said : str
        A run, and the class that it says.
    q : str
        Words of the title.
    like : tuple of str
        Ids of images that others shall look like.
    lasso : str
        A part of the map: corners as ``x,y``, with spaces between.
    layout : str
        The map that it is of: ``pca`` or ``umap``.
    phrase : str
        Words that describe what images shall look like.
    order : str
        One of :data:`ORDERS`.
    down : bool
        Whether the largest come first.
    """

    label: str = ""
    label_kind: str = ""
    split: str = ""
    source: str = ""
    collection: str = ""
    flagged: str = ""
    least: float | None = None
    most: float | None = None
    check: str = ""
    score_least: float | None = None
    score_most: float | None = None
    since: str = ""
    until: str = ""
    by: str = ""
    unique: bool = False
    run: str = ""
    said: str = ""
    q: str = ""
    like: tuple[str, ...] = ()
    lasso: str = ""
    layout: str = "pca"
    phrase: str = ""
    order: str = "id"
    down: bool = False

    def __post_init__(self) -> None:
        for name in ("flagged", "check"):
            check = getattr(self, name)
            if check and check not in CHECKS:
                raise UsageError(
                    f"there is no check {check!r}",
                    where=name,
                    todo=f"Give one of: {', '.join(CHECKS)}.",
                )
        for day in filter(None, (self.since, self.until)):
            if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", day, re.ASCII):
                raise UsageError("this is no day", where=day[:40], todo="Write 2019-04-10.")
        if self.run and not re.fullmatch(NAME, self.run):
            raise UsageError(
                "this cannot be the name of a run", where=self.run, todo="See the page of runs."
            )
        self.corners()
        if self.layout not in LAYOUTS:
            raise UsageError(
                f"there is no map {self.layout!r}",
                where="layout",
                todo=f"Give one of: {', '.join(LAYOUTS)}.",
            )
        if self.order not in ORDERS:
            raise UsageError(
                f"rows are not sorted by {self.order!r}",
                where="order",
                todo=f"Give one of: {', '.join(ORDERS)}.",
            )

    def corners(self) -> list[tuple[float, float]]:
        """Corners of the part of the map; none without one.

        Examples
        --------
        >>> View(lasso="0,0 1,0 1,1").corners()
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
        """
        parts = self.lasso.split()
        try:
            found = [(float(x), float(y)) for x, y in (part.split(",") for part in parts)]
        except ValueError:
            found = []
        if self.lasso and not (2 < len(found) <= _MOST_CORNERS and np.isfinite(found).all()):
            raise UsageError(
                f"a part of the map has 3 to {_MOST_CORNERS} corners",
                where="lasso",
                todo="Draw it on the map.",
            )
        return found

    def where(self) -> str | None:
        """The filter on the catalogue, in Lance's SQL; None for all rows.

        Examples
        --------
        >>> View(label="comet", split="-", most=0.7).where()
        "(label = 'comet') AND (split IS NULL) AND (label_confidence <= 0.7)"
        >>> View().where() is None
        True
        """
        parts = []
        for name in EQUAL:
            value = getattr(self, name)
            if value == NONE:
                parts.append(f"{name} IS NULL")
            elif value.startswith(NOT):
                parts.append(f"{name} != {sql_literal(value.removeprefix(NOT))}")
            elif value:
                parts.append(f"{name} = {sql_literal(value)}")
        if self.flagged:
            parts.append(f"{self.flagged}_flag = true")
        if self.run:
            parts.append(f"`prediction_{self.run}` = {sql_literal(self.said)}")
        if self.least is not None:
            parts.append(f"label_confidence >= {float(self.least)!r}")
        if self.most is not None:
            parts.append(f"label_confidence <= {float(self.most)!r}")
        if self.unique:
            parts.append("duplicate_flag IS NULL OR duplicate_flag = false")
        parts += self._of_score_and_day()
        return " AND ".join(f"({part})" for part in parts) or None

    def _of_score_and_day(self) -> list[str]:
        parts = []
        if self.check:
            score = f"{self.check}_score"
            least, most = self.score_least, self.score_most
            parts += [f"{score} >= {float(least)!r}"] if least is not None else []
            parts += [f"{score} <= {float(most)!r}"] if most is not None else []
            parts += [f"{score} IS NOT NULL"] if least is None and most is None else []
        if self.since:
            parts.append(f"created_at >= {sql_literal(self.since)}")
        if self.until:
            # Whatever follows the day, such as an hour, is of it.
            parts.append(f"created_at <= {sql_literal(self.until + '~')}")
        return parts

    @property
    def is_of_best(self) -> bool:
        """Whether only its best matches are known."""
        return bool(self.q or self.like or self.phrase)

    @property
    def is_of_ids(self) -> bool:
        """Whether its images are known by id, and come at once."""
        return bool(self.like or self.lasso or self.by or self.phrase)

    def address(self, path: str = "/gallery", *, after: str = "", **changes: Any) -> str:
        """The link to this view, or to one that differs in something, or goes on after a page.

        Examples
        --------
        >>> View(label="comet").address(split="test")
        '/gallery?label=comet&split=test'
        """
        shown = replace(self, **changes)
        words: list[tuple[str, str]] = []
        for field in fields(shown):
            value = getattr(shown, field.name)
            if value == field.default:
                continue
            many = value if isinstance(value, tuple) else (value,)
            words += [(field.name, str(int(each) if each is True else each)) for each in many]
        words += [("after", after)] if after else []
        return f"{path}?{urlencode(words)}" if words else path

    def chips(self) -> list[tuple[str, str]]:
        """What is asked for in words, each with the address of the view without it."""
        found = []
        named = {"label": "class", "label_kind": "label kind"}
        for name in EQUAL:
            if value := getattr(self, name):
                shown = "none" if value == NONE else value.replace(NOT, "not ", 1)
                found.append((f"{named.get(name, name)}: {shown}", self.address(**{name: ""})))
        if self.flagged:
            found.append((f"flagged by {self.flagged}", self.address(flagged="")))
        if self.least is not None:
            found.append((f"confidence ≥ {self.least:g}", self.address(least=None)))
        if self.most is not None:
            found.append((f"confidence ≤ {self.most:g}", self.address(most=None)))
        found += self._more_chips()
        if self.run:
            found.append((f"{self.run} says {self.said}", self.address(run="", said="")))
        if self.q:
            found.append((f"words: {self.q}", self.address(q="")))
        if self.lasso:
            found.append(("a part of the map", self.address(lasso="", layout="pca")))
        return found + self._chips_of_likeness()

    def _chips_of_likeness(self) -> list[tuple[str, str]]:
        found = []
        if self.phrase:
            found.append((f"looks like: {self.phrase}", self.address(phrase="")))
        if self.like:
            found.append((f"like {len(self.like)} image(s)", self.address(like=())))
        return found

    def _more_chips(self) -> list[tuple[str, str]]:
        found = []
        if self.check:
            low = "" if self.score_least is None else f"{self.score_least:g} ≤ "
            high = "" if self.score_most is None else f" ≤ {self.score_most:g}"
            without = self.address(check="", score_least=None, score_most=None)
            found.append((f"{low}{self.check} score{high}", without))
        if self.since or self.until:
            days = f"{self.since or '…'} to {self.until or '…'}"
            found.append((f"made {days}", self.address(since="", until="")))
        if self.by:
            found.append((f"judged by {self.by}", self.address(by="")))
        if self.unique:
            found.append(("without copies", self.address(unique=False)))
        return found
