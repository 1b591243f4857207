"""Sources of other packages: whatever they do wrong is an error of theirs, said in one line."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Any

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources.base import (
    JsonClient,
    Slice,
    Source,
    SourceItem,
    SourceRequest,
)
from cosmic_morphology.errors import CosmicError, SourceError, kind_and_text
from cosmic_morphology.imaging import IngestedImage

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class PluggedIn:
    """A plug-in's source, as the collector sees it.

    Parameters
    ----------
    point : importlib.metadata.EntryPoint
        Where it is found.
    wanted : SourceRequest
        What it is made from.

    Raises
    ------
    SourceError
        It cannot be loaded, raises, or is not a source.
    UsageError
        It says that the job makes no sense to it.
    """

    def __init__(self, point: EntryPoint, wanted: SourceRequest) -> None:
        self._where = f"{point.name} = {point.value}"
        factory = self._call("cannot be loaded", point.load)
        made = self._call("cannot be made", lambda: factory(wanted))
        if not self._call("is not a source", lambda: isinstance(made, Source)):
            raise self._error("is not a source: it needs name, hosts, queries, slices and records")
        if not (isinstance(made.name, str) and _NAME.fullmatch(made.name)):
            raise self._error("is not a source: its name must be a word in lower case")
        for what in ("hosts", "queries"):
            value = getattr(made, what)
            if not isinstance(value, tuple | list) or not all(isinstance(v, str) for v in value):
                raise self._error(f"is not a source: {what} must be a tuple of texts")
        self.name: str = made.name
        self.hosts: tuple[str, ...] = tuple(made.hosts)
        self.queries: tuple[str, ...] = tuple(made.queries)
        self.requests_per_s = self._rates(getattr(made, "requests_per_s", {}))
        self._made: Any = made
        self._check_image = getattr(made, "check_image", None)

    def _rates(self, declared: Any) -> dict[str, float]:
        is_said = isinstance(declared, Mapping) and all(
            isinstance(host, str) and isinstance(rate, int | float) and 0 < rate < math.inf
            for host, rate in declared.items()
        )
        if not is_said:
            raise self._error("is not a source: requests_per_s must map hosts to numbers above 0")
        return {host: float(rate) for host, rate in declared.items()}

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """The plug-in's slices."""
        async for part in self._all("slices", lambda: self._made.slices(ask)):
            yield part

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """The plug-in's records."""
        async for found in self._all("records", lambda: self._made.records(ask, part)):
            yield found

    def check_image(self, record: Record, intake: IngestedImage) -> str:
        """The plug-in's own look at an image, where it has one."""
        check_image = self._check_image
        if check_image is None:
            return ""
        word = self._call("failed in check_image", lambda: check_image(record, intake))
        if not isinstance(word, str):
            given = type(word).__name__
            raise self._error(f"failed in check_image: it must give a word, not {given}")
        return word[:100]

    async def _all(self, what: str, start: Callable[[], Any]) -> AsyncIterator[Any]:
        try:
            async for each in start():
                yield each
        except (CosmicError, GeneratorExit):
            raise
        except Exception as error:
            raise self._error(f"failed in {what} ({kind_and_text(error)})") from error

    def _call(self, what: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except CosmicError:
            raise
        except Exception as error:
            # Foreign code: whatever it raises is its failure, and is told as that.
            raise self._error(f"{what} ({kind_and_text(error)})") from error

    def _error(self, what: str) -> SourceError:
        return SourceError(
            f"the plug-in {what}",
            where=self._where,
            todo="Update or uninstall the package that brings it.",
        )
