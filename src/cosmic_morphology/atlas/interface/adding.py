"""Rows that come into an atlas: images with their records, states of URLs, verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.interface.reading import AtlasReader
from cosmic_morphology.atlas.maintenance.upkeep import after_rows
from cosmic_morphology.atlas.record import NewImage, Record, image_table, new_and_changed
from cosmic_morphology.atlas.schema import (
    DECISIONS,
    DERIVED_FROM_REPORTED,
    KEYS,
    LEDGER,
    REPORTED_COLUMNS,
    derived_field,
)
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.safe_text import without_secrets


class RowWriter(AtlasReader):
    """What adds rows to an :class:`~cosmic_morphology.Atlas`, or refreshes them."""

    def add(self, arrivals: Sequence[NewImage]) -> int:
        """Store images with their records; return how many were new.

        Where an id has other bytes already, neither these nor their record come in: what was said
        of one image is never written onto another.

        The image goes first: which bytes stand under an id is settled before anything is said of
        it, however many writers there are. A kill between the two commits leaves an image without
        a record, which ``verify`` shows and the next run of the same collect or import mends.

        Examples
        --------
        >>> from cosmic_morphology.atlas import NewImage, Record
        >>> from cosmic_morphology.imaging import ingest_image
        >>> from cosmic_morphology.synthesize import render_image
        >>> data = render_image("comet", 5, size_px=64).jpeg()
        >>> image = NewImage(Record("mine", "c1", title="My comet"), ingest_image(data), data)
        >>> atlas.add([image]), atlas.add([image])
        (1, 0)
        """
        self.need_writable()
        there = self.sha256_of([arrival.record.id for arrival in arrivals])
        unique = {
            arrival.record.id: arrival
            for arrival in arrivals
            if there.get(arrival.record.id) in (None, arrival.intake.sha256)
        }
        coming = [arrival for each, arrival in unique.items() if each not in there]
        n_new = commit.insert_new(self.table("images"), image_table(coming), KEYS["images"])
        stored = list(unique.values())
        if n_new < len(coming):  # another writer was faster, perhaps with other bytes
            there = self.sha256_of(list(unique))
            stored = [each for each in stored if there.get(each.record.id) == each.intake.sha256]
        self.upsert_records([arrival.record for arrival in stored])
        after_rows(self._tables["images"])
        return n_new

    def upsert_records(self, records: Sequence[Record]) -> None:
        """Insert or refresh what sources say; ``queries`` only ever grow.

        Rows that say nothing new are left alone; columns that were derived from what has
        changed become null, so that their stage fills them again.
        """
        self._upsert_records(records, known_only=False)

    def refresh_records(self, records: Sequence[Record]) -> list[Record]:
        """Refresh rows that are there, and return the other records: nothing new comes in.

        What a search says of an image that another writer takes back at this moment is such a one.
        """
        there = self._upsert_records(records, known_only=True)
        return [record for record in records if record.id not in there]

    def _upsert_records(self, records: Sequence[Record], *, known_only: bool) -> set[str]:
        """Ids that were there before."""
        self.need_writable()
        there: set[str] = set()
        if not records:
            return there
        ids = sorted({record.id for record in records})
        where = f"id IN ({', '.join(map(sql_literal, ids))})"

        def combine(catalogue: Table) -> pa.Table:
            nonlocal there
            before = catalogue.to_table(REPORTED_COLUMNS.names, where)
            there = set(before.column("id").to_pylist())
            said = [each for each in records if each.id in there] if known_only else records
            rows = new_and_changed(said, before)
            for name in DERIVED_FROM_REPORTED:
                if name in catalogue.schema.names:
                    empty = pa.nulls(rows.num_rows, derived_field(name).type)
                    rows = rows.append_column(name, empty)
            return rows

        commit.upsert_combined(self.table("catalogue"), KEYS["catalogue"], combine)
        after_rows(self._tables["catalogue"])
        return there

    def upsert_ledger(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert or update the state of URLs; columns that a row leaves out become null."""
        self.need_writable()
        unique = {row["url"]: dict(row) for row in rows}
        for row in unique.values():
            if row.get("error"):
                row["error"] = without_secrets(row["error"])
        table = pa.Table.from_pylist(list(unique.values()), schema=LEDGER)
        commit.upsert(self.table("ledger"), table, KEYS["ledger"])
        after_rows(self._tables["ledger"])

    def forget_urls(self, urls: Collection[str]) -> None:
        """Take rows out of the ledger; older versions keep them."""
        self.need_writable()
        if urls:
            listed = ", ".join(map(sql_literal, sorted(urls)))
            commit.delete(self.table("ledger"), f"url IN ({listed})")

    def append_decisions(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Append people's verdicts; the same verdict given twice is kept once.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> verdict = {"id": "folder:sky/star/0.jpg", "verdict": "label", "label": "star"}
        >>> verdict |= {"who": "ann", "at": datetime(2026, 1, 1, tzinfo=UTC), "why": ""}
        >>> atlas.append_decisions([verdict]), atlas.append_decisions([verdict])
        (1, 0)
        """
        self.need_writable()
        complete: dict[str, dict[str, Any]] = {}
        for row in rows:
            text = "\x1f".join(str(row.get(name)) for name in DECISIONS.names[1:])
            key = hashlib.sha256(text.encode()).hexdigest()[:24]
            complete[key] = {**row, "decision": key}
        table = pa.Table.from_pylist(list(complete.values()), schema=DECISIONS)
        return commit.insert_new(self.table("decisions"), table, KEYS["decisions"])
