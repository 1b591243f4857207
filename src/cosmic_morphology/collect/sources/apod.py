"""Astronomy Picture of the Day: ``science.nasa.gov/wp-json/wp/v2/apod-basic``, and old archives.

The interface that everybody used (``api.nasa.gov/planetary/apod``) ended in autumn 2026.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.harvest.items import FetchFailedError
from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.base import (
    CountChanged,
    JsonClient,
    SkippedRecord,
    SkipReason,
    Slice,
    SourceItem,
    SourceRequest,
)
from cosmic_morphology.collect.sources.options import Options
from cosmic_morphology.collect.sources.paging import PageSet, at_most, read_until_stable
from cosmic_morphology.errors import InputError, SourceError

SITE = "https://science.nasa.gov"
ALL = "all"
ARCHIVE = "archive"
_PATH = "/wp-json/wp/v2/apod-basic"
_PER_PAGE = 100
_MAX_PAGES = 2_000
_PLACEHOLDERS = ("nasa-logo", "default_apod_image")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BAD_REQUEST, _NOT_FOUND = 400, 404


class ApodOptions(Options):
    """Options of :class:`Apod`."""

    archive: Path | None = None
    width_px: int = Field(1024, ge=0, le=100_000, description="0: as they are")


class Apod:
    """Every day of APOD, newest first, or the days of an old archive file.

    Options: ``archive``, a file of records of the old interface (JSON, may be gzipped): its
    texts are kept, and the image's address is asked of today's interface; ``width_px``, the
    width that images are asked for (1024; 0: as they are).

    Parameters
    ----------
    wanted : SourceRequest
        The job, and since when.
    """

    name = "apod"
    hosts = ("science.nasa.gov", "assets.science.nasa.gov", "apod.nasa.gov")
    # Inferred: no archive publishes a number.
    requests_per_s = MappingProxyType(dict.fromkeys(hosts, 2.0))

    def __init__(self, wanted: SourceRequest) -> None:
        options = wanted.read_options(ApodOptions)
        self._archive = options.archive
        self.queries = (ARCHIVE if self._archive else ALL,)
        self._list = wanted.root(SITE) + _PATH
        self._since = wanted.since.isoformat() if wanted.since else ""
        self._width_px = options.width_px

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """One: the list is newest first and has no other parameters that work."""
        if self._archive:
            entries = read_archive(self._archive)
            yield Slice(ARCHIVE, ARCHIVE, len(entries), len(entries), {"entries": entries})
            return
        page = await self._page(ask, 1)
        yield Slice(ALL, ALL, None if self._since else page.total, page.total)

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """An entry for each day."""
        if part.query == ARCHIVE:
            for entry in part.params["entries"]:
                yield await self._old(ask, entry)
            return
        async for entry in read_until_stable(lambda: self._pages(ask), _day, part.announced):
            yield entry if isinstance(entry, CountChanged) else self._found(entry, ALL)

    async def _pages(self, ask: JsonClient) -> AsyncIterator[PageSet]:
        seen = 0
        for number in range(1, _MAX_PAGES):
            page = await self._page(ask, number)
            yield page
            seen += len(page.items)
            if page.total is not None and seen >= page.total:
                return
            if self._since and page.items and _day(page.items[-1]) < self._since:
                return

    async def _page(self, ask: JsonClient, number: int) -> PageSet:
        # The largest page is disputed (25 or 100); a server that gives fewer still counts pages
        # in its own size, so that only the number of pages changes.
        asked = {"per_page": _PER_PAGE, "page": number}
        try:
            entries, headers = await ask.json_and_headers(self._list, asked, items=_PER_PAGE)
        except FetchFailedError as trouble:
            if trouble.status_code == _BAD_REQUEST and number > 1:
                return PageSet([], None)
            raise
        if not isinstance(entries, list):
            raise SourceError(
                "the list of APOD is not a list",
                where=self._list,
                todo="Has its interface changed again? See docs/howto/collect.md.",
            )
        at_most(_PER_PAGE, entries, self._list)
        return PageSet(entries, text.whole_number(headers.get("x-wp-total", "")))

    async def _old(self, ask: JsonClient, entry: Any) -> SourceItem:
        """A record of an old archive, with the image where it is today."""
        day = _day(entry)
        found = self._found(entry, ARCHIVE)
        if isinstance(found, SkippedRecord):
            return found
        try:
            today = await ask.json(f"{self._list}/{day[2:].replace('-', '')}", items=1)
        except FetchFailedError as trouble:
            if trouble.status_code != _NOT_FOUND:
                raise
            return SkippedRecord(
                day, SkipReason.NO_IMAGE, "today's interface does not have this day"
            )
        now = self._found(today, ARCHIVE)
        if isinstance(now, SkippedRecord):
            return now
        return self._record(entry, ARCHIVE, now.image_url, now.page_url)

    def _found(self, entry: Any, query: str) -> Record | SkippedRecord:
        day = _day(entry)
        if not day:
            return SkippedRecord("", SkipReason.MALFORMED, "an entry without a date")
        if self._since and day < self._since:
            return SkippedRecord(day, SkipReason.BEFORE_SINCE, day)
        if entry.get("media_type") != "image":
            return SkippedRecord(
                day, SkipReason.OTHER_MEDIA, text.plain(entry.get("media_type"), 50)
            )
        # ``url`` is the article in today's interface; in old archives it is the small image.
        url = text.plain(entry.get("hdurl")) or (
            text.plain(entry.get("url")) if "service_version" in entry else ""
        )
        if not url:
            return SkippedRecord(day, SkipReason.NO_IMAGE, "no hdurl")
        if any(sign in url for sign in _PLACEHOLDERS):
            return SkippedRecord(day, SkipReason.PLACEHOLDER, url[:200])
        page = text.plain(entry.get("permalink") or entry.get("basic_html_url"))
        return self._record(entry, query, self._sized(url), page)

    def _record(self, entry: dict[str, Any], query: str, url: str, page: str) -> Record:
        owner = text.plain(entry.get("copyright"), 500)
        credit = text.plain(entry.get("credit"), 1_000) or owner or "NASA/APOD"
        if owner:
            licence = f"Copyright {owner}; not redistributable"
        elif "NASA" in credit.upper():
            licence = "Public domain (NASA)"
        else:
            licence = "Rights not stated; not redistributable"
        return Record(
            source=self.name,
            source_id=_day(entry),
            title=text.title(entry.get("title")),
            description=text.plain(entry.get("explanation")),
            credit=credit,
            licence=licence,
            created_at=_day(entry),
            page_url=page,
            image_url=url,
            queries=(f"{self.name}:{query}",),
        )

    def _sized(self, url: str) -> str:
        if not self._width_px or "/dynamicimage/" not in url or "?" in url:
            return url
        return f"{url}?w={self._width_px}&fit=clip"


def read_archive(path: Path) -> list[Any]:
    """Records of the old interface: a JSON list, or one object; gzipped where it ends so.

    Raises
    ------
    InputError
        There is no such file, or it is something else.
    """
    try:
        data = path.read_bytes()
        entries = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise InputError(
            f"this is no archive of APOD ({error})",
            where=str(path),
            todo="Give a JSON file of its API, packed with gzip or not.",
        ) from error
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list) or not any(_day(entry) for entry in entries):
        raise InputError(
            "there is no record with a date in it",
            where=str(path),
            todo="Give a list of records of APOD's API, each with its date.",
        )
    return entries


def _day(entry: Any) -> str:
    """The date of an entry, ``YYYY-MM-DD``; empty without one."""
    day = entry.get("date") if isinstance(entry, dict) else None
    is_day = isinstance(day, str) and len(day) >= 10 and _DAY.fullmatch(day[:10])
    return day[:10] if isinstance(day, str) and is_day else ""
