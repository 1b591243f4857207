"""Reading columns of the catalogue: as matrices, and a batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, derived_field
from cosmic_morphology.taxonomy import Taxonomy

# Rows in memory at once: some 30 MB as Python objects, votes with their reasons.
_ROWS = 4096


def read_batches(atlas: Atlas, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of all records, a few thousand at a time, in the order of the table.

    Derived columns that nobody has written yet are null.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    columns : sequence of str
        Columns of the table; at least one of them is there.
    """
    opened = atlas.table("catalogue")
    there = [name for name in columns if name in opened.schema.names]
    empty = pa.schema([opened.schema.field(name) for name in there]).empty_table()
    batches = (pa.Table.from_batches([each]) for each in opened.to_batches(there, _ROWS))
    first = next(batches, empty)
    for rows in chain([first], batches):
        filled = rows
        for name in columns:
            if name not in there:
                field = derived_field(name, pa.null())
                filled = filled.append_column(field, pa.nulls(rows.num_rows, field.type))
        yield filled.select(list(columns))


def matrix(atlas: Atlas, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A column of N vectors, float32 of shape ``(N, D)`` by id; rows of ``nan`` were not filled."""
    column = atlas.read(["id", name]).sort_by("id").column(name).combine_chunks()
    size = column.type.list_size
    out = np.full((len(column), size), np.nan, dtype=np.float32)
    there = np.asarray(column.is_valid())
    flat = column.drop_null().flatten().to_numpy(zero_copy_only=False)
    out[there] = flat.reshape(-1, size)
    return out


def is_about(atlas: Atlas, column: str, taxonomy: Taxonomy) -> bool:
    """Whether a column of probabilities is there, and about the classes of this taxonomy."""
    if column not in atlas.columns():
        return False
    known = json.loads((atlas.provenance_of(column) or {}).get(b"parameters", b"{}"))
    return tuple(known.get("classes", ())) == taxonomy.names_with_reject
