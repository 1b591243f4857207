"""Rows that tests of the split deal, and where they go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.split.divide import SplitAssignment, assign_splits
from cosmic_morphology.settings import SplitSettings


class RowsInMemory(Records):
    """Records of a table in memory, in any order: what reads records needs no atlas then."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        self._number(rows.column("id").combine_chunks())

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int32], pa.Table]]:
        yield self._places, self._rows.select(list(dict.fromkeys(columns)))


def rows(listed: list[dict[str, object]]) -> pa.Table:
    empty = {
        "label": "comet",
        "source": "nasa",
        "collection": "",
        "lineage": [],
        "group": None,
        "duplicate_flag": False,
        "duplicate_of": None,
        "split": None,
        "split_reason": None,
    }
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("label", pa.string()),
            ("source", pa.string()),
            ("collection", pa.string()),
            ("lineage", pa.list_(pa.string())),
            ("group", pa.string()),
            ("duplicate_flag", pa.bool_()),
            ("duplicate_of", pa.string()),
            ("split", pa.string()),
            ("split_reason", pa.string()),
        ]
    )
    return pa.Table.from_pylist([{**empty, **row} for row in listed], schema=schema)


def assigned(table: pa.Table, seed: int = 1, **changes: object) -> SplitAssignment:
    """What is decided of the rows, in the order of their ids."""
    return assign_splits(
        RowsInMemory(table), settings=SplitSettings(**changes), seed=seed, reject="irrelevant"
    )


def dealt(table: pa.Table, seed: int = 1, **changes: object) -> dict[str, str]:
    names = assigned(table, seed, **changes).names().to_pylist()
    return dict(zip(sorted(table.column("id").to_pylist()), names, strict=True))
