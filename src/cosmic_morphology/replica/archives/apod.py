"""The Astronomy Picture of the Day in its present interface, one entry a day.

Source: public descriptions of ``science.nasa.gov/wp-json/wp/v2/apod-basic``, 2026; nothing was
checked against the live service. Paging headers and errors are WordPress's usual ones.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.drawing import placeholder
from cosmic_morphology.replica.renditions import served, suffix_of
from cosmic_morphology.replica.responses import FileResponse, base_url, whole_number
from cosmic_morphology.replica.state import ArchiveState

_PER_PAGE = 10
_MOST_PX = 8192
_LOGO = "nasa-logo-web-rgb.jpg"


class Apod:
    """The list, the entry of a day, its article and its image.

    Records with a date are entries; of several with one date the first.

    Parameters
    ----------
    archive : ArchiveState
        What the archive holds.
    """

    def __init__(self, archive: ArchiveState) -> None:
        self._archive = archive
        self._by_day: dict[str, ArchiveRecord] = {}
        for record in archive.holdings.records:
            day = _day(record)
            if day:
                self._by_day.setdefault(day, record)
        self._newest_first = sorted(
            self._by_day, key=lambda day: self._by_day[day].date, reverse=True
        )

    def routes(self) -> list[BaseRoute]:
        """The endpoints under ``/apod``."""
        root = "/apod/wp-json/wp/v2/apod-basic"
        return [
            Route(root, self.entries),
            Route(f"{root}/{{day}}", self.entry),
            Route("/apod/ap{day}.html", self.moved),
            Route("/apod/article/{day}", self.article),
            Route(f"/apod/dynamicimage/{{day}}/{_LOGO}", self.logo),
            Route("/apod/dynamicimage/{day}/{name:path}", self.image),
        ]

    async def entries(self, request: Request) -> Response:
        """A page of the list, newest first. Dates among the parameters do nothing."""
        try:
            asked = whole_number(request.query_params, "per_page", _PER_PAGE)
            page = whole_number(request.query_params, "page", 1)
        except ValueError as error:
            return _error(400, "rest_invalid_parameter", f"Invalid parameter(s): {error}")
        per_page = min(asked, self._archive.quirks.apod_per_page)
        days = [day for day in self._newest_first if self._shown(day)]
        pages = math.ceil(len(days) / per_page)
        if page > max(1, pages):
            return _error(400, "rest_post_invalid_page_number", "The page number is too large.")
        shown = days[(page - 1) * per_page : page * per_page]
        return JSONResponse(
            [self._entry(request, day) for day in shown],
            headers={"X-WP-Total": str(len(days)), "X-WP-TotalPages": str(pages)},
        )

    async def entry(self, request: Request) -> Response:
        """The entry of a day, ``YYMMDD``."""
        day = request.path_params["day"]
        if not self._shown(day):
            return _error(404, "apod_basic_not_found", "APOD not found.")
        return JSONResponse(self._entry(request, day))

    async def moved(self, request: Request) -> Response:
        """Old addresses point to the new article."""
        day = request.path_params["day"]
        return RedirectResponse(f"{base_url(request)}/apod/article/{day}", status_code=301)

    async def article(self, request: Request) -> Response:
        """The page of a day: what ``url`` points to, and no image."""
        day = request.path_params["day"]
        if not self._shown(day):
            return HTMLResponse("<h1>Not Found</h1>", status_code=404)
        return HTMLResponse(_page(self._by_day[day]))

    async def logo(self, request: Request) -> FileResponse:  # noqa: ARG002
        """The placeholder."""
        return FileResponse(served(placeholder(), "image/jpeg"))

    async def image(self, request: Request) -> Response | FileResponse:
        """The image of a day, narrowed to ``w`` px where asked."""
        day, name = request.path_params["day"], request.path_params["name"]
        record = self._by_day.get(day) if self._shown(day) else None
        if record is None or name != _name(record):
            return HTMLResponse("<h1>Not Found</h1>", status_code=404)
        try:
            width_px = whole_number(request.query_params, "w", _MOST_PX)
            return FileResponse(self._archive.images.scaled(record, width_px))
        except ValueError:
            return Response("Bad Request", 400)
        except FileNotFoundError:
            return HTMLResponse("<h1>Not Found</h1>", status_code=404)

    def _shown(self, day: str) -> bool:
        record = self._by_day.get(day)
        return record is not None and self._archive.index.shown(record.nasa_id) is not None

    def _entry(self, request: Request, day: str) -> dict[str, Any]:
        record = self._by_day[day]
        root = f"{base_url(request)}/apod"
        name = quote(_name(record), safe="")
        if self._archive.quirks.has("apod_logo", record.nasa_id):
            name = _LOGO
        video = self._archive.quirks.has("apod_video", record.nasa_id)
        return {
            "date": record.date[:10],
            "post_id": 900_000 + int(day),
            "title": record.title,
            "permalink": f"{root}/article/{day}",
            "media_type": "video" if video else "image",
            "explanation": f"<p>{escape(record.description, quote=False)}</p>\n",
            "credit": f"<p>{escape(record.credit, quote=False)}</p>" if record.credit else "",
            "copyright": "" if "NASA" in record.credit else escape(record.credit, quote=False),
            "alt": record.title,
            # The field's name misleads: it is the article. The image is ``hdurl``.
            "url": f"{root}/article/{day}",
            "hdurl": f"{root}/dynamicimage/{day}/{name}",
            "basic_html": _page(record),
            "basic_html_url": f"{root}/ap{day}.html",
        }


def _day(record: ArchiveRecord) -> str:
    """``YYMMDD`` of a record's date; empty without a whole date."""
    digits = record.date[:10].replace("-", "")
    return digits[2:] if len(digits) == 8 and digits.isdigit() else ""


def _name(record: ArchiveRecord) -> str:
    return record.nasa_id + suffix_of(record)


def _page(record: ArchiveRecord) -> str:
    title, text = escape(record.title), escape(record.description)
    return f"<html><head><title>APOD: {title}</title></head><body><p>{text}</p></body></html>"


def _error(status: int, code: str, message: str) -> Response:
    body = {"code": code, "message": message, "data": {"status": status}}
    return JSONResponse(body, status_code=status)
