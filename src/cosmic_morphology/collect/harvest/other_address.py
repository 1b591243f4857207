"""Another address in an archive's place: what it gives is not that archive's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources.base import JsonClient, Slice, Source, SourceItem
from cosmic_morphology.settings import CollectJob

CREDIT = "Rendered, no rights reserved"
LICENCE = "rendered, CC0"


class SourceAtOtherAddress:
    """A source that is read at another address than its archive's own.

    Its records link to pages of that address only: the archive has no page of them. Where its
    images were rendered, they are credited so, and to nobody else.

    Parameters
    ----------
    source : Source
        How the archive is read.
    job : CollectJob
        The address, and whether what stands there was rendered.
    """

    def __init__(self, source: Source, job: CollectJob) -> None:
        self._source = source
        self._host = urlsplit(job.root).netloc
        self._is_rendered = job.rendered
        self.name, self.hosts, self.queries = source.name, source.hosts, source.queries

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """As the source has them."""
        return self._source.slices(ask)

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """As the source has them, with links and credits that are true."""
        async for found in self._source.records(ask, part):
            yield self._true(found) if isinstance(found, Record) else found

    def _true(self, record: Record) -> Record:
        own_page = _host_of(record.page_url) == self._host
        said: dict[str, Any] = {} if own_page else {"page_url": ""}
        if self._is_rendered:
            said |= {"credit": CREDIT, "licence": LICENCE}
        return replace(record, **said)


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""
