"""Past the cap of 10,000 results: years are halved, then centres, then keywords.

What a search hides behind the cap is reached by narrower searches. The archive has no search for
records without a date: they are what a search without years gives and the years did not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.base import CountChanged, JsonClient, Slice
from cosmic_morphology.collect.sources.nasa.pages import CAP, PAGE_SIZE, read_page
from cosmic_morphology.collect.sources.paging import PageSet, read_until_stable, until_repeated
from cosmic_morphology.errors import SourceError

CENTERS = (
    *("ARC", "AFRC", "DFRC", "GRC", "GSFC", "HQ", "JPL", "JSC", "KSC", "LARC", "LRC"),
    *("MAF", "MSFC", "NASA", "SSC", "WFF", "WSTF"),
)
"""Centres known on paper; those that records name are added while reading."""

_FIRST_YEAR = 1
_MAX_KEYWORDS = 400
# Records may be added between two counts.
_MAY_GROW = 1.05

Params = Mapping[str, Any]


class SearchSlicer:
    """Divides queries into slices, and reads a slice to its end.

    Slices must be read in the order in which they are given: the last ones of a query hold what
    the others did not.

    Parameters
    ----------
    api : str
        Address of the interface, without a final slash.
    """

    def __init__(self, api: str) -> None:
        self._api = api
        self._seen: set[str] = set()
        self._keywords: Counter[str] = Counter()
        self._centers = dict.fromkeys(CENTERS)

    async def divide(self, ask: JsonClient, query: str, params: Params) -> AsyncIterator[Slice]:
        """The slices of one query, from the archive's own counts."""
        self._seen, self._keywords = set(), Counter()
        total = await self.count(ask, params)
        if total <= CAP:
            yield Slice(query, query, total, total, params)
            return
        last = datetime.now(UTC).year + 1
        first = int(params.get("year_start", _FIRST_YEAR))
        years = {**params, "year_start": first, "year_end": last}
        dated = await self.count(ask, years)
        async for part in self._halve(ask, query, years, dated):
            yield _with_total(part, total)
        if total > dated and "year_start" not in params:
            rest = {**params, "remainder": True}
            yield Slice(f"{query}/undated", query, total - dated, total, rest)

    async def items(self, ask: JsonClient, part: Slice) -> AsyncIterator[Any | CountChanged]:
        """Every item of a slice, read until the archive's count agrees."""
        if part.params.get("remainder") or (part.announced or 0) > CAP:
            async for item in self._narrower(ask, part):
                yield item
            return
        steadily = read_until_stable(lambda: self._pages(ask, part.params), id_of, part.announced)
        async for item in steadily:
            if not isinstance(item, CountChanged):
                self._note(id_of(item), item)
            yield item

    async def _narrower(self, ask: JsonClient, part: Slice) -> AsyncIterator[Any]:
        """A slice that no single search shows: what is left, or more than the cap.

        Narrower searches are read until as many records were seen as the archive announces.
        """
        got: set[str] = set()
        remainder = part.params.get("remainder")
        async for params in self._searches(ask, part):
            async for page in until_repeated(self._pages(ask, params), id_of):
                for item in page.items:
                    key = id_of(item)
                    if key and key not in got and not (remainder and key in self._seen):
                        got.add(key)
                        self._note(key, item)
                        yield item
            if len(got) >= (part.announced or 0):
                return

    async def count(self, ask: JsonClient, params: Params) -> int:
        """Hits that the archive announces for a search or an album."""
        url, given = self._address(params)
        size = {} if "album" in params else {"page_size": 1}
        return (await read_page(ask, url, {**given, "page": 1, **size})).total

    async def _halve(
        self, ask: JsonClient, query: str, params: dict[str, Any], hits: int
    ) -> AsyncIterator[Slice]:
        first, last = params["year_start"], params["year_end"]
        if hits == 0:
            return
        if hits <= CAP:
            span = str(first) if first == last else f"{first}-{last}"
            yield Slice(f"{query}/{span}", query, hits, None, params)
        elif first == last:
            async for part in self._by_center(ask, query, params, hits):
                yield part
        else:
            middle = _middle(first, last)
            early, late = {**params, "year_end": middle}, {**params, "year_start": middle + 1}
            halves = [(half, await self.count(ask, half)) for half in (early, late)]
            self._check_sum(hits, sum(found for _, found in halves), f"{query}/{first}-{last}")
            for half, found in halves:
                async for part in self._halve(ask, query, half, found):
                    yield part

    async def _by_center(
        self, ask: JsonClient, query: str, params: dict[str, Any], hits: int
    ) -> AsyncIterator[Slice]:
        """One year that is too large, centre by centre, and what names no known centre."""
        name, left = f"{query}/{params['year_start']}", hits
        if "center" in params:
            yield Slice(name, query, hits, None, params)
            return
        for center in list(self._centers):
            narrower = {**params, "center": center}
            found = await self.count(ask, narrower)
            left -= found
            self._check_sum(hits, hits - left, name)
            if found:
                yield Slice(f"{name}/{center}", query, found, None, narrower)
        if left > 0:
            yield Slice(f"{name}/other", query, left, None, {**params, "remainder": True})

    def _check_sum(self, whole: int, parts: int, name: str) -> None:
        """Parts that are more than their whole: the archive ignores what it is asked."""
        if parts > whole * _MAY_GROW + PAGE_SIZE:
            raise SourceError(
                f"the parts of a search have {parts:,} hits, the whole only {whole:,}",
                where=f"{self._api} ({name})",
                todo="The archive's counts cannot be trusted; try again later.",
            )

    async def _searches(self, ask: JsonClient, part: Slice) -> AsyncIterator[Params]:
        """Searches that together show a slice: itself, then centres, then keywords."""
        params = {k: v for k, v in part.params.items() if k != "remainder"}
        remainder = part.params.get("remainder")
        if not remainder:
            yield params
            if (part.announced or 0) <= CAP:
                return
        if "center" not in params:
            for center in list(self._centers):
                narrower = {**params, "center": center}
                if await self.count(ask, narrower):
                    yield narrower
        if remainder:
            yield params
        if "keywords" not in params:
            for keyword, _ in self._keywords.most_common(_MAX_KEYWORDS):
                yield {**params, "keywords": keyword}

    async def _pages(self, ask: JsonClient, params: Params) -> AsyncIterator[PageSet]:
        """All legal pages; ``next`` is advertised beyond the cap and not followed."""
        url, given = self._address(params)
        size = {} if "album" in params else {"page_size": PAGE_SIZE}
        for number in range(1, CAP // PAGE_SIZE + 1):
            page = await read_page(ask, url, {**given, "page": number, **size})
            yield PageSet(page.items, page.total)
            if number * PAGE_SIZE >= page.total:
                return

    def _address(self, params: Params) -> tuple[str, dict[str, Any]]:
        given = {key: value for key, value in params.items() if key != "album"}
        if "album" not in params:
            return f"{self._api}/search", given
        return f"{self._api}/album/{quote(str(params['album']), safe='', errors='replace')}", given

    def _note(self, key: str, item: Any) -> None:
        if not key:
            return
        data = data_of(item)
        self._seen.add(key)
        self._keywords.update(text.listed(data.get("keywords"))[:5])
        center = text.plain(data.get("center"), 100)
        if center and len(self._centers) < 100:
            self._centers.setdefault(center)


def data_of(item: Any) -> dict[str, Any]:
    """What an item says of itself; empty where it says nothing."""
    data = item.get("data") if isinstance(item, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    return first if isinstance(first, dict) else {}


def id_of(item: Any) -> str:
    """The library's identifier of an item; empty without one."""
    nasa_id = data_of(item).get("nasa_id")
    return nasa_id.strip() if isinstance(nasa_id, str) else ""


def _middle(first: int, last: int) -> int:
    # Nearly everything is from the space age: halve that first, not the years of Rome.
    return 1957 if first < 1957 < last else (first + last) // 2


def _with_total(part: Slice, total: int) -> Slice:
    return Slice(part.name, part.query, part.announced, total, part.params)
