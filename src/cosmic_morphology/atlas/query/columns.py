"""Where a column stands, and whether it can be shown, sorted and counted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from cosmic_morphology.atlas.query.filters import no_such_column
from cosmic_morphology.atlas.schema import KEYS, TABLES, derived_field, describe_column
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names

if TYPE_CHECKING:
    from cosmic_morphology.atlas.interface.tables import AtlasTables

# Rows of one and the same id are in both.
_JOINED = ("catalogue", "images")


def open_table(atlas: AtlasTables, name: str) -> Table:
    """One table of an atlas, at its newest version unless the atlas is pinned.

    Raises
    ------
    UsageError
        There is no table of this name.
    """
    if name not in TABLES:
        raise UsageError(
            f"there is no table {name!r}", where=atlas.address, todo=suggest_names(name, TABLES)
        )
    return atlas.table(name)


def split_columns(
    atlas: AtlasTables, table: Table, columns: Sequence[str]
) -> tuple[list[str], Table | None, list[str]]:
    """Columns of a table, and those that the other table has for the same ids.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    table : Table
        The table whose rows are chosen.
    columns : sequence of str
        Names of columns of this table or, for ``images`` and ``catalogue``, of either.

    Returns
    -------
    own : list of str
        Names in the table, and of derived columns that nobody has filled yet.
    other : Table or None
        The other table, where it is needed.
    joined : list of str
        Names in the other table.

    Raises
    ------
    UsageError
        Neither table has such a column.
    """
    names = list(dict.fromkeys(columns))
    there = set(table.schema.names)
    lacking = [name for name in names if name not in there]
    if not lacking:
        return names, None, []
    other = None
    if table.name in _JOINED:
        other = atlas.table(_JOINED[1 - _JOINED.index(table.name)])
    beside = set(other.schema.names) if other else set()
    for name in lacking:
        if name not in beside and (other is None or describe_column(name) is None):
            what, todo = no_such_column(table, name)
            raise UsageError(what, where=atlas.address, todo=todo)
    joined = [name for name in lacking if name in beside]
    return [name for name in names if name not in joined], other if joined else None, joined


def read_of(table: Table, columns: Sequence[str]) -> list[str]:
    """The columns that are read: those that are there, and the key."""
    there = set(table.schema.names)
    return list(dict.fromkeys([KEYS[table.name], *(name for name in columns if name in there)]))


def select(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """These columns in their order; what nobody has written yet is null."""
    for name in columns:
        if name not in rows.schema.names:
            field = derived_field(name, pa.null())
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(list(columns))


def field_to_sort_by(atlas: AtlasTables, table: Table, name: str, *, verb: str) -> pa.Field:
    """The field of a column whose values have an order.

    Raises
    ------
    UsageError
        There is no such column, or its values have none.
    """
    if name not in table.schema.names:
        what, todo = no_such_column(table, name)
        raise UsageError(what, where=atlas.address, todo=todo)
    field = table.schema.field(name)
    if not is_plain(field.type):
        raise UsageError(
            f"nothing can be {verb} by {name!r}: its values are of the type {field.type}",
            where=atlas.address,
            todo="Give a column of numbers, texts, times, or true and false.",
        )
    return field


def is_plain(type_: pa.DataType) -> bool:
    """Whether values of a type are numbers, texts, times, or true and false."""
    kinds = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_boolean,
        pa.types.is_timestamp,
    )
    return any(fits(type_) for fits in kinds)
