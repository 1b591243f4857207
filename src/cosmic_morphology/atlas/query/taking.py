"""Rows of given ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from cosmic_morphology.atlas.query.columns import open_table, read_of, split_columns
from cosmic_morphology.atlas.query.joining import join
from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.errors import InputError

if TYPE_CHECKING:
    from cosmic_morphology.atlas.interface.tables import AtlasTables


def take(
    atlas: AtlasTables,
    ids: Sequence[str],
    columns: Sequence[str] = ("id",),
    *,
    table: str = "catalogue",
) -> pa.Table:
    """Rows of these ids, in their order, by row addresses.

    The addresses come from the index on ids (``cosmic atlas index``), or, without one, from an
    array of 16 bytes a row that is made at the first call for a version.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    ids : sequence of str
        Ids, or urls of the ledger; each may occur again.
    columns : sequence of str
        Columns to show: those of the table and, of ``images`` and ``catalogue``, those of the
        other for the same ids (null where it has no such row).
    table : str
        One of ``images``, ``catalogue``, ``decisions``, ``ledger``.

    Raises
    ------
    InputError
        An id has no row in the table.
    UsageError
        There is no such table or column.

    Examples
    --------
    >>> rows = take(atlas, ["folder:sky/star/1.jpg", "folder:sky/star/0.jpg"], ["id", "width"])
    >>> rows.to_pylist()[0]
    {'id': 'folder:sky/star/1.jpg', 'width': 64}
    """
    opened = open_table(atlas, table)
    own, other, joined = split_columns(atlas, opened, columns)
    addresses = atlas.address_book(opened).find(opened, ids)
    missing = [each for each, at in zip(ids, addresses, strict=True) if at is None]
    if missing:
        more = f", and {len(missing) - 1:,} others" if len(missing) > 1 else ""
        raise InputError(
            f"there is no such row in the table {table!r}{more}",
            where=missing[0],
            todo="`cosmic atlas query` lists what there is.",
        )
    rows = opened.take_addresses(pa.array(addresses, pa.uint64()), read_of(opened, own))
    return join(atlas, rows, KEYS[table], other, joined, columns)
