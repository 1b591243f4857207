"""The completeness certificate: for every slice, what was announced and what became of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.harvest.items import FetchState
from cosmic_morphology.collect.harvest.ledger import SLICE_PREFIX
from cosmic_morphology.collect.sources.base import Slice

STORED = FetchState.STORED.value
PAGE_FAILED = "page_failed"
"""Why a slice was not read to its end: one of its pages could not be had."""


@dataclass(frozen=True, slots=True)
class SliceCompleteness:
    """The account of one slice.

    Attributes
    ----------
    announced, recounted : int, optional
        Records that the archive announced before, and after where that differed from what was
        seen; None where it says nothing.
    total : int, optional
        Records that it announced for the whole query.
    seen : int
        Records that were read, repeats included.
    unique : int
        Different ids among them.
    stored : int
        Of these, ids whose image is in the atlas now.
    reasons : dict of str to int
        Why the others are not: the state (and kind) of their URL, or why they have none;
        ``repeated`` counts rows of the archive, not ids.
    unexplained : int
        What no reason explains; the slice adds up when it is 0.
    """

    source: str
    query: str
    name: str
    announced: int | None
    recounted: int | None
    total: int | None
    seen: int
    unique: int
    stored: int
    reasons: dict[str, int]
    unexplained: int
    read_at: str

    @property
    def is_complete(self) -> bool:
        """Whether every difference is explained."""
        return self.unexplained == 0

    @property
    def not_read(self) -> int:
        """Records that were announced on a page which could not be had: for the next run."""
        return self.reasons.get(PAGE_FAILED, 0)


@dataclass(slots=True)
class _Part:
    part: Slice
    ids: set[str] = field(default_factory=set)
    seen: int = 0
    nameless: int = 0
    recounted: int | None = None
    cut_by: str = ""


class CompletenessCounter:
    """Counts while a harvest reads, and adds up in the end.

    Parameters
    ----------
    source : str
        Name of the source.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: dict[str, _Part] = {}
        self._states: dict[str, str] = {}
        self._read_at = datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def announced(self) -> int:
        """Records announced so far, or seen where a slice says nothing."""
        return sum(each.part.announced or each.seen for each in self._parts.values())

    @property
    def seen(self) -> int:
        """Records read so far."""
        return sum(each.seen for each in self._parts.values())

    @property
    def unique(self) -> int:
        """Different ids so far."""
        return len(self._states)

    def open(self, part: Slice) -> None:
        """Begin a slice."""
        self._parts[part.name] = _Part(part)

    def count(self, part: Slice, key: str) -> bool:
        """Count a record; False where there is nothing new in it for this slice."""
        mine = self._parts[part.name]
        mine.seen += 1
        if not key:
            mine.nameless += 1
            return False
        self._states.setdefault(key, FetchState.PENDING.value)
        if key in mine.ids:
            return False
        mine.ids.add(key)
        return True

    def has_met(self, key: str) -> bool:
        """Whether any slice has shown an id."""
        return key in self._states

    def resolve(self, key: str, state: str) -> None:
        """What became of an id: ``stored`` or a reason."""
        self._states[key] = state

    def outcomes(self) -> Counter[str]:
        """How many ids came to which end."""
        return Counter(self._states.values())

    def recount(self, part: Slice, announced: int) -> None:
        """What the archive announces after the slice was read."""
        self._parts[part.name].recounted = announced

    def truncate(self, part: Slice, reason: str) -> None:
        """Note why a slice was not read to its end."""
        self._parts[part.name].cut_by = reason

    def slices(self) -> list[dict[str, Any]]:
        """What was counted of each slice, as JSON can hold it."""
        return [
            {
                "name": mine.part.name,
                "query": mine.part.query,
                "announced": mine.part.announced,
                "total": mine.part.total,
                "ids": sorted(mine.ids),
                "seen": mine.seen,
                "nameless": mine.nameless,
                "recounted": mine.recounted,
                "cut_by": mine.cut_by,
            }
            for mine in self._parts.values()
        ]

    def absorb(self, slices: list[dict[str, Any]], states: dict[str, str]) -> None:
        """Take in what another has counted; an image that anybody has stored is stored."""
        for each in slices:
            of = {key: each[key] for key in ("name", "query", "announced", "total")}
            counted = {key: each[key] for key in ("seen", "nameless", "recounted", "cut_by")}
            self._parts[each["name"]] = _Part(Slice(**of), set(each["ids"]), **counted)
            for key in each["ids"]:
                self._states.setdefault(key, FetchState.PENDING.value)
        self._states |= {key: state for key, state in states.items() if not self._is_stored(key)}

    def sort(self, queries: Sequence[str]) -> None:
        """Put slices into the order of their queries."""
        place = {query: at for at, query in enumerate(queries)}
        parts = sorted(self._parts.items(), key=lambda one: place.get(one[1].part.query, -1))
        self._parts = dict(parts)

    def _is_stored(self, key: str) -> bool:
        return self._states.get(key) == STORED

    def states(self) -> dict[str, str]:
        """What became of each id."""
        return dict(self._states)

    def reports(self) -> list[SliceCompleteness]:
        """The account of every slice that was begun."""
        return [self._report(each) for each in self._parts.values()]

    def _report(self, mine: _Part) -> SliceCompleteness:
        found = Counter(self._states.get(key, FetchState.PENDING.value) for key in mine.ids)
        stored = found.pop(STORED, 0)
        reasons = dict(sorted(found.items()))
        repeated = mine.seen - mine.nameless - len(mine.ids)
        if mine.nameless:
            reasons["malformed"] = reasons.get("malformed", 0) + mine.nameless
        if repeated:
            reasons["repeated"] = repeated
        gap = 0
        if mine.part.announced is not None:
            gap = mine.part.announced - len(mine.ids) - mine.nameless
            reasons |= _why_gap(mine, gap, repeated)
            explained = sum(reasons.get(why, 0) for why in (*_FEWER, "repeated"))
            gap = max(0, gap - explained) if gap > 0 else min(0, gap + reasons.get(_GREW, 0))
        return SliceCompleteness(
            source=self._source,
            query=mine.part.query,
            name=mine.part.name,
            announced=mine.part.announced,
            recounted=mine.recounted,
            total=mine.part.total,
            seen=mine.seen,
            unique=len(mine.ids),
            stored=stored,
            reasons=reasons,
            unexplained=gap,
            read_at=self._read_at,
        )


_GREW = "archive_grew"
_SHRANK = "archive_shrank"
_CUTS = ("limit", PAGE_FAILED, "stopped")
_FEWER = (_SHRANK, *_CUTS)


def _why_gap(mine: _Part, gap: int, repeated: int) -> dict[str, int]:
    """Typed reasons for announced minus seen: the archive changed, or reading was cut."""
    announced = mine.part.announced or 0
    if gap > 0 and mine.cut_by:
        return {mine.cut_by: gap}
    if mine.recounted is None:
        return {}
    if gap > 0 and mine.recounted < announced:
        return {_SHRANK: min(gap - min(gap, repeated), announced - mine.recounted)}
    if gap < 0 and mine.recounted > announced:
        return {_GREW: min(-gap, mine.recounted - announced)}
    return {}


def slice_rows(reports: list[SliceCompleteness]) -> list[dict[str, Any]]:
    """Rows of the ledger that keep the accounts."""
    return [
        {
            "url": f"{SLICE_PREFIX}{report.source}:{report.name}",
            "source": report.source,
            "slice": report.name,
            "state": "complete" if report.is_complete else "incomplete",
            "updated_at": datetime.now(UTC),
            "record": json.dumps(asdict(report), ensure_ascii=False),
        }
        for report in reports
    ]


def read_reports(atlas: Atlas) -> list[SliceCompleteness]:
    """The newest account of every query of every source, slice by slice."""
    where = f"starts_with(url, '{SLICE_PREFIX}')"
    rows = atlas.read(["record"], where=where, table="ledger").to_pylist()
    reports = [SliceCompleteness(**json.loads(row["record"])) for row in rows]
    newest: dict[tuple[str, str], str] = {}
    for report in reports:
        key = (report.source, report.query)
        newest[key] = max(newest.get(key, ""), report.read_at)
    current = [r for r in reports if r.read_at == newest[(r.source, r.query)]]
    return sorted(current, key=lambda r: (r.source, r.query, r.name))
