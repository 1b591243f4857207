"""NASA's Image and Video Library (``images-api.nasa.gov``, interface description v1.22.0).

The search gives at most 10,000 results; :mod:`slices` divides what is larger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

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
from cosmic_morphology.collect.sources.nasa.records import (
    choose_rendition,
    links_of,
    to_record,
)
from cosmic_morphology.collect.sources.nasa.slices import SearchSlicer, data_of, id_of
from cosmic_morphology.collect.sources.options import Options
from cosmic_morphology.errors import UsageError

API = "https://images-api.nasa.gov"
WHOLE = "*"
_NOT_FOUND = 404


class NasaOptions(Options):
    """Options of :class:`Nasa`."""

    rendition: Literal["small", "medium", "large", "orig"] = "medium"
    center: str = ""


class Nasa:
    """Records of the library, by words, keywords, albums, or all of them.

    Queries are search words; ``keyword:X`` and ``album:X`` ask for those, ``*`` for every image.
    Options: ``rendition`` (the one to prefer, ``medium`` by default) and ``center`` (only this
    centre's).

    Parameters
    ----------
    wanted : SourceRequest
        The job, the search words, and since when.
    """

    name = "nasa"
    hosts = ("images-api.nasa.gov", "images-assets.nasa.gov")
    # Inferred: no archive publishes a number.
    requests_per_s = MappingProxyType({"images-api.nasa.gov": 5.0, "images-assets.nasa.gov": 10.0})

    def __init__(self, wanted: SourceRequest) -> None:
        self.queries = wanted.words
        self._api = wanted.root(API)
        self._since = wanted.since
        options = wanted.read_options(NasaOptions)
        self._center, self._prefer = options.center, options.rendition
        self._divider = SearchSlicer(self._api)

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """Each query, whole or divided until every part can be read to its end."""
        for query in self.queries:
            kind, _, rest = query.partition(":")
            if kind == "album" and rest:
                yield await self._album(ask, query, rest)
                continue
            params: dict[str, Any] = {"media_type": "image"}
            if kind == "keyword" and rest:
                params["keywords"] = rest
            elif query != WHOLE:
                params["q"] = query
            if self._center:
                params["center"] = self._center
            if self._since is not None:
                params["year_start"] = self._since.year
            async for part in self._divider.divide(ask, query, params):
                yield part

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """Every record of a part, once."""
        async for item in self._divider.items(ask, part):
            yield item if isinstance(item, CountChanged) else await self._found(ask, part, item)

    async def _found(self, ask: JsonClient, part: Slice, item: Any) -> SourceItem:
        data, nasa_id = data_of(item), id_of(item)
        if not nasa_id:
            return SkippedRecord("", SkipReason.MALFORMED, "an item without nasa_id")
        shown_id = text.safe_id(nasa_id)
        if data.get("media_type") not in (None, "image"):
            return SkippedRecord(
                shown_id, SkipReason.OTHER_MEDIA, text.plain(data["media_type"], 50)
            )
        created = text.plain(data.get("date_created"), 40)
        if self._since is not None and created and created[:10] < self._since.isoformat():
            return SkippedRecord(shown_id, SkipReason.BEFORE_SINCE, created[:10])
        url = choose_rendition(links_of(item), self._prefer)
        if not url and not links_of(item):
            url = choose_rendition(await self._assets(ask, nasa_id), self._prefer)
        if not url:
            return SkippedRecord(shown_id, SkipReason.NO_IMAGE, "no rendition that can be decoded")
        return to_record(data, url, query=f"{self.name}:{part.query}")

    async def _assets(self, ask: JsonClient, nasa_id: str) -> list[dict[str, Any]]:
        """The files of an item whose search result has no links."""
        try:
            answer = await ask.json(
                f"{self._api}/asset/{quote(nasa_id, safe='', errors='replace')}"
            )
        except FetchFailedError as trouble:
            if trouble.status_code == _NOT_FOUND:
                return []
            raise
        collection = answer.get("collection") if isinstance(answer, dict) else None
        items = collection.get("items") if isinstance(collection, dict) else None
        return links_of({"links": items})

    async def _album(self, ask: JsonClient, query: str, album: str) -> Slice:
        try:
            total = await self._divider.count(ask, {"album": album})
        except FetchFailedError as trouble:
            if trouble.status_code != _NOT_FOUND:
                raise
            raise UsageError(
                "the library has no such album",
                where=query,
                todo="Names of albums are case-sensitive.",
            ) from trouble
        return Slice(query, query, total, total, {"album": album})
