"""Wikimedia Commons: the files of a category through ``api.php``, and their thumbnails.

Source: MediaWiki's interface description and the 2026 threads on thumbnail sizes; nothing was
checked against the live service.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.quirks import hash_uniform
from cosmic_morphology.replica.renditions import suffix_of
from cosmic_morphology.replica.responses import FileResponse, base_url, whole_number
from cosmic_morphology.replica.state import ArchiveState

WIDTHS_PX = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
"""The only thumbnail widths that are served since 2026."""

_BATCH = 50
_LICENCES = ("CC BY-SA 4.0", "CC BY 4.0", "Public domain", "CC0", "CC BY-SA 3.0", "")


class Commons:
    """A category holds the records that a search for its name finds.

    Parameters
    ----------
    archive : ArchiveState
        What the archive holds.
    """

    def __init__(self, archive: ArchiveState) -> None:
        self._archive = archive
        self._by_file = {
            file_name(record): at for at, record in enumerate(archive.holdings.records)
        }

    def routes(self) -> list[BaseRoute]:
        """The endpoints under ``/commons``."""
        return [
            Route("/commons/w/api.php", self.api),
            Route("/commons/thumb/{a}/{ab}/{name}/{thumb}", self.thumb),
            Route("/commons/{a}/{ab}/{name}", self.original),
        ]

    async def api(self, request: Request) -> Response:
        """``action=query`` with ``generator=categorymembers`` and ``prop=imageinfo``."""
        if (refused := _nameless(request)) is not None:
            return refused
        params = request.query_params
        if params.get("action") != "query" or params.get("generator") != "categorymembers":
            return _error("badvalue", "Only action=query&generator=categorymembers is here.")
        title = params.get("gcmtitle", "")
        if not title.startswith("Category:"):
            return _error("invalidcategory", 'The category name must begin with "Category:".')
        try:
            limit = min(whole_number(params, "gcmlimit", 10), _BATCH)
            first = _continued(params.get("gcmcontinue", ""))
        except ValueError:
            return _error("badcontinue", "Invalid continue param.")
        name = title.removeprefix("Category:").replace("_", " ")
        found = self._archive.index.find({"q": name}).tolist()
        pages = [self._page(request, at) for at in found[first : first + limit]]
        body: dict[str, Any] = {"batchcomplete": True}
        if first + limit < len(found):
            token = f"file|{first + limit:08x}|{found[first + limit]}"
            body["continue"] = {"gcmcontinue": token, "continue": "gcmcontinue||"}
        if pages:
            if params.get("formatversion") == "2":
                body["query"] = {"pages": pages}
            else:
                body["query"] = {"pages": {str(page["pageid"]): page for page in pages}}
        return JSONResponse(body)

    async def thumb(self, request: Request) -> Response | FileResponse:
        """A thumbnail in one of the standard widths."""
        if (refused := _nameless(request)) is not None:
            return refused
        record = self._record(request.path_params["name"])
        width, _, _ = request.path_params["thumb"].partition("px-")
        if record is None or not width.isdigit():
            return PlainTextResponse("Not Found", 404)
        if int(width) not in WIDTHS_PX:
            # Without Retry-After: a client that waits for one waits for ever.
            return PlainTextResponse("Use thumbnail sizes listed on w.wiki/GHai", 429)
        shape = self._archive.images.source(record)
        if shape is None or int(width) > shape.width:
            return PlainTextResponse("The requested width is larger than the original", 400)
        return FileResponse(self._archive.images.scaled(record, int(width)))

    async def original(self, request: Request) -> Response | FileResponse:
        """The file as it was uploaded; programs are throttled."""
        if (refused := _nameless(request)) is not None:
            return refused
        record = self._record(request.path_params["name"])
        if record is None or self._archive.images.source(record) is None:
            return PlainTextResponse("Not Found", 404)
        browser = request.headers.get("user-agent", "").startswith("Mozilla/")
        if not browser and self._archive.quirks.has("commons_throttled", record.nasa_id):
            return PlainTextResponse("Too many requests", 429)
        return FileResponse(self._archive.images.served(record, "orig"))

    def _record(self, name: str) -> ArchiveRecord | None:
        at = self._by_file.get(name)
        if at is None:
            return None
        return self._archive.index.shown(self._archive.holdings.records[at].nasa_id)

    def _page(self, request: Request, at: int) -> dict[str, Any]:
        record = self._archive.holdings.records[at]
        name = file_name(record)
        page = {"pageid": 1_000_000 + at, "ns": 6, "title": f"File:{name.replace('_', ' ')}"}
        if "imageinfo" not in request.query_params.get("prop", ""):
            return page
        return page | {"imagerepository": "local", "imageinfo": [self._info(request, record)]}

    def _info(self, request: Request, record: ArchiveRecord) -> dict[str, Any]:
        asked = request.query_params.get("iiprop", "timestamp|user").split("|")
        name = file_name(record)
        folder = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        place = f"{folder[0]}/{folder[:2]}/{quote(name)}"
        root = f"{base_url(request)}/commons"
        shape = self._archive.images.source(record)
        info: dict[str, Any] = {"timestamp": f"{record.date[:10] or '2020-01-01'}T00:00:00Z"}
        if "url" in asked:
            info["url"] = f"{root}/{place}"
            info["descriptionurl"] = f"{root}/wiki/File:{quote(name)}"
            width = request.query_params.get("iiurlwidth", "")
            if width.isdigit() and shape is not None:
                small = int(width) < shape.width
                thumb = f"{root}/thumb/{place}/{width}px-{quote(name)}"
                info["thumburl"] = thumb if small else info["url"]
                info["thumbwidth"] = int(width) if small else shape.width
        if "size" in asked and shape is not None:
            info |= {"width": shape.width, "height": shape.height, "size": shape.size}
        if "sha1" in asked and shape is not None:
            body = self._archive.images.served(record, "orig").body
            info["sha1"] = hashlib.sha1(body, usedforsecurity=False).hexdigest()
        if "mime" in asked:
            ending = suffix_of(record)[1:]
            info["mime"] = "image/" + {"jpg": "jpeg", "tif": "tiff"}.get(ending, ending)
        if "extmetadata" in asked:
            info["extmetadata"] = _metadata(record)
        return info


def file_name(record: ArchiveRecord) -> str:
    """The name of a record's file as MediaWiki writes it in addresses."""
    name = f"{record.nasa_id}{suffix_of(record)}".replace(" ", "_").replace("/", "-")
    return name[:1].upper() + name[1:]


def _metadata(record: ArchiveRecord) -> dict[str, Any]:
    licence = _LICENCES[int(hash_uniform("licence", record.nasa_id) * len(_LICENCES))]
    artist = f'<a href="//commons.wikimedia.org/wiki/User:X">{record.credit or "Unknown"}</a>'
    values = {
        "ObjectName": record.title,
        "ImageDescription": record.description,
        "DateTimeOriginal": record.date,
        "LicenseShortName": licence,
        "Artist": artist,
        "Credit": record.credit,
    }
    return {
        name: {"value": value, "source": "commons-desc-page"}
        for name, value in values.items()
        if value
    }


def _nameless(request: Request) -> Response | None:
    """The refusal of an agent that does not say how to reach its person."""
    agent = request.headers.get("user-agent", "")
    if "@" in agent or "://" in agent:
        return None
    text = "Please set a user-agent and respect our robot policy https://w.wiki/4wJS"
    return PlainTextResponse(text, 403)


def _continued(token: str) -> int:
    if not token:
        return 0
    kind, at, _ = token.split("|")
    if kind != "file":
        raise ValueError(token)
    return int(at, 16)


def _error(code: str, info: str) -> Response:
    # MediaWiki answers its own errors with status 200.
    return JSONResponse({"error": {"code": code, "info": info}})
