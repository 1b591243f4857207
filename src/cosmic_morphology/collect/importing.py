"""Pictures that somebody already has, into the atlas: ``cosmic import DIR``."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Arrival, Atlas, Record
from cosmic_morphology.collect.sources.folder import SOURCE, Folder, Loader, open_folder
from cosmic_morphology.errors import CosmicError, FetchError, PictureError
from cosmic_morphology.imaging import ImageLimits, Intake, take_in

BATCH_ROWS = 256
# A batch is also full at this size: 256 pictures may be gigabytes.
BATCH_BYTES = 200_000_000
MAX_WORKERS = 8
DEFAULT_LIMITS = ImageLimits()

Progress = Callable[[int, int], None]
"""Called with pictures done and pictures in all."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did; ``found`` is the sum of stored, already there and refused.

    Parameters
    ----------
    found : int
        Records in the folder or table.
    stored : int
        Pictures that are new in the atlas.
    already_there : int
        Pictures that an earlier import had stored.
    refreshed : int
        Of those, records whose texts or labels have changed and were updated.
    refused : dict of str to int
        Pictures that cannot be used, by kind (``cosmic_morphology.imaging``; ``missing``: the
        table names a file that is not there; ``unreadable``: the system refuses to read it).
        The ledger lists each with its reason.
    skipped : dict of str to int
        Files that were left out, by reason.
    """

    found: int
    stored: int
    already_there: int
    refreshed: int
    refused: dict[str, int]
    skipped: dict[str, int]


def import_folder(
    atlas: Atlas,
    path: str | Path,
    *,
    name: str = SOURCE,
    csv: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
    limits: ImageLimits = DEFAULT_LIMITS,
    batch_rows: int = BATCH_ROWS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Take in a folder or zip of pictures; killed at any instant, a rerun completes it.

    Doing it twice changes nothing. Pictures are known by their path: a file whose bytes have
    changed under the same name is already there (pictures in the atlas are never rewritten);
    give the import another ``name`` to take it in anew.

    Parameters
    ----------
    atlas : Atlas
        Where they go.
    path, name, csv, columns, only
        As in :func:`cosmic_morphology.collect.sources.folder.records`.
    limits : ImageLimits
        What may come in.
    batch_rows : int
        Pictures between two commits (fewer when they are large).
    workers : int, optional
        Threads that read and decode; one a core without it.
    progress : callable, optional
        Called with pictures done and pictures in all.

    Raises
    ------
    InputError
        The folder, zip or table cannot be used; nothing was changed.
    AtlasFullError
        The disk is full; what was committed stands.
    """
    folder = open_folder(
        path, name=name, csv=csv, columns=columns, only=only, max_bytes=limits.max_bytes
    )
    batch = _Batch(atlas, name)
    n_workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(n_workers, thread_name_prefix="intake") as pool:
        outcomes = _outcomes(pool, folder, batch.stored_before, limits, 2 * n_workers)
        for done, outcome in enumerate(outcomes, start=1):
            batch.add(outcome)
            if batch.rows >= batch_rows or batch.bytes >= BATCH_BYTES:
                batch.commit()
            if progress:
                progress(done, folder.total)
    batch.commit()
    return batch.summary(skipped=dict(folder.skipped))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one record: a picture, an error, or neither when it was there before."""

    record: Record
    data: bytes = b""
    intake: Intake | None = None
    error: CosmicError | None = None
    kind: str = ""


def _outcomes(
    pool: ThreadPoolExecutor,
    folder: Folder,
    stored_before: set[str],
    limits: ImageLimits,
    ahead: int,
) -> Iterator[_Outcome]:
    """Outcomes in the order of the records, with no more than ``ahead`` pictures in memory."""
    waiting: deque[Future[_Outcome]] = deque()
    try:
        for record, loader in folder.records():
            if record.id in stored_before:
                there: Future[_Outcome] = Future()
                there.set_result(_Outcome(record))
                waiting.append(there)
            else:
                waiting.append(pool.submit(_take_in, record, loader, limits))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # Ctrl-C, a full disk: what was not begun is not begun any more
        for future in waiting:
            future.cancel()


def _take_in(record: Record, loader: Loader, limits: ImageLimits) -> _Outcome:
    try:
        data = loader()
        return _Outcome(record, data, take_in(data, limits=limits, source_hint=record.id))
    except PictureError as error:
        return _Outcome(record, error=error, kind=str(error.kind))
    except FetchError as error:
        return _Outcome(record, error=error, kind="missing")
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        return _Outcome(record, error=FetchError(what, where=record.id), kind="unreadable")


@dataclass
class _Batch:
    """Outcomes on their way into the atlas, and the count of all of them."""

    atlas: Atlas
    name: str
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    _arrivals: list[Arrival] = field(default_factory=list)
    _changed: list[Record] = field(default_factory=list)
    _ledger: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        of_folders = f"source = '{SOURCE}'"
        self.stored_before = set(self.atlas.positions())
        said = self.atlas.read(list(_SAID), where=of_folders).to_pylist()
        self._said_before = {row["id"]: _told(row) for row in said}
        states = self.atlas.read(list(_STATE), where=of_folders, table="ledger").to_pylist()
        self._states_before = {row["url"]: row for row in states}

    @property
    def rows(self) -> int:
        return max(len(self._arrivals) + len(self._changed), len(self._ledger))

    def add(self, outcome: _Outcome) -> None:
        record = outcome.record
        if outcome.intake is not None:
            self._arrivals.append(Arrival(record, outcome.intake, outcome.data))
            self.bytes += len(outcome.data)
        elif outcome.error is not None:
            self.refused[outcome.kind] += 1
        else:
            self.counts["already there"] += 1
            if self._said_before.get(record.id) != _told(record.row()):
                self._changed.append(record)
                self.counts["refreshed"] += 1
        self._note(outcome)

    def commit(self) -> None:
        """Pictures first, their ledger after: a kill between leaves nothing that is not redone."""
        if self._arrivals:
            new = self.atlas.add(self._arrivals)
            self.counts["stored"] += new
            self.counts["already there"] += len(self._arrivals) - new
        if self._changed:
            self.atlas.upsert_records(self._changed)
        if self._ledger:
            self.atlas.upsert_ledger(self._ledger)
        self._arrivals, self._changed, self._ledger, self.bytes = [], [], [], 0

    def summary(self, skipped: dict[str, int]) -> ImportSummary:
        refused = dict(sorted(self.refused.items()))
        stored, there = self.counts["stored"], self.counts["already there"]
        return ImportSummary(
            found=stored + there + sum(refused.values()),
            stored=stored,
            already_there=there,
            refreshed=self.counts["refreshed"],
            refused=refused,
            skipped=skipped,
        )

    def _note(self, outcome: _Outcome) -> None:
        """A row for the ledger, unless it says the same already."""
        key = outcome.record.id
        state = {
            "state": "refused" if outcome.error else "stored",
            "error_kind": outcome.kind or None,
            "error": str(outcome.error) if outcome.error else None,
        }
        before = self._states_before.get(key, {})
        if all(before.get(column, "") == value for column, value in state.items()):
            return
        row = {"url": key, "id": key, "source": SOURCE, "slice": self.name, **state}
        attempts = (before.get("attempts") or 0) + 1
        self._ledger.append({**row, "attempts": attempts, "updated_at": datetime.now(UTC)})


_STATE = ("url", "state", "error_kind", "error", "attempts")
_SAID = tuple(c for c in Record("", "").row() if c not in ("queries", "fetched_at"))


def _told(row: Mapping[str, Any]) -> int:
    """Hash of what a record says, without when it was read; null and empty are the same."""
    return hash(tuple(str(row[column] or "") for column in _SAID))
