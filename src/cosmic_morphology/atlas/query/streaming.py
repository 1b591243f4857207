"""All rows that fit a filter, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from cosmic_morphology.atlas.query.columns import open_table, read_of, split_columns
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.query.joining import join
from cosmic_morphology.atlas.schema import KEYS

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

# Rows in a batch by the heaviest column: thumbnails are some 10 kB, originals up to 200 MB.
_ROWS, _ROWS_OF = 8192, {"thumbnail": 512, "image": 4}


def stream(
    atlas: Atlas,
    columns: Sequence[str] = ("id",),
    where: str | None = None,
    *,
    table: str = "catalogue",
    batch_size: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """All rows that fit a filter, in no order, a batch at a time.

    One batch is in memory, and what the store reads ahead. All of them are of one version, whatever
    is written meanwhile.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    columns : sequence of str
        Columns to read: those of the table and, of ``images`` and ``catalogue``, those of the
        other for the same ids (null where it has no such row).
    where : str, optional
        A filter in Lance's SQL on the table.
    table : str
        One of ``images``, ``catalogue``, ``decisions``, ``ledger``.
    batch_size : int, optional
        Rows in a batch, at most; by default 8,192, fewer with thumbnails and originals.

    Yields
    ------
    pyarrow.RecordBatch
        At least one row each.

    Raises
    ------
    UsageError
        There is no such table or column, or the filter cannot be used: at the call, before the
        first batch.

    Examples
    --------
    >>> parts = list(stream(atlas, ["id", "width"], "label = 'star'", batch_size=5))
    >>> [part.num_rows for part in parts], parts[0].schema.names
    ([5, 3], ['id', 'width'])
    """
    opened = open_table(atlas, table)
    check_filter(opened, where)
    own, other, joined = split_columns(atlas, opened, columns)
    size = batch_size or min(_ROWS_OF.get(name, _ROWS) for name in columns or ("id",))
    is_heavy = any(name in _ROWS_OF for name in own)
    batches = opened.to_batches(
        read_of(opened, own),
        size,
        where,
        strict_batch_size=True,
        batch_readahead=2 if is_heavy else None,
    )
    tables = (pa.Table.from_batches([batch]) for batch in batches if batch.num_rows)
    return (
        part
        for rows in tables
        for part in join(atlas, rows, KEYS[table], other, joined, columns)
        .combine_chunks()
        .to_batches()
    )
