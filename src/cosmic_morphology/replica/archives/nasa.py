"""NASA's Image and Video Library: search, assets, metadata, captions, albums.

Source: the official interface description v1.22.0 (2023-01-06) and public threads on its
quirks; nothing was checked against the live service.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.responses import base_url, reason, whole_number
from cosmic_morphology.replica.search_index import PARAMETERS, Positions
from cosmic_morphology.replica.state import ArchiveState

CAP = 10_000
"""``page * page_size`` may not exceed it."""

TOO_DEEP = "Maximum number of search results have been displayed. Please refine your search."
_PAGE_SIZE = 100
_REAL_API = "https://images-api.nasa.gov"
_REAL_ASSETS = "https://images-assets.nasa.gov"


class Nasa:
    """The library's endpoints over one archive.

    Parameters
    ----------
    archive : ArchiveState
        What the library holds.
    """

    def __init__(self, archive: ArchiveState) -> None:
        self._archive = archive

    def routes(self) -> list[BaseRoute]:
        """All endpoints of the library's API host, under ``/nasa``."""
        return [
            Route("/nasa/search", self.search),
            Route("/nasa/asset/{nasa_id:path}", self.asset),
            Route("/nasa/metadata/{nasa_id:path}", self.metadata),
            Route("/nasa/captions/{nasa_id:path}", self.captions),
            Route("/nasa/album/{name:path}", self.album),
        ]

    async def search(self, request: Request) -> Response:
        """One page of a search."""
        params = dict(request.query_params)
        recorded = self._archive.recorded.page(params)
        if recorded is not None:
            return Response(recorded, media_type="application/json")
        if not any(name in PARAMETERS and value for name, value in params.items()):
            return reason(400, "Expected 'q' text search parameter or other keywords.")
        try:
            page_size = whole_number(params, "page_size", _PAGE_SIZE)
            page = whole_number(params, "page", 1)
            found = self._archive.index.find(params)
        except ValueError as error:
            return reason(400, f"Invalid parameter value: {error}")
        if page * page_size > CAP:
            return reason(400, TOO_DEEP)
        return self._page(request, found, page, page_size)

    async def album(self, request: Request) -> Response:
        """One page of an album: its name is case-sensitive, its page size fixed."""
        name = request.path_params["name"]
        try:
            page = whole_number(request.query_params, "page", 1)
        except ValueError:
            return reason(400, "Invalid parameter value: page")
        found = self._archive.index.album(name)
        if not len(found):
            return reason(404, f"No assets found for album={name}")
        if page * _PAGE_SIZE > CAP:
            return reason(400, TOO_DEEP)
        return self._page(request, found, page, _PAGE_SIZE)

    async def asset(self, request: Request) -> Response:
        """All files of one record."""
        record = self._archive.index.shown(request.path_params["nasa_id"])
        if record is None:
            return self._unknown(request)
        links = Links(self._archive, request)
        hrefs = [links.file(record, name) for name in self._archive.images.names(record)]
        hrefs.append(links.sidecar(record, "metadata.json"))
        body = {"version": "1.0", "href": links.here(), "items": [{"href": h} for h in hrefs]}
        return JSONResponse({"collection": body})

    async def metadata(self, request: Request) -> Response:
        """Where the metadata of one record are."""
        record = self._archive.index.shown(request.path_params["nasa_id"])
        if record is None:
            return self._unknown(request)
        return JSONResponse({"location": Links(self._archive, request).sidecar(record)})

    async def captions(self, request: Request) -> Response:
        """Where the captions of one video are: images have none."""
        record = self._archive.index.shown(request.path_params["nasa_id"])
        if record is None:
            return self._unknown(request)
        if record.media_type != "video":
            return reason(404, f"No captions for nasaid={record.nasa_id}")
        name = f"{quote(record.nasa_id, safe='')}.srt"
        return JSONResponse({"location": Links(self._archive, request).sidecar(record, name)})

    def _unknown(self, request: Request) -> Response:
        return reason(404, f"No AssetDB records for nasaid={request.path_params['nasa_id']}")

    def _page(self, request: Request, found: Positions, page: int, page_size: int) -> Response:
        links = Links(self._archive, request)
        first = (page - 1) * page_size
        positions = found[first : first + page_size].tolist()
        items = [item(self._archive, links, self._archive.holdings.records[at]) for at in positions]
        turns = []
        if page > 1:
            turns.append({"rel": "prev", "prompt": "Previous", "href": links.page(page - 1)})
        if page * page_size < len(found):
            # Advertised on the last legal page too: following it blindly runs into the cap.
            turns.append({"rel": "next", "prompt": "Next", "href": links.page(page + 1)})
        body: dict[str, Any] = {"version": "1.1", "href": links.here(), "items": items}
        body["metadata"] = {"total_hits": len(found)}
        if turns:
            body["links"] = turns
        return JSONResponse({"collection": body})


class Links:
    """Addresses as the library writes them into its answers to one request."""

    def __init__(self, archive: ArchiveState, request: Request) -> None:
        self._archive = archive
        self._request = request
        real = archive.quirks.real_hosts
        self.api = _REAL_API if real else f"{base_url(request)}/nasa"
        self.assets = _REAL_ASSETS if real else f"{base_url(request)}/nasa-assets"

    def here(self) -> str:
        """The address of this answer; the library writes ``http`` into it."""
        query = self._request.url.query
        path = self._request.url.path.removeprefix("/nasa")
        return _plain(self.api) + path + (f"?{query}" if query else "")

    def page(self, number: int) -> str:
        """The address of another page of this answer."""
        params = dict(self._request.query_params) | {"page": str(number)}
        path = self._request.url.path.removeprefix("/nasa")
        return f"{_plain(self.api)}{path}?{urlencode(params)}"

    def file(self, record: ArchiveRecord, rendition: str) -> str:
        """The address of an image, with the raw spaces that some of them have."""
        name = f"{file_stem(self._archive, record)}~{rendition}"
        name += self._archive.images.suffix(record, rendition)
        path = f"/image/{quote(record.nasa_id, safe='')}/{quote(name, safe='~')}"
        return self._host(record) + path.replace("%20", " ")

    def sidecar(self, record: ArchiveRecord, name: str = "metadata.json") -> str:
        """The address of a file beside the images."""
        return f"{self._host(record)}/image/{quote(record.nasa_id, safe='')}/{name}"

    def _host(self, record: ArchiveRecord) -> str:
        http = self._archive.quirks.has("http_links", record.nasa_id)
        return _plain(self.assets) if http else self.assets


def file_stem(archive: ArchiveState, record: ArchiveRecord) -> str:
    """What a record's file names begin with: its id, for some with a space in it."""
    return (
        f"{record.nasa_id} 1"
        if archive.quirks.has("raw_spaces", record.nasa_id)
        else (record.nasa_id)
    )


def item(archive: ArchiveState, links: Links, record: ArchiveRecord) -> dict[str, Any]:
    """One record as a search shows it."""
    shown: dict[str, Any] = {"href": links.sidecar(record, "collection.json")}
    shown["data"] = [_data(archive, record)]
    if not archive.quirks.has("no_links", record.nasa_id):
        shown["links"] = _item_links(archive, links, record)
    return shown


def _data(archive: ArchiveState, record: ArchiveRecord) -> dict[str, Any]:
    has = archive.quirks.has
    description = (
        record.title if has("title_as_description", record.nasa_id) else (record.description)
    )
    keywords: Any = list(record.keywords)
    if has("joined_keywords", record.nasa_id):
        keywords = ", ".join(record.keywords)
    data: dict[str, Any] = {
        "nasa_id": record.nasa_id,
        "title": record.title,
        "description": _marked_up(description) if has("html", record.nasa_id) else description,
        "keywords": keywords,
        "center": record.center,
        "date_created": _instant(record.date),
        "media_type": record.media_type,
        "album": list(record.albums),
    }
    if not has("missing_fields", record.nasa_id):
        data["description_508"] = description.split(". ", maxsplit=1)[0]
        data["photographer"] = record.photographer
        data["secondary_creator"] = record.credit
        data["location"] = record.location
    return {name: value for name, value in data.items() if value}


def _item_links(archive: ArchiveState, links: Links, record: ArchiveRecord) -> list[dict[str, Any]]:
    shown = []
    for rendition in archive.images.names(record):
        shape = archive.images.shape(record, rendition)
        if shape is None:
            continue
        rel = {"orig": "canonical", "thumb": "preview"}.get(rendition, "alternate")
        link: dict[str, Any] = {"href": links.file(record, rendition), "rel": rel}
        link["render"] = "image"
        if shape.width:
            link |= {"width": shape.width, "height": shape.height, "size": shape.size}
        shown.append(link)
    return shown


def _marked_up(text: str) -> str:
    """A description with tags and entities; without them it reads as before."""
    first, space, rest = escape(text, quote=False).partition(" ")
    link = f'<a href="http://www.nasa.gov" target="_blank">{first}</a>'
    return f"<p>{link}{space}{rest}</p>\r\n"


def _instant(date: str) -> str:
    return f"{date}T00:00:00Z" if date and "T" not in date else date


def _plain(url: str) -> str:
    return url.replace("https://", "http://", 1)
