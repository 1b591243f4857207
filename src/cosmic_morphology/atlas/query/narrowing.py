"""A filter made narrower by an index, so that only rows near the wanted end are read and sorted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas.sql import both, literal
from cosmic_morphology.atlas.storage.lance_tables import Table

_SAMPLE = 512
# Below this many rows sorting all of them is as fast.
_SMALL = 50_000
# Counting by an index is a gain only where it covers nearly all rows.
_FEW_ROWS = 100_000


def narrow(
    table: Table, column: str, where: str | None, *, n: int, descending: bool = False
) -> str | None:
    """A filter that keeps the first ``n`` rows of an order, and few others.

    Thresholds are taken from a sample of the column and counted by its index, the nearest first,
    until one leaves ``n`` rows. What the sample holds decides the speed, never the result.

    Parameters
    ----------
    table : Table
        Read only.
    column : str
        The column to sort by; values of it are not null in the rows that fit ``where``.
    where : str or None
        What is asked.
    n : int
        Rows wanted.
    descending : bool
        Whether the largest values come first.

    Returns
    -------
    str or None
        ``where`` itself where there is no index, or nothing to gain.
    """
    index = table.indexes().get(column)
    if index is None or "BTree" not in index.type_url:
        return where
    rows = table.count_rows()
    if rows < _SMALL or rows - index.num_rows_indexed > _FEW_ROWS:
        return where
    sign = ">=" if descending else "<="
    values = _sample(table, column)
    if descending:
        values.reverse()
    at = 0
    while at < len(values):
        narrower = both(where, f"`{column}` {sign} {literal(values[at])}")
        if table.count_rows(narrower) >= n:
            return narrower
        at = 4 * at + 1
    return where


def _sample(table: Table, column: str) -> list[object]:
    """Some values of the column in their order, evenly spaced over the rows; no nulls, no NaN."""
    fragments = table.get_fragments()
    ends = np.cumsum([each.physical_rows for each in fragments])
    wanted = np.linspace(0, ends[-1] - 1, _SAMPLE).astype(np.int64)
    which = np.searchsorted(ends, wanted, side="right")
    offsets = wanted - np.concatenate([[0], ends])[which]
    numbers = np.array([each.fragment_id for each in fragments], np.uint64)[which]
    addresses = (numbers << np.uint64(32)) | offsets.astype(np.uint64)
    rows = table.take_addresses(pa.array(addresses), [column])
    values = rows.column(0).drop_null().to_pylist()
    return sorted(each for each in values if each == each)  # noqa: PLR0124 - NaN is not itself
