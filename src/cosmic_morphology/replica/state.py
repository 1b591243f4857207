"""What the modules of all archives share: one catalogue, its index, images, recorded pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cosmic_morphology.errors import InputError
from cosmic_morphology.replica.catalogue import ArchiveCatalogue
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.replica.renditions import Images
from cosmic_morphology.replica.search_index import Index

_DEFAULTS = {"page": "1", "page_size": "100", "media_type": "image"}


class Recorded:
    """Recorded search answers by the query that they say they answer.

    A page belongs to the query in its own ``collection.href``; a parameter that is not given
    counts as its default, and ``media_type`` as ``image``. Other files of the folder (bare
    lists, malformed samples) are passed over.

    Parameters
    ----------
    folder : Path, optional
        Where the JSON files are; without it nothing is recorded.
    """

    def __init__(self, folder: Path | None) -> None:
        self._pages: dict[frozenset[tuple[str, str]], bytes] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise InputError(
                "there is no folder of recorded pages", where=str(folder), todo="Check the path."
            )
        for path in sorted(folder.glob("*.json")):
            body = path.read_bytes()
            query = _query_of(body)
            if query:
                self._pages.setdefault(_key(query), body)

    def page(self, params: Mapping[str, str]) -> bytes | None:
        """The recorded answer to these parameters."""
        return self._pages.get(_key(params)) if self._pages else None


def _key(params: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((_DEFAULTS | dict(params)).items())


def _query_of(body: bytes) -> dict[str, str]:
    try:
        answer = json.loads(body)
        return dict(parse_qsl(urlsplit(answer["collection"]["href"]).query))
    except (ValueError, TypeError, KeyError):
        return {}


@dataclass(frozen=True)
class ArchiveState:
    """The holdings and everything that is derived from them."""

    holdings: ArchiveCatalogue
    index: Index
    images: Images
    quirks: Quirks
    recorded: Recorded

    @classmethod
    def of(cls, holdings: ArchiveCatalogue, quirks: Quirks, recorded: Path | None) -> ArchiveState:
        """Prepare holdings for serving: every text is read once."""
        return cls(holdings, Index(holdings), Images(holdings, quirks), quirks, Recorded(recorded))
