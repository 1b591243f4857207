"""The writing half of a harvest: outcomes to rows, a batch at a time, in one order always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cosmic_morphology.atlas import Atlas, NewImage, Record, withdraw
from cosmic_morphology.atlas.schema import LEDGER, REPORTED_COLUMNS
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.collect.harvest.addresses import Addresses
from cosmic_morphology.collect.harvest.completeness import STORED, CompletenessCounter, slice_rows
from cosmic_morphology.collect.harvest.items import (
    PAGE_PREFIX,
    FetchResult,
    FetchState,
    PendingFetch,
)
from cosmic_morphology.collect.harvest.source_health import (
    SAME_BYTES_KIND,
    PlaceholderDetector,
    SourceHealthCheck,
    same_bytes_error,
)

# A batch is also full at this size: 256 images may be gigabytes.
BATCH_BYTES = 128_000_000
# Records and rows of the ledger are light: more of them go into one commit.
_LIGHT_ROWS = 8


@dataclass(slots=True)
class Batch:
    """What goes into one commit."""

    outcomes: list[FetchResult] = field(default_factory=list)
    pending: dict[str, PendingFetch] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    bytes: int = 0


class Writer:
    """Collects what a harvest finds out and commits it.

    Parameters
    ----------
    atlas : Atlas
        Where it goes.
    counter : CompletenessCounter
        Is told what became of each id.
    health : SourceHealthCheck, optional
        Looks at each batch first.
    repeats : PlaceholderDetector
        Holds files back that come again.
    commit_rows : int
        Images between two commits.
    addresses : Addresses
        How the atlas keeps addresses.
    """

    def __init__(
        self,
        atlas: Atlas,
        counter: CompletenessCounter,
        *,
        health: SourceHealthCheck | None,
        repeats: PlaceholderDetector,
        commit_rows: int,
        addresses: Addresses,
    ) -> None:
        self.stored = 0
        self.bytes = 0
        self.withdrawn: set[str] = set()
        self._atlas = atlas
        self._counter = counter
        self._health = health
        self._repeats = repeats
        self._batch_rows = commit_rows
        self._addresses = addresses
        self._batch = Batch()

    @property
    def is_full(self) -> bool:
        """Whether it is time to commit."""
        light = len(self._batch.records) + len(self._batch.pending)
        return (
            len(self._batch.outcomes) >= self._batch_rows
            or self._batch.bytes >= BATCH_BYTES
            or light >= _LIGHT_ROWS * self._batch_rows
        )

    def add(self, step: PendingFetch | FetchResult | Record) -> None:
        """Take one step of the harvest; nothing is written yet."""
        if isinstance(step, PendingFetch):
            self._batch.pending[step.url] = step
        elif isinstance(step, FetchResult):
            self._batch.outcomes.append(step)
            self._batch.bytes += len(step.data)
        else:
            self._batch.records.append(step)

    def take(self) -> Batch:
        """What was added since the last time, for :meth:`commit` in another thread."""
        batch, self._batch = self._batch, Batch()
        return batch

    def commit(self, batch: Batch, *, last: bool = False) -> None:
        """Answers first, then images, their records, the ledger: the next run mends a kill.

        Parameters
        ----------
        batch : Batch
            What :meth:`take` gave.
        last : bool
            No other batch follows: files that were held back are stored now.

        Raises
        ------
        SourceError
            The source is not itself any more; the batch is not written.
        AtlasFullError
            The disk is full; what was committed stands.
        """
        classified, placeholders = self._repeats.classify(batch.outcomes)
        if self._health is not None:
            self._health.check(classified)
        if last:
            classified += self._repeats.flush()
        taken_in = [o for o in classified if o.intake is not None]
        listed = [item.pending_row() for item in batch.pending.values()]
        if taken_in:
            listed += [outcome.coming_row() for outcome in taken_in]
            self._atlas.upsert_ledger(_whole(self._by_url(listed)))
            listed = []
        self._store(taken_in)
        # Of these the image is there already; a search may say something new of it.
        there = [o for o in classified if o.state is FetchState.STORED and o.intake is None]
        records = self._not_held([*batch.records, *(o.item.complete_record() for o in there)])
        without_image = self._atlas.refresh_records(
            [self._addresses.kept_record(each) for each in records]
        )
        listed += [outcome.row() for outcome in classified]
        rows = self._by_url(listed)
        rows |= rows_of_placeholders(self._atlas, placeholders)
        rows |= rows_found_again(self._atlas, without_image, rows)
        if rows:
            self._atlas.upsert_ledger(_whole(rows))
        # After the ledger: what a kill leaves here is found by the next run's beginning.
        withdraw(self._atlas, placeholders)
        for outcome in classified:
            self._settle(outcome)
        for each in placeholders:
            self._counter.resolve(each, FetchState.PLACEHOLDER.value)
        self.withdrawn |= placeholders

    def _by_url(self, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Rows of the ledger by their address, as the atlas keeps it; the last one counts."""
        return {row["url"]: row for row in map(self._addresses.kept_row, rows)}

    def _store(self, outcomes: list[FetchResult]) -> None:
        arrivals = [
            NewImage(self._addresses.kept_record(o.item.complete_record()), o.intake, o.data)
            for o in outcomes
            if o.intake is not None
        ]
        if arrivals:
            self.stored += self._atlas.add(arrivals)
            self.bytes += sum(len(arrival.data) for arrival in arrivals)

    def _settle(self, outcome: FetchResult) -> None:
        key, state = outcome.item.record.id, outcome.state
        if state is FetchState.LEFT_OUT:
            self._counter.resolve(key, outcome.kind)
        elif not outcome.item.url.startswith(PAGE_PREFIX):
            self._counter.resolve(key, STORED if state is FetchState.STORED else state.value)

    def _not_held(self, records: list[Record]) -> list[Record]:
        """Records, but of images that are held back: those are told their searches."""
        others = []
        for record in records:
            if (held := self._repeats.on_hold(record.id)) is not None:
                held.queries.update(record.queries)
            else:
                others.append(record)
        return others


def rows_of_placeholders(atlas: Atlas, ids: AbstractSet[str]) -> dict[str, dict[str, Any]]:
    """Rows of the ledger of images that are to be taken back, by their address."""
    if not ids:
        return {}
    where = f"id IN ({', '.join(map(sql_literal, sorted(ids)))})"
    said = atlas.read(REPORTED_COLUMNS.names, where=where).to_pylist()
    records = {row["id"]: Record.from_row(row).to_json() for row in said}
    state = {"state": FetchState.PLACEHOLDER.value, "error_kind": SAME_BYTES_KIND}
    of_image = atlas.read(["id", "sha256"], where=where, table="images").to_pylist()
    errors = {row["id"]: same_bytes_error(row["sha256"]) for row in of_image}
    now = datetime.now(UTC)
    found = atlas.read(LEDGER.names, where=f"{where} AND state = 'stored'", table="ledger")
    return {
        row["url"]: {
            **row,
            **state,
            "error": errors.get(row["id"]),
            "record": records.get(row["id"]),
            "updated_at": now,
        }
        for row in found.to_pylist()
    }


def rows_found_again(
    atlas: Atlas, records: Sequence[Record], coming: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Rows of the ledger that keep the record of an image, with more searches in it.

    Parameters
    ----------
    atlas : Atlas
        Whose ledger it is.
    records : sequence of Record
        What was said of images that could not be had.
    coming : mapping
        Rows that are to be written, by their address: they count instead of those that stand.

    Returns
    -------
    dict of str to dict
        By their address; those that say nothing new are left out.
    """
    queries: dict[str, set[str]] = {}
    for record in records:
        queries.setdefault(record.id, set()).update(record.queries)
    if not queries:
        return {}
    where = f"id IN ({', '.join(map(sql_literal, sorted(queries)))}) AND record IS NOT NULL"
    found = atlas.read(LEDGER.names, where=where, table="ledger").to_pylist()
    rows = {row["url"]: row for row in found} | dict(coming)
    again: dict[str, dict[str, Any]] = {}
    for url, row in rows.items():
        if row.get("record") and (more := queries.get(row["id"])):
            kept = Record.from_json(row["record"])
            if not more <= set(kept.queries):
                complete = replace(kept, queries=tuple(sorted(more.union(kept.queries))))
                again[url] = {**row, "record": complete.to_json()}
    return again


def write_reports(atlas: Atlas, counter: CompletenessCounter) -> None:
    """Write the certificate's accounts into the ledger, and forget pages that were had at last."""
    reports = counter.reports()
    read = {f"{PAGE_PREFIX}{each.source}:{each.name}" for each in reports if not each.not_read}
    where = f"starts_with(url, '{PAGE_PREFIX}')"
    failed = atlas.read(["url"], where=where, table="ledger").column("url").to_pylist()
    atlas.forget_urls(read.intersection(failed))
    rows = slice_rows(reports)
    if rows:
        atlas.upsert_ledger(_whole({row["url"]: row for row in rows}))


def _whole(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with all columns: what is left out becomes null."""
    return [{column: row.get(column) for column in LEDGER.names} for row in rows.values()]
