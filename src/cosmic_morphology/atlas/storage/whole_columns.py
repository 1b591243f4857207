"""Columns of a whole table, one fragment after the other, for rows that are named by their keys.

A merge on keys, which is the way for some of the rows, holds all that it writes, and what stood
there before. Here one fragment is in memory, and all files become visible in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.storage.column_files import (
    ADDRESS,
    add_filled_columns,
    commit_column_files,
    write_column_file,
)
from cosmic_morphology.atlas.storage.commit import drop_columns, remake_columns, stamp_columns
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.atlas.storage.lance_tables import Table

_ROWS, _KEYS_AT_ONCE = 4096, 65_536


def write_whole_columns(
    table: Table,
    rows: pa.Table,
    stamp: Mapping[str, str],
    is_current: Callable[[pa.Schema], bool],
) -> None:
    """Write columns of all rows of a table; rows that are left out become null.

    Columns that are not there, or not current, come with their values and their stamp in one
    commit. Others keep their place: the stamp is set in a commit of its own, after the values.

    Parameters
    ----------
    table : Table
        At its newest version; afterwards at the one that has been made.
    rows : pyarrow.Table
        The key of the table, each once, and the columns. Keys that are not there are passed over.
    stamp : mapping of str to str
        Metadata of the columns: a kill before it is set leaves them stale.
    is_current : callable
        Whether the columns of a schema may keep their place.
    """
    key = KEYS[table.name]
    # One chunk: Arrow would put the chunks of texts together again at each take.
    rows = rows.combine_chunks()
    places = KeyPlaces(_one_array(rows.column(key)))
    values = rows.select([each for each in rows.schema.names if each != key])
    fields = [pa.field(each.name, each.type, metadata=dict(stamp)) for each in values.schema]

    def of_fragment(fragment: Any) -> pa.Table:
        return _of_fragment(table, fragment, values, places)

    if not table.get_fragments():
        remake_columns(table, fields, is_current)
    elif is_current(table.schema):
        _patch(table, of_fragment)
        stamp_columns(table, dict.fromkeys(values.schema.names, stamp))
    else:
        added = False
        while not added:  # another process may be at the same stage
            drop_columns(table, values.schema.names)
            added = add_filled_columns(table, fields, of_fragment)


def _patch(table: Table, of_fragment: Callable[[Any], pa.Table]) -> None:
    """Write columns that are there.

    A fragment that somebody else compacts away meanwhile, or fills with rows that he changes, is
    written in a commit after the first one.
    """
    done: set[int] = set()
    while to_do := [each for each in table.get_fragments() if each.fragment_id not in done]:
        files = [write_column_file(table, each.fragment_id, of_fragment(each)) for each in to_do]
        gone = {each.fragment for each in commit_column_files(table, files)}
        done |= {each.fragment for each in files} - gone


def change_columns(
    table: Table, columns: Sequence[str], changed: Callable[[pa.Table], pa.Table]
) -> None:
    """Write the values that a function changes, a fragment at a time, in one commit.

    Parameters
    ----------
    table : Table
        At its newest version, with the columns; afterwards at the version that has been made.
    columns : sequence of str
        Columns to read and write.
    changed : callable
        Gets the key, the columns and the address of some rows; returns those that change. It is
        called again for rows that others move meanwhile.
    """
    read = [KEYS[table.name], *columns]
    done: set[int] = set()
    while to_do := [each for each in table.get_fragments() if each.fragment_id not in done]:
        files = []
        for fragment in to_do:
            batches = table.to_batches(read, _ROWS, fragments=[fragment], with_row_address=True)
            parts = [changed(pa.Table.from_batches([each])) for each in batches]
            if any(each.num_rows for each in parts):
                values = pa.concat_tables(parts).select([*columns, ADDRESS])
                files.append(write_column_file(table, fragment.fragment_id, values))
        gone = {each.fragment for each in commit_column_files(table, files)}
        done |= {each.fragment_id for each in to_do} - gone


def _of_fragment(table: Table, fragment: Any, values: pa.Table, places: KeyPlaces) -> pa.Table:
    """The values of the rows of one fragment, in their order, with their addresses."""
    found = [
        (places.find(batch.column(0)), batch.column(ADDRESS))
        for batch in table.to_batches(
            [KEYS[table.name]], _KEYS_AT_ONCE, fragments=[fragment], with_row_address=True
        )
    ]
    at = pa.chunked_array([each for each, _ in found], pa.int32()).combine_chunks()
    addresses = pa.chunked_array([each for _, each in found], pa.uint64())
    return values.take(at).append_column(ADDRESS, addresses)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
