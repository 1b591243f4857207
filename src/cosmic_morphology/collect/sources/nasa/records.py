"""An item of NASA's library as a record: texts, rights, and the one file that is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.text import MAX_ID, safe_id

LICENCE = "Public domain (NASA media guidelines; not insignia, third-party material, people)"
THIRD_PARTY = "Third-party copyright, see the credit; not redistributable"
_ORDER = {
    "medium": ("medium", "small", "large"),
    "small": ("small", "medium", "large"),
    "large": ("large", "medium", "small"),
    "orig": ("orig", "large", "medium", "small"),
}
_DECODED = (".jpg", ".jpeg", ".png")
_RENDITION = re.compile(r"~(orig|large|medium|small|thumb)\.", re.IGNORECASE)
_COPYRIGHT = re.compile(r"©|\(c\)|\bcopyright\b|all rights reserved", re.IGNORECASE)


def links_of(item: Any) -> list[dict[str, Any]]:
    """The links of an item that are links."""
    links = item.get("links") if isinstance(item, dict) else None
    if not isinstance(links, list):
        return []
    return [link for link in links if isinstance(link, dict) and isinstance(link.get("href"), str)]


def choose_rendition(links: list[dict[str, Any]], prefer: str = "medium") -> str:
    """The address of the one file to fetch; empty where there is none that can be decoded.

    The preferred size, else its neighbours, else the original where it is JPEG or PNG, else the
    preview (answers from before 2024 have no other link).
    """
    by_name: dict[str, str] = {}
    for link in links:
        href = link["href"]
        try:
            path = unquote(urlsplit(href.replace(" ", "%20")).path).lower()
        except ValueError:  # "http://[::1"
            continue
        suffix = PurePosixPath(path).suffix
        if suffix not in _DECODED and (suffix or link.get("render") != "image"):
            # Sidecars, films, and originals of hundreds of MB in TIFF.
            continue
        found = _RENDITION.search(path)
        name = found[1].lower() if found else "thumb" if link.get("rel") == "preview" else "orig"
        by_name.setdefault(name, href)
    for name in (*_ORDER[prefer], "orig", "thumb"):
        if name in by_name:
            return by_name[name]
    return ""


def to_record(data: Mapping[str, Any], url: str, *, query: str) -> Record:
    """The record of an item; every field but ``nasa_id`` may be missing."""
    nasa_id = str(data["nasa_id"])
    description = text.plain(data.get("description")) or text.plain(data.get("description_508"))
    credit = credit_line(data)
    reserved = _COPYRIGHT.search(f"{credit} {description}")
    page_id = quote(nasa_id[:MAX_ID], safe="", errors="replace")
    return Record(
        source="nasa",
        source_id=safe_id(nasa_id),
        title=text.title(data.get("title")) or text.title(nasa_id),
        description=description,
        keywords=text.listed(data.get("keywords")),
        credit=credit,
        licence=THIRD_PARTY if reserved else LICENCE,
        created_at=text.plain(data.get("date_created"), 40),
        page_url=f"https://images.nasa.gov/details/{page_id}",
        image_url=url,
        queries=(query,),
        albums=text.listed(data.get("album")),
        collection=text.plain(data.get("center"), 100),
    )


def credit_line(data: Mapping[str, Any]) -> str:
    """Who must be named: creator and photographer, else the centre."""
    creators = [text.plain(data.get(k), 500) for k in ("secondary_creator", "photographer")]
    named = list(dict.fromkeys(filter(None, creators)))
    if not named:
        named = [f"NASA/{center}" if (center := text.plain(data.get("center"), 100)) else "NASA"]
    return "; ".join(named)
