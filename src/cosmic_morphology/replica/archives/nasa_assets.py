"""The library's file host: images and their sidecars, on the shortest way through."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from starlette.types import Scope, Send

from cosmic_morphology.replica.archives.nasa import file_stem
from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.renditions import WIDTHS_PX
from cosmic_morphology.replica.responses import send_file, send_plain
from cosmic_morphology.replica.state import ArchiveState

PREFIX = "/nasa-assets/"
_JSON = [(b"content-type", b"application/json")]
_NO_SUCH_KEY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
    b"<Message>The specified key does not exist.</Message></Error>"
)
_MAX_KNOWN = 20_000


class Assets:
    """Answers everything under ``/nasa-assets``.

    It is called past the router: a benchmark of collectors should measure the collector.

    Parameters
    ----------
    archive : ArchiveState
        What the library holds.
    """

    def __init__(self, archive: ArchiveState) -> None:
        self._archive = archive
        self._known: dict[bytes, tuple[ArchiveRecord, str]] = {}

    def forget(self) -> None:
        """Look every path up again: the holdings changed."""
        self._known.clear()

    async def answer(self, scope: Scope, send: Send) -> int:
        """Answer one request; gives the status that was sent."""
        path: bytes = scope["raw_path"]
        known = self._known.get(path) or self._look_up(path)
        if known is None:
            return await self._missing(send)
        record, name = known
        if name.endswith(".json"):
            return await self._sidecar(scope, send, record, name)
        try:
            file = self._archive.images.served(record, name)
        except FileNotFoundError:
            return await self._missing(send)
        return await send_file(scope, send, file)

    def _look_up(self, path: bytes) -> tuple[ArchiveRecord, str] | None:
        parts = path.split(b"/")
        if len(parts) != 5 or parts[2] != b"image":
            return None
        nasa_id = unquote_to_bytes(parts[3]).decode("utf-8", "replace")
        name = unquote_to_bytes(parts[4]).decode("utf-8", "replace")
        record = self._archive.index.shown(nasa_id)
        if record is None:
            return None
        if not name.endswith(".json"):
            name = self._rendition(record, name)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[path] = record, name
        return record, name

    def _rendition(self, record: ArchiveRecord, name: str) -> str:
        """The rendition that a file name means; a name that means none has no file."""
        stem, _, ending = name.rpartition("~")
        rendition = ending.partition(".")[0]
        suffix = self._archive.images.suffix(record, rendition)
        known = rendition in ("orig", *WIDTHS_PX) and ending == rendition + suffix
        return rendition if known and stem == file_stem(self._archive, record) else ""

    async def _sidecar(self, scope: Scope, send: Send, record: ArchiveRecord, name: str) -> int:
        base = f"{scope['scheme']}://{dict(scope['headers']).get(b'host', b'').decode()}"
        folder = f"{base}{PREFIX}image/{quote(record.nasa_id, safe='')}"
        stem = quote(file_stem(self._archive, record), safe="~").replace("%20", " ")
        files = [
            f"{folder}/{stem}~{rendition}{self._archive.images.suffix(record, rendition)}"
            for rendition in self._archive.images.names(record)
        ]
        body: Any
        if name == "collection.json":
            body = [*files, f"{folder}/metadata.json"]
        elif name == "metadata.json":
            body = _metadata(record)
        else:
            return await self._missing(send)
        return await send_plain(send, 200, list(_JSON), json.dumps(body).encode())

    async def _missing(self, send: Send) -> int:
        # The real host is a bucket behind a network: it answers errors in XML, not JSON.
        return await send_plain(send, 404, [(b"content-type", b"application/xml")], _NO_SUCH_KEY)


def _metadata(record: ArchiveRecord) -> dict[str, Any]:
    return {
        "SourceFile": f"/ingest/staging/{record.nasa_id}.jpg",  # internal paths, as the real one
        "AVAIL:NASAID": record.nasa_id,
        "AVAIL:Title": record.title,
        "AVAIL:Description": record.description,
        "AVAIL:Keywords": list(record.keywords),
        "AVAIL:Center": record.center,
        "AVAIL:DateCreated": record.date,
        "AVAIL:MediaType": record.media_type,
        "AVAIL:SecondaryCreator": record.credit,
        "AVAIL:Owner": "ingest",
    }
