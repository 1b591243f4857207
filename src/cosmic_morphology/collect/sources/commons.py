"""Wikimedia Commons: the files of categories, with the licence and the artist of each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.base import (
    JsonClient,
    SkippedRecord,
    SkipReason,
    Slice,
    SourceItem,
    SourceRequest,
)
from cosmic_morphology.collect.sources.options import Options
from cosmic_morphology.collect.sources.paging import at_most
from cosmic_morphology.errors import SourceError, UsageError

SITE = "https://commons.wikimedia.org"
WIDTHS_PX = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
"""The only thumbnail widths that are served since 2026; others are answered with 429."""

_BATCH = 50
_MAX_BATCHES = 20_000
_THUMBED = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PLACE = re.compile(r"^(?P<root>.+)/(?P<place>[0-9a-f]/[0-9a-f]{2}/(?P<name>[^/]+))$")
_PLURALS = {"galaxy": "Galaxies", "nebula": "Nebulae"}


class CommonsOptions(Options):
    """Options of :class:`Commons`."""

    width_px: int = 1280


class Commons:
    """Files of categories.

    Queries are names of categories (without any, the plural of the search words). Option:
    ``width_px``, the largest width that is asked for (one of the standard ones, 1280).

    Parameters
    ----------
    wanted : SourceRequest
        The job, since when, and whom to write to: Commons turns nameless programs away.
    """

    name = "commons"
    hosts = ("commons.wikimedia.org", "upload.wikimedia.org")
    # Inferred: no archive publishes a number.
    requests_per_s = MappingProxyType(dict.fromkeys(hosts, 2.0))

    def __init__(self, wanted: SourceRequest) -> None:
        if "@" not in wanted.contact and "://" not in wanted.contact:
            raise UsageError(
                "Wikimedia Commons asks every program for a contact address",
                where="collect.contact",
                todo="Give an e-mail address or the address of a page: --contact.",
            )
        self.queries = wanted.job.queries or tuple(map(_category, wanted.words))
        self._api = wanted.root(SITE) + "/w/api.php"
        self._since = wanted.since.isoformat() if wanted.since else ""
        self._width_px = wanted.read_options(CommonsOptions).width_px
        if self._width_px not in WIDTHS_PX:
            raise UsageError(
                f"{self._width_px} px is no standard width of Commons",
                where="sources.options.width_px",
                todo=f"There are {', '.join(map(str, WIDTHS_PX))}.",
            )

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """One for each category; subcategories are categories of their own."""
        del ask
        for category in self.queries:
            yield Slice(category, category)

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """Every file of a category, in batches with continuation tokens."""
        going_on: dict[str, Any] = {}
        tokens: set[str] = set()
        for _ in range(_MAX_BATCHES):
            answer = await ask.json(
                self._api, self._query_params(part.query) | going_on, items=_BATCH
            )
            if not isinstance(answer, dict) or "error" in answer:
                said = answer.get("error") if isinstance(answer, dict) else answer
                said = said.get("info") if isinstance(said, dict) else type(answer).__name__
                raise SourceError(
                    f"Commons answers: {text.plain(said, 200)}",
                    where=f"Category:{part.query}",
                    todo="See whether the category exists, and try again later.",
                )
            query = answer.get("query")
            pages = query.get("pages") if isinstance(query, dict) else None
            pages = pages if isinstance(pages, list) else []
            at_most(_BATCH, pages, f"Category:{part.query}")
            for page in pages:
                yield self._found(page, part.query)
            following = answer.get("continue")
            going_on = following if isinstance(following, dict) else {}
            going_on = {k: v for k, v in going_on.items() if isinstance(v, str | int)}
            if not going_on or repr(going_on) in tokens:
                return
            tokens.add(repr(going_on))

    def _query_params(self, category: str) -> dict[str, Any]:
        return {
            "action": "query",
            "format": "json",
            "formatversion": 2,
            "generator": "categorymembers",
            "gcmtype": "file",
            "gcmtitle": f"Category:{category.removeprefix('Category:')}",
            "gcmlimit": _BATCH,
            "prop": "imageinfo",
            "iiprop": "timestamp|url|size|sha1|mime|extmetadata",
            "iiurlwidth": self._width_px,
        }

    def _found(self, page: Any, category: str) -> SourceItem:
        page = page if isinstance(page, dict) else {}
        source_id = text.plain(page.get("title"), 300).removeprefix("File:")
        if not source_id:
            return SkippedRecord("", SkipReason.MALFORMED, "a page without a title")
        infos = page.get("imageinfo")
        info = infos[0] if isinstance(infos, list) and infos else None
        if not isinstance(info, dict):
            return SkippedRecord(source_id, SkipReason.NO_IMAGE, "no imageinfo")
        uploaded = text.plain(info.get("timestamp"), 40)
        if self._since and uploaded and uploaded[:10] < self._since:
            return SkippedRecord(source_id, SkipReason.BEFORE_SINCE, uploaded[:10])
        mime = text.plain(info.get("mime"), 60)
        if not mime.startswith("image/") or mime == "image/svg+xml":
            return SkippedRecord(source_id, SkipReason.OTHER_MEDIA, mime)
        url = self._address(info, mime)
        if not url:
            return SkippedRecord(source_id, SkipReason.NO_IMAGE, "no rendition in a standard width")
        return self._record(source_id, info, url, category)

    def _address(self, info: Mapping[str, Any], mime: str) -> str:
        """A thumbnail in a standard width: originals are throttled for programs."""
        original, width = info.get("url"), info.get("width")
        place = _PLACE.match(original) if isinstance(original, str) else None
        if mime not in _THUMBED or place is None or not isinstance(width, int):
            given = info.get("thumburl")
            return given if isinstance(given, str) and given != original else ""
        fitting = [px for px in WIDTHS_PX if px < width and px <= self._width_px]
        if not fitting:
            return str(original)
        return f"{place['root']}/thumb/{place['place']}/{fitting[-1]}px-{place['name']}"

    def _record(self, source_id: str, info: Mapping[str, Any], url: str, category: str) -> Record:
        metadata = info.get("extmetadata")
        metadata = metadata if isinstance(metadata, dict) else {}

        def said(name: str, max_chars: int = 1_000) -> str:
            field = metadata.get(name)
            return text.plain(field.get("value") if isinstance(field, dict) else field, max_chars)

        named = dict.fromkeys(filter(None, (said("Artist"), said("Credit"))))
        return Record(
            source=self.name,
            source_id=source_id,
            title=said("ObjectName") or unquote(source_id.rpartition(".")[0]),
            description=said("ImageDescription", text.MAX_CHARS),
            credit="; ".join(named),
            licence=said("LicenseShortName") or "Licence not stated; not redistributable",
            created_at=said("DateTimeOriginal", 40),
            page_url=text.plain(info.get("descriptionurl")),
            image_url=url,
            queries=(f"{self.name}:{category}",),
            collection=category,
        )


def _category(word: str) -> str:
    return _PLURALS.get(word, f"{word.capitalize()}s")
