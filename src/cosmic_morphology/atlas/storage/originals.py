"""An original that is its own thumbnail, a small JPEG, is stored once: as the thumbnail.

The column ``image`` is then null. Whoever reads it through a
:class:`~cosmic_morphology.atlas.storage.lance_tables.Table` gets the bytes all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

_RowsT = TypeVar("_RowsT", pa.Table, pa.RecordBatch)
ORIGINAL, THUMBNAIL = "image", "thumbnail"


def stored_original(data: bytes, thumbnail: bytes) -> bytes | None:
    """What goes into the column ``image``.

    Examples
    --------
    >>> stored_original(b"large", b"small"), stored_original(b"small", b"small")
    (b'large', None)
    """
    return None if data == thumbnail else data


def with_thumbnail(columns: Sequence[str] | None) -> list[str] | None:
    """The columns to read for those that are asked for.

    Examples
    --------
    >>> with_thumbnail(["id", "image"]), with_thumbnail(["id"])
    (['id', 'image', 'thumbnail'], ['id'])
    """
    if columns is None:
        return None
    more = [THUMBNAIL] if ORIGINAL in columns and THUMBNAIL not in columns else []
    return [*columns, *more]


def with_originals(rows: _RowsT, asked: Sequence[str] | None) -> _RowsT:
    """Rows with each original in its place, and without a thumbnail that nobody asked for."""
    names = rows.schema.names
    if ORIGINAL not in names or THUMBNAIL not in names:
        return rows
    at = names.index(ORIGINAL)
    if rows.column(at).null_count:
        thumbnails = rows.column(names.index(THUMBNAIL)).cast(pa.large_binary())
        whole = pc.coalesce(rows.column(at), thumbnails)
        rows = rows.set_column(at, rows.schema.field(at), whole)
    if asked is None or THUMBNAIL in asked:
        return rows
    return rows.select([name for name in names if name != THUMBNAIL])
