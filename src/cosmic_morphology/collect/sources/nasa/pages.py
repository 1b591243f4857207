"""A page of the library's search, checked before anything in it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.base import JsonClient
from cosmic_morphology.collect.sources.paging import at_most
from cosmic_morphology.errors import SourceError

PAGE_SIZE = 100
CAP = 10_000
"""``page * page_size`` may not exceed it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Items as they came, and how many hits the archive announces."""

    items: list[Any]
    total: int


async def read_page(ask: JsonClient, url: str, params: Mapping[str, Any]) -> Page:
    """One page of a search or an album.

    Raises
    ------
    SourceError
        The answer is no Collection+JSON with ``items`` and ``metadata.total_hits``.
    FetchFailedError
        It could not be had.
    """
    answer = await ask.json(url, params, items=PAGE_SIZE)
    collection = answer.get("collection") if isinstance(answer, dict) else None
    if not isinstance(collection, dict):
        keys = (
            ", ".join(text.plain(key, 50) for key in sorted(answer)[:8])
            if isinstance(answer, dict)
            else ""
        )
        raise _unknown(url, f"there is no 'collection' in it (found: {keys or type(answer)})")
    items = collection.get("items")
    metadata = collection.get("metadata")
    if not isinstance(items, list):
        raise _unknown(url, "'collection.items' is not a list")
    at_most(PAGE_SIZE, items, url)
    total = metadata.get("total_hits") if isinstance(metadata, dict) else None
    if not text.is_count(total):
        raise _unknown(url, "'collection.metadata.total_hits' is not a number")
    return Page(items, total)


def _unknown(url: str, what: str) -> SourceError:
    return SourceError(
        f"the library answers in a shape that this program does not know: {what}",
        where=url,
        todo="Has its interface changed? See docs/howto/collect.md and update this program.",
    )
