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


def fresh_rows(records: Sequence[Record], before: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Rows of the said columns that are new, and rows that say something else than before.

    A record found by two searches keeps both in ``queries``. A record that was only read again
    (another ``fetched_at``) is in neither.
    """
    known = {row["id"]: row for row in before.to_pylist()}
    merged: dict[str, dict[str, Any]] = {}
    for record in records:
        row = record.row()
        earlier = merged.get(record.id) or known.get(record.id) or {"queries": []}
        row["queries"] = sorted({*(earlier["queries"] or ()), *row["queries"]})
        merged[record.id] = row
    new = [row for each, row in merged.items() if each not in known]
    changed = [row for each, row in merged.items() if each in known and _differ(row, known[each])]
    return pa.Table.from_pylist(new, schema=SAID), pa.Table.from_pylist(changed, schema=SAID)


def _differ(row: dict[str, Any], earlier: dict[str, Any]) -> bool:
    return any(row[name] != earlier[name] for name in SAID.names if name != "fetched_at")
