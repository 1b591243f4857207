"""ESA/Hubble, ESA/Webb, ESO and NOIRLab: the "data to dome" (d2d) JSON of djangoplicity sites."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Any

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
from cosmic_morphology.errors import SourceError, UsageError
from cosmic_morphology.suggest import suggest_names

SITES = {
    "esahubble": "https://esahubble.org",
    "esawebb": "https://esawebb.org",
    "eso": "https://www.eso.org/public",
    "noirlab": "https://noirlab.edu/public",
}
_COUNT = 100
_MAX_PAGES = 2_000
# Screen size first. The original is a TIFF of up to 1.5 GB: only when asked for by name.
_SIZES = ("Small", "Large", "Thumbnail")
_LARGE_BYTES = 30_000_000
_BYTES_BUG = re.compile(r"b(['\"])(.*)\1", re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[\\'\"abfnrtv0])")
_ESCAPED = dict(zip(b"\\'\"abfnrtv0", b"\\'\"\a\b\f\n\r\t\v\0", strict=True))
_LANGUAGE = re.compile(r"-(cs|da|de|en|es|fi|fr|is|it|nb|nl|pl|pt|ru|sr|sv|tr|uk)(-[a-z]{2})?$")
_NOT_FOUND = 404


class DjangoplicityOptions(Options):
    """Options of :class:`Djangoplicity`."""

    artwork: bool = False
    original: bool = False


class Djangoplicity:
    """Images of the sites that run djangoplicity, with their AVM codes.

    Queries are names of sites (all four without any). Options: ``artwork`` (keep artist's
    impressions), ``original`` (take the original file).

    Parameters
    ----------
    wanted : SourceRequest
        The job, and since when.
    """

    name = "djangoplicity"
    hosts = (
        *("esahubble.org", ".esahubble.org", "esawebb.org", ".esawebb.org"),
        *("eso.org", ".eso.org", "noirlab.edu", ".noirlab.edu"),
    )
    # Inferred: no archive publishes a number.
    requests_per_s = MappingProxyType(
        dict.fromkeys(
            (
                *("esahubble.org", "cdn.esahubble.org", "esawebb.org", "cdn.esawebb.org"),
                *("www.eso.org", "cdn.eso.org", "noirlab.edu"),
            ),
            5.0,
        )
    )

    def __init__(self, wanted: SourceRequest) -> None:
        self.queries = wanted.job.queries or tuple(SITES)
        for site in self.queries:
            if site not in SITES:
                raise UsageError(
                    f"there is no djangoplicity site {site!r}",
                    where="sources.queries",
                    todo=suggest_names(site, SITES),
                )
        root = wanted.job.root.rstrip("/")
        self._sites = {s: f"{root}/{s}" if root else SITES[s] for s in self.queries}
        self._since = wanted.since
        options = wanted.read_options(DjangoplicityOptions)
        self._artwork = options.artwork
        self._sizes = ("Original", *_SIZES) if options.original else _SIZES

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """One for each site; a site whose feed is off is named after the others were read."""
        off = []
        for site in self.queries:
            try:
                total = (await self._page(ask, site, 1)).total
            except FetchFailedError as trouble:
                if trouble.status_code != _NOT_FOUND:
                    raise
                off.append(site)
                continue
            yield Slice(site, site, total, total)
        if off:
            raise SourceError(
                f"there is no feed at {', '.join(off)} (the site may have switched it off)",
                where=self._sites[off[0]],
                todo="Everything else was collected; leave this site out.",
            )

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """Every entry of a site's feed."""
        pages = read_until_stable(lambda: self._pages(ask, part.query), _id, part.announced)
        async for entry in pages:
            yield entry if isinstance(entry, CountChanged) else self._found(entry, part.query)

    async def _pages(self, ask: JsonClient, site: str) -> AsyncIterator[PageSet]:
        for number in range(1, _MAX_PAGES):
            page = await self._page(ask, site, number)
            yield page
            if page.total is not None and number * _COUNT >= page.total:
                return

    async def _page(self, ask: JsonClient, site: str, number: int) -> PageSet:
        url = f"{self._sites[site]}/images/d2d/"
        asked: dict[str, Any] = {"page": number, "count": _COUNT}
        if self._since is not None:
            asked["after"] = f"{self._since:%Y%m%d}000000"
        answer = await ask.json(url, asked, items=_COUNT)
        entries = answer.get("Collections") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise SourceError(
                "the feed has no 'Collections'",
                where=url,
                todo="Has its shape changed? See docs/howto/collect.md.",
            )
        at_most(_COUNT, entries, url)
        count = answer.get("Count")
        return PageSet(entries, count if text.is_count(count) else None)

    def _found(self, entry: Any, site: str) -> SourceItem:
        identifier = _id(entry)
        if not identifier:
            return SkippedRecord("", SkipReason.MALFORMED, "an entry without ID")
        source_id = f"{site}/{identifier}"
        title = text.title(_unbugged(entry.get("Title")))
        kind = text.plain(entry.get("Type"), 50)
        is_artwork = kind == "Artwork" or (not kind and "artist" in title.lower())
        if is_artwork and not self._artwork:
            return SkippedRecord(source_id, SkipReason.ARTWORK, title[:200])
        url = self._resource(entry)
        if not url:
            return SkippedRecord(source_id, SkipReason.NO_IMAGE, "no rendition of a sane size")
        subject = entry.get("Subject")
        subject = subject if isinstance(subject, dict) else {}
        return Record(
            source=self.name,
            source_id=source_id,
            title=title,
            description=text.plain(_unbugged(entry.get("Description"))),
            credit=text.plain(_unbugged(entry.get("Credit")), 2_000),
            licence=text.plain(entry.get("Rights"), 500),
            created_at=text.plain(entry.get("PublicationDate"), 40),
            page_url=text.plain(entry.get("ReferenceURL"), 1_000),
            image_url=url,
            queries=(f"{self.name}:{site}",),
            subjects=_codes(subject.get("Category")),
            names=text.listed(subject.get("Name")),
            collection=site,
            parameters=_position(entry),
        )

    def _resource(self, entry: dict[str, Any]) -> str:
        found: dict[str, dict[str, Any]] = {}
        for asset in _dicts(entry.get("Assets")):
            for resource in _dicts(asset.get("Resources")):
                if isinstance(resource.get("URL"), str):
                    found.setdefault(text.plain(resource.get("ResourceType"), 50), resource)
        for size in self._sizes:
            resource = found.get(size, {})
            bytes_ = resource.get("FileSize")
            is_sane = size == "Original" or not isinstance(bytes_, int) or bytes_ <= _LARGE_BYTES
            if resource and is_sane:
                return str(resource["URL"])
        return ""


def _id(entry: Any) -> str:
    """The identifier of an entry without the language that some carry."""
    found = entry.get("ID") if isinstance(entry, dict) else None
    return _LANGUAGE.sub("", text.plain(found, 200)) if isinstance(found, str) else ""


def _codes(value: Any) -> tuple[str, ...]:
    """AVM codes: a list, or one string with semicolons (the AVM standard's separator)."""
    parts = value if isinstance(value, list) else text.plain(value, 1_000).split(";")
    return tuple(dict.fromkeys(code for each in parts if (code := text.plain(each, 40))))


def _position(entry: dict[str, Any]) -> str:
    """What the entry says of its place on the sky, as JSON; empty where it says nothing."""
    for asset in _dicts(entry.get("Assets")):
        observed = asset.get("ObservationData")
        spatial = observed.get("Spatial") if isinstance(observed, dict) else None
        value = spatial.get("ReferenceValue") if isinstance(spatial, dict) else None
        try:
            ra_deg, dec_deg = (float(each) for each in value or ())
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(ra_deg) and math.isfinite(dec_deg):
            return json.dumps({"ra_deg": ra_deg, "dec_deg": dec_deg})
    return ""


def _unbugged(value: Any) -> Any:
    """Undo ``b'...'``: a known bug writes the Python form of bytes into texts."""
    found = _BYTES_BUG.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    return _ESCAPE.sub(_byte, found[2].encode("utf-8", "replace")).decode("utf-8", "replace")


def _byte(escape: re.Match[bytes]) -> bytes:
    said = escape[1]
    return bytes([int(said[1:], 16) if len(said) > 1 else _ESCAPED[said[0]]])


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
