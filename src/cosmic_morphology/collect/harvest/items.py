"""What passes between reader, fetchers and writer: pending fetches, their results and states."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cosmic_morphology.atlas import Record
from cosmic_morphology.errors import FetchError
from cosmic_morphology.imaging import IngestedImage

MAX_ERROR_CHARS = 1_000
PAGE_PREFIX = "page:"
"""Rows of the ledger for a page of a search that could not be had begin so."""


@dataclass(slots=True)
class PendingFetch:
    """One record on its way; ``url`` is the clean address (or the id where there is none)."""

    record: Record
    url: str
    slice: str
    attempts_before: int = 0
    etag: str = ""
    last_modified: str = ""
    revalidate: bool = False
    queries: set[str] = field(default_factory=set)
    """Searches that found it; more may come while it is on its way."""

    def complete_record(self) -> Record:
        """The record with every search that has found it by now."""
        return replace(self.record, queries=tuple(sorted({*self.record.queries, *self.queries})))

    def pending_row(self) -> dict[str, Any]:
        """The row of the ledger before the first try: the record is in it."""
        return self._row(FetchState.PENDING, self.attempts_before) | {
            "record": self.complete_record().to_json()
        }

    def _row(self, state: FetchState, attempts: int) -> dict[str, Any]:
        return {
            "url": self.url,
            "id": self.record.id,
            "source": self.record.source,
            "slice": self.slice,
            "state": state.value,
            "attempts": attempts,
            "updated_at": datetime.now(UTC),
        }


@dataclass(slots=True)
class FetchResult:
    """What became of an item."""

    item: PendingFetch
    state: FetchState
    kind: str = ""
    error: str = ""
    attempts: int = 0
    status_code: int | None = None
    etag: str = ""
    last_modified: str = ""
    data: bytes = b""
    intake: IngestedImage | None = None

    def row(self) -> dict[str, Any]:
        """The row of the ledger."""
        return self._row(self.state)

    def coming_row(self) -> dict[str, Any]:
        """The row of the ledger before the image is written: still pending, the answer noted.

        What a kill leaves between image and ledger is mended from it by the next run.
        """
        return self._row(FetchState.PENDING)

    def _row(self, state: FetchState) -> dict[str, Any]:
        row = self.item._row(state, self.item.attempts_before + self.attempts)  # noqa: SLF001
        if state is not FetchState.STORED:
            row["record"] = self.item.complete_record().to_json()
        return row | {
            "status_code": self.status_code,
            "error_kind": self.kind or None,
            "error": self.error[:MAX_ERROR_CHARS] or None,
            "etag": self.etag or None,
            "last_modified": self.last_modified or None,
        }


class FetchState(StrEnum):
    """The state of one URL in the ledger."""

    PENDING = "pending"
    """Known, not fetched yet."""
    STORED = "stored"
    """Its image is in the atlas."""
    GONE = "gone"
    """404 or 410."""
    REFUSED = "refused"
    """401, 403 again after a pause, or another 4xx."""
    PLACEHOLDER = "placeholder"
    """A placeholder: a logo, one file for many records, a blank cutout."""
    NOT_AN_IMAGE = "not_an_image"
    """Bytes that cannot be decoded; the ledger's ``error_kind`` says why."""
    TOO_LARGE = "too_large"
    """More bytes or pixels than the settings allow."""
    OPTED_OUT = "opted_out"
    """The answer asks not to be used (``X-Robots-Tag``)."""
    FORBIDDEN = "forbidden"
    """The address leads where this collector does not go."""
    LEFT_OUT = "left_out"
    """A record without an image to fetch; the ledger's ``error_kind`` says why."""
    FAILED = "failed"
    """Every try failed for a reason that may pass; the next run tries again."""


UNFINISHED = frozenset({FetchState.PENDING, FetchState.FAILED})
"""States that every run takes up again; the others need ``--retry``."""


_NEXT = {
    FetchState.PENDING: "Collect again: it resumes from here.",
    FetchState.STORED: "Nothing is to be done.",
    FetchState.GONE: "Nothing can be done: the archive has it no more.",
    FetchState.REFUSED: "See whether the archive wants a key; then cosmic collect --retry refused.",
    FetchState.PLACEHOLDER: "Look at its page: the archive has no image of it.",
    FetchState.NOT_AN_IMAGE: "Look at the address in a browser.",
    FetchState.TOO_LARGE: "Raise imaging.max_bytes or imaging.max_pixels if it is wanted.",
    FetchState.OPTED_OUT: "Ask its owner, or set collect.honour_opt_out to false.",
    FetchState.FORBIDDEN: "Look at the address: only public hosts of the source are followed.",
    FetchState.LEFT_OUT: "Nothing is to be done: the record has no image.",
    FetchState.FAILED: "Collect again later: it is tried once more.",
}


class FetchFailedError(FetchError):
    """One try at one URL that did not give an image.

    Parameters
    ----------
    state : FetchState
        What the URL is when no other try follows.
    kind : str
        The reason in one word, such as ``timeout`` or ``http_500``.
    what, where : str
        As in :class:`~cosmic_morphology.errors.CosmicError`.
    tries : int
        How many tries of this kind one run makes; 1 where another would give the same.
    wait_s : float, optional
        How long the server asks to wait; without it the wait grows from try to try.
    status_code : int, optional
        Of the answer.
    """

    def __init__(
        self,
        state: FetchState,
        kind: str,
        what: str,
        *,
        where: str,
        tries: int = 1,
        wait_s: float | None = None,
        status_code: int | None = None,
    ) -> None:
        self.state = state
        self.kind = kind
        self.tries = tries
        self.wait_s = wait_s
        self.status_code = status_code
        self.tried = 1
        super().__init__(what, where=where, todo=_NEXT[state])
