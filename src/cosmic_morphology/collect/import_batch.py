"""Images on their way from a folder into the atlas: committed in batches, and all counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.collect.import_result import ImportResult, shortfall
from cosmic_morphology.collect.sources.folder.source import DEFAULT_SOURCE, Folder
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.imaging import IngestedImage

# A batch is also full at this size: its images may be gigabytes.
BATCH_BYTES = 200_000_000
CHANGED = "changed"
"""Kind of a file whose bytes are not those of the image of its name in the atlas."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ImportedRecord:
    """What became of one record: an image, an error, or neither when it was there before."""

    record: Record
    data: bytes = b""
    intake: IngestedImage | None = None
    error: CosmicError | None = None
    kind: str = ""


@dataclass
class Batch:
    """Outcomes on their way into the atlas, and the count of all of them.

    Attributes
    ----------
    atlas : Atlas
        Where they go.
    name : str
        Name of the set.
    max_rows : int
        Rows of a full batch.
    stored_before : dict of str to str
        SHA-256 of each image that the atlas had of this set, by id.
    """

    atlas: Atlas
    name: str
    max_rows: int
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    bytes: int = 0
    _arrivals: list[NewImage] = field(default_factory=list)
    _changed: list[Record] = field(default_factory=list)
    _ledger: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        of_set = f"starts_with({{}}, {sql_literal(f'{DEFAULT_SOURCE}:{self.name}/')})"
        there = self._read(("id", "sha256"), of_set.format("id"), "images")
        self.stored_before = {row["id"]: row["sha256"] for row in there}
        said = self._read(_SAID, of_set.format("id"), "catalogue") if self.stored_before else ()
        self._said_before = {row["id"]: _record_hash(row) for row in said}
        # Of a file that was refused there is nothing but this.
        states = self._read(_STATE, of_set.format("url"), "ledger")
        self._states_before = {row["url"]: row for row in states}

    def _read(self, columns: Sequence[str], where: str, table: str) -> Iterator[dict[str, Any]]:
        """Rows of this set alone, a few at a time: others may be millions."""
        for rows in stream(self.atlas, columns, where, table=table):
            yield from rows.to_pylist()

    @property
    def _rows(self) -> int:
        return max(len(self._arrivals) + len(self._changed), len(self._ledger))

    def add(self, outcome: ImportedRecord) -> None:
        """Count an outcome, and keep it for the next commit."""
        record = outcome.record
        if outcome.intake is not None:
            self._arrivals.append(NewImage(record, outcome.intake, outcome.data))
            self.bytes += len(outcome.data)
        elif outcome.error is not None:
            self.refused[outcome.kind] += 1
            if outcome.kind == CHANGED:
                self.changed.append(record.id)
        else:
            self.counts["already there"] += 1
            if self._said_before.get(record.id) != _record_hash(record.row()):
                self._changed.append(record)
                self.counts["refreshed"] += 1
        self._note(outcome)

    def commit_when_full(self) -> None:
        """Commit a batch that is large enough."""
        if self._rows >= self.max_rows or self.bytes >= BATCH_BYTES:
            self.commit()

    def commit(self) -> None:
        """Images first, their ledger after: a kill between leaves nothing that is not redone."""
        if self._arrivals:
            new = self.atlas.add(self._arrivals)
            self.counts["stored"] += new
            self.counts["already there"] += len(self._arrivals) - new
            if new < len(self._arrivals):
                self._count_overtaken()
        if self._changed:
            self.atlas.upsert_records(self._changed)
        if self._ledger:
            self.atlas.upsert_ledger(self._ledger)
        self._arrivals, self._changed, self._ledger, self.bytes = [], [], [], 0

    def _count_overtaken(self) -> None:
        """Another import of this name, at the same time, may have brought other bytes first."""
        there = self.atlas.sha256_of([each.record.id for each in self._arrivals])
        for each in self._arrivals:
            if there[each.record.id] != each.intake.sha256:
                self.counts["already there"] -= 1
                self.refused[CHANGED] += 1
                self.changed.append(each.record.id)

    def summary(self, folder: Folder) -> ImportResult:
        """What came of all."""
        refused = dict(sorted(self.refused.items()))
        stored, there = self.counts["stored"], self.counts["already there"]
        taken, found = stored + there, stored + there + sum(refused.values())
        links = folder.store.left_out.links
        return ImportResult(
            found=found,
            stored=stored,
            already_there=there,
            refreshed=self.counts["refreshed"],
            refused=refused,
            skipped=dict(sorted(folder.skipped.items())),
            labels_from=folder.labels_from,
            links={link: links[link] for link in sorted(links)[:_SHOWN]},
            changed=tuple(self.changed[:_SHOWN]),
            shortfall=shortfall(taken, found, folder),
        )

    def _note(self, outcome: ImportedRecord) -> None:
        """A row for the ledger, unless it says the same already.

        An image that is in the atlas stays noted as stored, whatever became of its file.
        """
        key = outcome.record.id
        if outcome.error and key in self.stored_before:
            return
        state = {
            "state": "refused" if outcome.error else "stored",
            "error_kind": outcome.kind or None,
            "error": str(outcome.error) if outcome.error else None,
        }
        before = self._states_before.get(key, {})
        if all(before.get(column, "") == value for column, value in state.items()):
            return
        row = {"url": key, "id": key, "source": DEFAULT_SOURCE, "slice": self.name, **state}
        attempts = (before.get("attempts") or 0) + 1
        self._ledger.append({**row, "attempts": attempts, "updated_at": datetime.now(UTC)})


_STATE = ("url", "state", "error_kind", "error", "attempts")
_SAID = tuple(c for c in Record("", "").row() if c not in ("queries", "fetched_at"))


def _record_hash(row: Mapping[str, Any]) -> int:
    """Hash of what a record says, without when it was read; null and empty are the same."""
    return hash(tuple(str(row[column] or "") for column in _SAID))
