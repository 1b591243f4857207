"""What a source is: it says which records there are, and never touches their bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources.options import O, read_option, read_options
from cosmic_morphology.settings import CollectJob
from cosmic_morphology.taxonomy import Taxonomy


class JsonClient(Protocol):
    """The polite client, as a source sees it."""

    async def json(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = ...
    ) -> Any:
        """The JSON behind an address of one of the source's hosts.

        ``items`` is the number of records that were asked for: an answer that could hold many
        more is refused before it is read.

        Raises
        ------
        FetchFailedError
            It could not be had after all tries; ``status_code`` says what the server said.
        """

    async def json_and_headers(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = ...
    ) -> tuple[Any, Mapping[str, str]]:
        """The same with the answer's headers, where a count is in one of them."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an archive that can be read to its end.

    Attributes
    ----------
    name : str
        Unique within the source and stable from run to run, such as ``comet/1990-1999``.
    query : str
        What the user asked for, such as ``comet``; a source's slices come query by query.
    announced : int, optional
        Records that the archive says the slice has; None where it does not say.
    total : int, optional
        Records that the archive says the whole query has.
    params : mapping
        Whatever the source needs to read the slice.
    """

    name: str
    query: str
    announced: int | None = None
    total: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


class SkipReason(StrEnum):
    """Why a record has no image to fetch."""

    NO_IMAGE = "no_image"
    """The record names no file, or none that can be used."""
    OTHER_MEDIA = "other_media"
    """Video, audio, text."""
    ARTWORK = "artwork"
    """An artist's impression, and only observations were asked for."""
    PLACEHOLDER = "placeholder"
    """The record itself names a placeholder."""
    MALFORMED = "malformed"
    """Not a record: no identifier, or not the shape that the source has."""
    BEFORE_SINCE = "before_since"
    """Older than ``--since``."""


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record that the archive lists and that has no image for us."""

    source_id: str
    why: SkipReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CountChanged:
    """What the archive announces for a slice after it was read, where that is not what it had."""

    announced: int


SourceItem = Record | SkippedRecord | CountChanged


@runtime_checkable
class Source(Protocol):
    """An archive, a site, a survey: records in, no bytes.

    A source is made with :class:`SourceRequest` and may keep what it likes while it is read. It
    raises :class:`~cosmic_morphology.errors.SourceError` when an answer does not look like its
    archive, and :class:`~cosmic_morphology.errors.UsageError` when the job makes no sense.

    Attributes
    ----------
    name : str
        First half of every id, such as ``nasa``.
    hosts : tuple of str
        The only hosts that are asked; ``.example.org`` stands for all subdomains.
    queries : tuple of str
        What will be asked for, in order; a limit is shared out between them.

    Notes
    -----
    Two more may be there. ``requests_per_s``, a mapping from hosts to numbers: how often each may
    be asked (see :func:`declared_rates`). ``check_image``, a method: what is wrong with an image.
    """

    name: str
    hosts: tuple[str, ...]
    queries: tuple[str, ...]

    def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """The parts to read, in a stable order."""

    def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """Every record that a part lists, once or more than once."""


def declared_rates(source: Source) -> Mapping[str, float]:
    """Requests per second by host that a source declares; other hosts get the polite default."""
    return getattr(source, "requests_per_s", {})


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What a source is made from."""

    job: CollectJob
    taxonomy: Taxonomy
    since: date | None = None
    contact: str = ""

    def root(self, address: str) -> str:
        """The archive's address, or the one that the job gives instead, without a final slash."""
        return (self.job.root or address).rstrip("/")

    @property
    def words(self) -> tuple[str, ...]:
        """The job's queries; without any the search words of the taxonomy."""
        searched = tuple(word for each in self.taxonomy.classes for word in each.search)
        return tuple(dict.fromkeys(self.job.queries or searched))

    def option(self, name: str, default: Any) -> Any:
        """One of the job's options for the source, of the type of its default.

        Raises
        ------
        UsageError
            The option is of another type.
        """
        if name not in self.job.options:
            return default
        return read_option(name, self.job.options[name], default)

    def read_options(self, model: type[O]) -> O:
        """All of the job's options for the source, as a model of them.

        Raises
        ------
        UsageError
            An option is unknown to the model, or has a value that it does not allow.
        """
        return read_options(model, self.job.options)
