"""The "data to dome" feeds of ESA/Hubble, ESA/Webb, ESO and NOIRLab.

Source: public descriptions and threads on the djangoplicity ``d2d`` JSON; nothing was checked
against the live services.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.quirks import hash_uniform
from cosmic_morphology.replica.renditions import suffix_of
from cosmic_morphology.replica.responses import FileResponse, base_url, whole_number
from cosmic_morphology.replica.search_index import words
from cosmic_morphology.replica.state import ArchiveState

SITES = ("esahubble", "esawebb", "eso", "noirlab")
_COUNT = 100
_FORMATS = {"large": 4000, "screen": 1280, "thumb300y": 400, "newsmini": 122}
_RESOURCES = (("Large", "large"), ("Small", "screen"), ("Thumbnail", "thumb300y"))
_ORIGINAL_BYTES_PER_PX = 36
"""Made-up sizes of the TIFF originals: nobody should fetch them without being asked to."""

# AVM Subject.Category by the words of a title, for catalogues without a column ``avm``.
_CATEGORIES = {
    "comet": "A.2.2",
    "asteroid": "A.2.3",
    "nebula": "B.4",
    "galaxy": "C.5.1",
    "planet": "A.1",
    "star": "B.3",
    "cluster": "B.3.6.4",
    "telescope": "E.8",
    "astronaut": "E.9",
}


class Djangoplicity:
    """Feeds and files of the four sites; each shows all holdings that have a date.

    Parameters
    ----------
    archive : ArchiveState
        What the archives hold.
    """

    def __init__(self, archive: ArchiveState) -> None:
        self._archive = archive
        dated = [record for record in archive.holdings.records if _stamp(record)]
        self._newest_first = sorted(dated, key=_stamp, reverse=True)

    def routes(self) -> list[BaseRoute]:
        """The endpoints under ``/djangoplicity/{site}``."""
        return [
            Route("/djangoplicity/{site}/images/d2d/", self.feed),
            Route("/djangoplicity/{site}/archives/images/{form}/{name:path}", self.image),
        ]

    async def feed(self, request: Request) -> Response:
        """One page of a site's feed, newest first; ``before`` and ``after`` are inclusive."""
        site = request.path_params["site"]
        if site not in SITES or site in self._archive.quirks.d2d_off:
            return HTMLResponse("<h1>Page not found (404)</h1>", status_code=404)
        params = request.query_params
        try:
            page = whole_number(params, "page", 1)
            count = whole_number(params, "count", _COUNT)
        except ValueError:
            return HTMLResponse("<h1>Bad Request (400)</h1>", status_code=400)
        before, after = params.get("before") or "9", params.get("after") or "0"
        found = [
            record
            for record in self._newest_first
            if after <= _stamp(record) <= before and self._archive.index.shown(record.nasa_id)
        ]
        last = page * count
        body: dict[str, Any] = {"Count": len(found), "Next": None, "Previous": None}
        if last < len(found):
            body["Next"] = _turn(request, page + 1)
        if page > 1:
            body["Previous"] = _turn(request, page - 1)
        shown = found[last - count : last]
        body["Collections"] = [self._collection(request, record) for record in shown]
        return JSONResponse(body)

    async def image(self, request: Request) -> Response | FileResponse:
        """A file in one of the site's sizes. The TIFF originals are there in name only."""
        form, name = request.path_params["form"], request.path_params["name"]
        record = self._archive.index.shown(name.rpartition(".")[0])
        if record is not None and form in _FORMATS:
            with contextlib.suppress(FileNotFoundError):
                return FileResponse(self._archive.images.scaled(record, _FORMATS[form]))
        return HTMLResponse("<h1>Page not found (404)</h1>", status_code=404)

    def _collection(self, request: Request, record: ArchiveRecord) -> dict[str, Any]:
        has = self._archive.quirks.has
        site = request.path_params["site"]
        root = f"{base_url(request)}/djangoplicity/{site}"
        title = f"b'{record.title}'" if has("d2d_bytes_bug", record.nasa_id) else record.title
        identifier = record.nasa_id
        if has("d2d_language", record.nasa_id):
            identifier += "-es-cl"
        shown: dict[str, Any] = {
            "ID": identifier,
            "Title": title,
            "Description": f"<p>{record.description}</p>",
            "Credit": record.credit or f"{site.upper()}/NASA",
            "Rights": "Creative Commons Attribution 4.0 International License",
            "PublicationDate": record.date if "T" in record.date else f"{record.date}T06:00:00",
            "ReferenceURL": f"{root}/images/{quote(record.nasa_id, safe='')}/",
            "Subject": _subject(record),
            "Assets": [self._asset(root, record)],
        }
        if hash_uniform("type", record.nasa_id) < 0.5:
            artwork = "artist" in record.title.lower()
            shown["Type"] = "Artwork" if artwork else "Observation"
        return shown

    def _asset(self, root: str, record: ArchiveRecord) -> dict[str, Any]:
        shape = self._archive.images.source(record)
        width, height, size = (shape.width, shape.height, shape.size) if shape else (0, 0, 0)
        name = quote(record.nasa_id, safe="")
        resources = [
            {
                "ResourceType": "Original",
                "MediaType": "Image",
                "URL": f"{root}/archives/images/original/{name}.tif",
                "FileSize": 1_000_000 + width * height * _ORIGINAL_BYTES_PER_PX,
                "Dimensions": [4 * width, 4 * height],
            }
        ]
        for kind, form in _RESOURCES:
            factor = min(1.0, _FORMATS[form] / max(1, width))
            resource: dict[str, Any] = {
                "ResourceType": kind,
                "MediaType": "Image",
                "URL": f"{root}/archives/images/{form}/{name}{suffix_of(record)}",
                "FileSize": size,
                "Dimensions": [round(width * factor), round(height * factor)],
            }
            if hash_uniform("checksum", record.nasa_id) < 0.5 and factor == 1.0:
                body = self._archive.images.scaled(record, _FORMATS[form]).body
                resource["Checksum"] = hashlib.sha256(body).hexdigest()
            resources.append(resource)
        return {"MediaType": "Image", "Resources": resources, "ObservationData": _observed(record)}


def _subject(record: ArchiveRecord) -> dict[str, Any]:
    """AVM: always a category where one is known, a name for most (seen: 69 of 100)."""
    found = words(record.title)
    codes = [record.avm] if record.avm else [_CATEGORIES[w] for w in found if w in _CATEGORIES]
    subject: dict[str, Any] = {"Category": list(dict.fromkeys(codes))}
    if hash_uniform("subject name", record.nasa_id) < 0.69:
        subject["Name"] = [record.title.partition(":")[0]]
    return subject


def _observed(record: ArchiveRecord) -> dict[str, Any]:
    ra_deg = 360 * hash_uniform("ra", record.nasa_id)
    dec_deg = 160 * hash_uniform("dec", record.nasa_id) - 80
    spatial = {
        "Equinox": "J2000",
        "CoordinateFrame": "ICRS",
        "ReferenceValue": [f"{ra_deg:.6f}", f"{dec_deg:.6f}"],
        "Quality": "Position",
    }
    observed: dict[str, Any] = {"Facility": ["Telescope"], "Instrument": ["Camera"]}
    if hash_uniform("spatial", record.nasa_id) < 0.5:
        observed["Spatial"] = spatial
    return observed


def _turn(request: Request, page: int) -> str:
    params = dict(request.query_params) | {"page": str(page)}
    return f"{base_url(request)}{request.url.path}?{urlencode(params)}"


def _stamp(record: ArchiveRecord) -> str:
    """``YYYYMMDDhhmmss`` of a record's date; empty without a whole date."""
    digits = "".join(c for c in record.date[:19] if c.isdigit())
    return digits.ljust(14, "0") if len(digits) >= 8 else ""
