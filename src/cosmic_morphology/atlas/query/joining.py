"""Columns of chosen rows, of the table itself and of the one beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas.query.addresses import take_ids
from cosmic_morphology.atlas.query.columns import read_of, select, split_columns
from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.storage.lance_tables import Table

if TYPE_CHECKING:
    from cosmic_morphology.atlas.interface.tables import AtlasTables


def take_columns(
    atlas: AtlasTables, table: Table, addresses: pa.Array, columns: Sequence[str]
) -> pa.Table:
    """Columns of the rows at these addresses, in their order; columns of either table."""
    own, other, joined = split_columns(atlas, table, columns)
    rows = table.take_addresses(addresses, read_of(table, own))
    return join(atlas, rows, KEYS[table.name], other, joined, columns)


def join_all(rows: pa.Table, others: pa.Table) -> pa.Table:
    """Rows with the columns of other rows of the same ids beside theirs; null where there is none.

    Parameters
    ----------
    rows, others : pyarrow.Table
        Both with ``id``, which is unique in each.
    """
    same = rows.column("id").equals(others.column("id"))
    at = None if same else pc.index_in(rows.column("id"), others.column("id").combine_chunks())
    for name in others.schema.names:
        if name != "id":
            column = others.column(name)
            column = column if at is None else column.take(at)
            rows = rows.append_column(others.schema.field(name), column)
    return rows


def join(
    atlas: AtlasTables,
    rows: pa.Table,
    key: str,
    other: Table | None,
    joined: Sequence[str],
    columns: Sequence[str],
) -> pa.Table:
    """Rows with columns of another table beside theirs; null where it has no such key."""
    if other is not None:
        ids = rows.column(key).to_pylist()
        beside, there = take_ids(other, atlas.address_book(other), ids, joined)
        at, n = [], 0
        for is_there in there:
            at.append(n if is_there else None)
            n += is_there
        beside = beside.take(pa.array(at, pa.int64()))
        for name in joined:
            rows = rows.append_column(beside.schema.field(name), beside.column(name))
    return select(rows, columns)
