"""Indexes: which columns have one, and how they are built and kept whole.

An index answers a filter without reading the column. Rows that are added, and columns that are
patched, are not in it until it is brought up to date: until then Lance scans them, so that a result
is never wrong, only slower. A patch of a few scattered rows empties the index of a whole column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pyarrow as pa

from cosmic_morphology.atlas.query.columns import is_plain
from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.storage import upkeep
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

BITMAP, BTREE, FULL_TEXT = "BITMAP", "BTREE", "INVERTED"

INDEXED = (
    ("images", "id", BTREE),
    ("catalogue", "id", BTREE),
    ("catalogue", "source", BITMAP),
    ("catalogue", "label", BITMAP),
    ("catalogue", "label_kind", BITMAP),
    ("catalogue", "split", BITMAP),
    ("catalogue", "label_confidence", BTREE),
    ("catalogue", "*_score", BTREE),
    ("catalogue", "confidence_*", BTREE),
    ("catalogue", "title", FULL_TEXT),
    ("ledger", "url", BTREE),
    ("ledger", "source", BITMAP),
    ("ledger", "state", BITMAP),
)
"""Table, column (or what its name looks like) and kind of each index."""

BUILT, UPDATED, CURRENT = "built", "brought up to date", "up to date"
_TEXTS = ("title", "description", "credit")
# What `describe_indices` calls a kind.
_TYPE = {BITMAP: "Bitmap", BTREE: "BTree", FULL_TEXT: "Inverted"}


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What was, or would be, done with one index.

    Attributes
    ----------
    table, column : str
        What it is of.
    kind : str
        ``BITMAP``, ``BTREE`` or ``INVERTED`` (full text).
    done : str
        ``built``, ``brought up to date`` or ``up to date``.
    rows : int
        Rows of the table.
    missing : int
        Rows that were not in it before.
    """

    table: str
    column: str
    kind: str
    done: str
    rows: int
    missing: int


def index_columns(
    atlas: Atlas,
    columns: tuple[str, ...] = (),
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[IndexResult]:
    """Build the indexes that are missing, and bring the others up to date.

    Readers and writers may go on: each index is one commit, and a query without it is right, too.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    columns : tuple of str
        Further columns of the catalogue: texts (``description``, ``credit``) get a full-text
        index, all others a tree.
    dry_run : bool
        Whether to say only what would be done.
    progress : callable, optional
        Called with indexes done and indexes in all.

    Returns
    -------
    list of IndexResult
        One for each index, also of those that were whole.

    Raises
    ------
    UsageError
        A further column is not there, or cannot be indexed.

    Examples
    --------
    >>> done = index_columns(atlas)
    >>> [(each.column, each.kind, each.done) for each in done if each.table == "images"]
    [('id', 'BTREE', 'built')]
    >>> {each.done for each in index_columns(atlas)}
    {'up to date'}
    """
    if not dry_run:
        atlas.need_writable()
    wanted = [
        *((table, *each) for table in TABLES for each in _wanted(atlas.table(table))),
        *(("catalogue", name, _kind_of(atlas.table("catalogue"), name)) for name in columns),
    ]
    unique = list(dict.fromkeys(wanted))
    results = []
    for done, (name, column, kind) in enumerate(unique, start=1):
        results.append(_index(atlas.table(name), column, kind, dry_run=dry_run))
        if progress:
            progress(done, len(unique))
    return results


def reindex(table: Table, *, at_least: int = 1) -> bool:
    """Bring the indexes of a table up to date, if it has any; whether there was anything to do.

    A column that was made again has lost its index with its old values: it is built again.

    Parameters
    ----------
    table : Table
        At its newest version.
    at_least : int
        Rows that have to be missing in an index before it is touched.
    """
    indexes = table.indexes()
    if not indexes:
        return False
    rows = table.count_rows()
    lost = [each for each in _wanted(table) if each[0] not in indexes]
    behind = [each for each in indexes.values() if rows - each.num_rows_indexed >= at_least]
    for column, kind in lost:
        upkeep.build_index(table, column, kind)
    if behind:
        upkeep.update_indexes(table, [each.name for each in behind])
    return bool(lost or behind)


def _index(table: Table, column: str, kind: str, *, dry_run: bool) -> IndexResult:
    rows = table.count_rows()
    index = table.indexes().get(column)
    if index is None or _TYPE[kind] not in index.type_url:
        done, missing = BUILT, rows
        if not dry_run:
            upkeep.build_index(table, column, kind)
    else:
        missing = max(rows - index.num_rows_indexed, 0)
        done = UPDATED if missing else CURRENT
        if missing and not dry_run:
            upkeep.update_indexes(table, [index.name])
    return IndexResult(table.name, column, kind, done, rows, missing)


def _wanted(table: Table) -> list[tuple[str, str]]:
    """Columns of a table that should have an index, and its kind; none in an empty table."""
    if not table.count_rows():
        return []
    return [
        (name, kind)
        for owner, pattern, kind in INDEXED
        if owner == table.name
        for name in table.schema.names
        if fnmatchcase(name, pattern) and is_plain(table.schema.field(name).type)
    ]


def _kind_of(table: Table, column: str) -> str:
    """The kind of index that a further column gets."""
    if column not in table.schema.names:
        raise UsageError(
            f"the table {table.name!r} has no column {column!r}",
            where=column,
            todo=suggest_names(column, table.schema.names),
        )
    type_: pa.DataType = table.schema.field(column).type
    if not is_plain(type_):
        raise UsageError(
            f"the column {column!r} cannot be indexed: its values are of the type {type_}",
            where=column,
            todo="Give a column of numbers, texts, times, or true and false.",
        )
    known = {name: kind for owner, name, kind in INDEXED if owner == table.name}
    return known.get(column, FULL_TEXT if column in _TEXTS else BTREE)
