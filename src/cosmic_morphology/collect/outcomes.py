"""What passes between the reader, the fetchers and the writer of a harvest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.states import FetchState
from cosmic_morphology.imaging import Intake

MAX_ERROR_CHARS = 1_000
PAGE_PREFIX = "page:"
"""Rows of the ledger for a page of a search that could not be had begin so."""


@dataclass(slots=True)
class Item:
    """One record on its way; ``url`` is the clean address (or the id where there is none)."""

    record: Record
    url: str
    slice: str
    attempts_before: int = 0
    etag: str = ""
    last_modified: str = ""
    revisit: bool = False
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
class Outcome:
    """What became of an item."""

    item: Item
    state: FetchState
    kind: str = ""
    error: str = ""
    tries: int = 0
    status_code: int | None = None
    etag: str = ""
    last_modified: str = ""
    data: bytes = b""
    intake: Intake | None = None

    def row(self) -> dict[str, Any]:
        """The row of the ledger."""
        return self._row(self.state)

    def coming_row(self) -> dict[str, Any]:
        """The row of the ledger before the picture is written: still pending, the answer noted.

        What a kill leaves between picture and ledger is mended from it by the next run.
        """
        return self._row(FetchState.PENDING)

    def _row(self, state: FetchState) -> dict[str, Any]:
        row = self.item._row(state, self.item.attempts_before + self.tries)  # noqa: SLF001
        if state is not FetchState.STORED:
            row["record"] = self.item.complete_record().to_json()
        return row | {
            "status_code": self.status_code,
            "error_kind": self.kind or None,
            "error": self.error[:MAX_ERROR_CHARS] or None,
            "etag": self.etag or None,
            "last_modified": self.last_modified or None,
        }


class Judge(Protocol):
    """A source that can tell rubbish by looking: optional, the method ``judge`` of a source."""

    def judge(self, record: Record, intake: Intake) -> str:
        """A word for what is wrong with a picture, or nothing."""


Progress = Callable[[int, int], None]
"""Called with records dealt with and records announced so far."""
