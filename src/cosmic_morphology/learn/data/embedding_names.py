"""What a column of embeddings is called, what it depends on, and how it is read; without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.atlas.embeddings import LEVELS_PREFIX
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.learn.models.presets import timm_name

# Raise it when the same image and weights give another embedding.
_CODE = "2"
# So many are looked up one by one; for more the whole column is read.
_FEW = 1000


def embedding_column(backbone: str) -> str:
    """The column of a backbone's embeddings; a tag's dot cannot be in a column name."""
    return f"embedding_{timm_name(backbone).replace('.', '_')}"


def levels_column(backbone: str) -> str:
    """The column of what a backbone's middle stages see, too."""
    return f"{LEVELS_PREFIX}{timm_name(backbone).replace('.', '_')}"


def stamp_of_embedding(parameters: Mapping[str, Any]) -> ColumnProvenance:
    """Everything that an embedding depends on, from the parameters that a run keeps."""
    return ColumnProvenance("embed", dict(parameters), code=_CODE)


def read_embeddings(atlas: Atlas, column: str, ids: Sequence[str]) -> np.ndarray:
    """A column of embeddings as float32 of shape ``(N, F)``, in the order of ``ids``."""
    where = f"`{column}` IS NOT NULL"
    if 0 < len(ids) <= _FEW:
        where = f"{where} AND id IN ({', '.join(map(sql_literal, ids))})"
    table = atlas.read(["id", column], where=where, table="images")
    at = {each: row for row, each in enumerate(table.column("id").to_pylist())}
    matrix = as_matrix(table.column(column).combine_chunks())
    return matrix[[at[each] for each in ids]]


def directions(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1: how strongly a network answers says little of what it sees."""
    vectors = np.nan_to_num(vectors)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found


def as_matrix(vectors: pa.FixedSizeListArray) -> np.ndarray:
    """Vectors without nulls as float32 of shape ``(N, F)``."""
    flat = vectors.flatten().to_numpy(zero_copy_only=False)
    matrix: np.ndarray = flat.reshape(-1, vectors.type.list_size).astype(np.float32)
    return matrix
