"""Columns of small tables in an object store, kept in memory: each request there takes a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.storage.column_versions import files_of_columns

_MOST_ROWS = 50_000
_LIMIT_BYTES = 64 << 20


class ColumnCache:
    """Whole columns of one table, as long as their files are those that were read."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Any, pa.ChunkedArray]] = OrderedDict()

    def read(self, dataset: Any, columns: Sequence[str]) -> pa.Table | None:
        """Columns of all rows; None where they are not to be kept.

        Parameters
        ----------
        dataset : lance.LanceDataset
            At the version that is read.
        columns : sequence of str
            Encoded images and keypoints are never kept, nor is a column of a large table.
        """
        schema = dataset.schema
        known = set(columns) <= set(schema.names) and len(set(columns)) == len(columns) > 0
        if not known or any(_is_heavy(schema.field(each).type) for each in columns):
            return None
        if dataset.count_rows() > _MOST_ROWS:
            return None
        files = {each: files_of_columns(dataset, [each]) for each in columns}
        found = {
            each: self._held[each][1]
            for each in columns
            if each in self._held and self._held[each][0] == files[each]
        }
        missing = [each for each in columns if each not in found]
        if missing:
            table = dataset.scanner(columns=missing).to_table()
            found |= {each: table.column(each) for each in missing}
        for each in columns:
            self._held[each] = (files[each], found[each])
            self._held.move_to_end(each)
        while sum(column.nbytes for _, column in self._held.values()) > _LIMIT_BYTES:
            self._held.popitem(last=False)
        return pa.Table.from_arrays(
            [found[each] for each in columns],
            schema=pa.schema([schema.field(each) for each in columns], schema.metadata),
        )


def _is_heavy(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))
