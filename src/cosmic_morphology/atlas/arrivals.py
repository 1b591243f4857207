"""A picture on its way into the atlas: what was said of it, what was seen, and its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from cosmic_morphology.atlas.records import Record
from cosmic_morphology.atlas.schema import IMAGES, SAID


class TakenIn(Protocol):
    """What the one decode at intake gives (``imaging.Intake``)."""

    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def phash(self) -> bytes: ...  # noqa: D102
    @property
    def thumbnail(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Arrival:
    """One picture that was fetched and decoded."""

    record: Record
    intake: TakenIn
    data: bytes


def image_rows(arrivals: Sequence[Arrival]) -> pa.Table:
    """Rows of the ``images`` table."""
    columns: dict[str, list[Any]] = {name: [] for name in IMAGES.names}
    for arrival in arrivals:
        columns["id"].append(arrival.record.id)
        columns["image"].append(arrival.data)
        columns["phash"].append(list(arrival.intake.phash))
        for name in IMAGES.names:
            if name not in ("id", "image", "phash"):
                columns[name].append(getattr(arrival.intake, name))
    return pa.table(columns, schema=IMAGES)


def record_rows(records: Sequence[Record], known_queries: dict[str, list[str]]) -> pa.Table:
    """Rows of the said columns; a record found by two searches keeps both in ``queries``."""
    merged: dict[str, dict[str, Any]] = {}
    for record in records:
        row = record.row()
        before = merged.get(record.id)
        earlier = before["queries"] if before else known_queries.get(record.id, [])
        row["queries"] = sorted({*earlier, *row["queries"]})
        merged[record.id] = row
    return pa.Table.from_pylist(list(merged.values()), schema=SAID)
