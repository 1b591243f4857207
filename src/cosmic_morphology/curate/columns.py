"""Columns of vectors as matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas


def matrix(atlas: Atlas, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A column of N vectors, float32 of shape ``(N, D)`` by id; rows of ``nan`` were not filled."""
    column = atlas.read(["id", name]).sort_by("id").column(name).combine_chunks()
    size = column.type.list_size
    out = np.full((len(column), size), np.nan, dtype=np.float32)
    there = np.asarray(column.is_valid())
    flat = column.drop_null().flatten().to_numpy(zero_copy_only=False)
    out[there] = flat.reshape(-1, size)
    return out
