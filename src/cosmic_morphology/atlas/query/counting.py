"""How many rows have each value of a column."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas.query.columns import field_to_sort_by, open_table
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.schema import describe_column
from cosmic_morphology.atlas.sql import both, literal
from cosmic_morphology.atlas.storage.lance_tables import Table

if TYPE_CHECKING:
    from cosmic_morphology.atlas.interface.tables import AtlasTables

_BATCH = 65_536
# Each value costs two questions to its bitmap index: with more than this, one scan is faster.
_FEW_VALUES = 64
# Rows that an index does not cover are scanned at each question.
_FEW_ROWS = 100_000


def count_by(
    atlas: AtlasTables, column: str, where: str | None = None, *, table: str = "catalogue"
) -> dict[Any, int]:
    """Number of rows by the value of a column, the most frequent first.

    With a bitmap index on the column (``cosmic atlas index``) no row is read; without one the
    column is read in batches.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    column : str
        A column of numbers, texts, times, or true and false.
    where : str, optional
        A filter in Lance's SQL on the same table.
    table : str
        One of ``images``, ``catalogue``, ``decisions``, ``ledger``.

    Returns
    -------
    dict
        Value to number of rows; rows without a value are under None. Equal counts are in the
        order of their values. Its size grows with the number of different values.

    Raises
    ------
    UsageError
        There is no such table or column, or the filter cannot be used.

    Examples
    --------
    >>> count_by(atlas, "label")
    {'galaxy': 8, 'nebula': 8, 'star': 8}
    >>> count_by(atlas, "media_type", "width > 32", table="images")
    {'image/jpeg': 24}
    """
    opened = open_table(atlas, table)
    check_filter(opened, where)
    known = describe_column(column) if table == "catalogue" else None
    if known is not None and column not in opened.schema.names:
        # Nobody has filled it: null in every row.
        rows = opened.count_rows(where)
        return {None: rows} if rows else {}
    field = field_to_sort_by(atlas, opened, column, verb="counted")
    counts = _by_index(opened, field, where)
    if counts is None:
        counts = _by_scan(opened, column, where)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0] is None, each[0])))


def _by_index(table: Table, field: pa.Field, where: str | None) -> Counter[Any] | None:
    """Counts by questions to a bitmap index; None where that is no gain or not possible."""
    index = table.indexes().get(field.name)
    if index is None or "Bitmap" not in index.type_url or not pa.types.is_string(field.type):
        return None
    total = table.count_rows(where)
    if table.count_rows() - index.num_rows_indexed > _FEW_ROWS:
        return None
    counts: Counter[Any] = Counter()
    name = f"`{field.name}`"
    nulls = table.count_rows(both(f"{name} IS NULL", where))
    if nulls:
        counts[None] = nulls
    while counts.total() < total:
        if len(counts) > _FEW_VALUES:
            return None
        seen = ", ".join(literal(value) for value in counts if value is not None)
        others = f"{name} IS NOT NULL AND {name} NOT IN ({seen})" if seen else f"{name} IS NOT NULL"
        found = table.to_table([field.name], both(others, where), limit=1)
        if not found.num_rows:
            return None
        value = found.column(0)[0].as_py()
        counts[value] = table.count_rows(both(f"{name} = {literal(value)}", where))
    return counts


def _by_scan(table: Table, column: str, where: str | None) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for batch in table.to_batches([column], _BATCH, where):
        for each in pc.value_counts(batch.column(0)).to_pylist():
            counts[each["values"]] += each["counts"]
    return counts
