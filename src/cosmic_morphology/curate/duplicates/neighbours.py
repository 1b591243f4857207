"""Pairs of images with near embeddings, through Lance's vector index."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa

from cosmic_morphology.curate.duplicates.candidates import unique_pairs

# Fewer rows than this are searched without an index, which is exact.
MIN_INDEXED = 4096
_PROBES = 8
# Neighbours of each row that are looked at.
_NEIGHBOURS = 8
_QUERIES_AT_ONCE = 1024


def near_embeddings(vectors: np.ndarray, *, min_cosine: float) -> np.ndarray:
    """Pairs of rows among each other's nearest neighbours whose cosine is large enough.

    Parameters
    ----------
    vectors : ndarray of float32, shape ``(N, D)``
        Rows that are not finite, or zero, have no neighbours.
    min_cosine : float
        Least cosine of a pair.

    Returns
    -------
    ndarray of int64, shape ``(M, 2)``
        Each pair once, the smaller row first, sorted.

    Notes
    -----
    The vectors go to a scratch table: an index in the atlas would be one more thing to keep
    current, and a certificate must not write. From ``MIN_INDEXED`` rows on, Lance's IVF index
    with eight probes is asked; it may miss a neighbour.
    """
    usable = np.flatnonzero(np.isfinite(vectors).all(axis=1) & (np.abs(vectors).sum(axis=1) > 0))
    if len(usable) < 2:
        return np.empty((0, 2), np.int64)
    found = [np.empty((0, 2), np.int64)]
    with tempfile.TemporaryDirectory(prefix="cosmic-neighbours-") as folder:
        dataset = _indexed(vectors, usable, Path(folder))
        for queries, nearest in _nearest(dataset, vectors, usable):
            near = 1.0 - nearest.column("_distance").to_numpy() >= min_cosine
            one = queries[nearest.column("query_index").to_numpy()[near]]
            other = nearest.column("row").to_numpy()[near]
            found.append(np.stack([one, other], axis=1).astype(np.int64))
    return unique_pairs(np.concatenate(found))


def _indexed(vectors: np.ndarray, usable: np.ndarray, folder: Path) -> lance.LanceDataset:
    width = vectors.shape[1]
    flat = pa.array(np.ascontiguousarray(vectors[usable], np.float32).ravel())
    table = pa.table(
        {"row": pa.array(usable), "vector": pa.FixedSizeListArray.from_arrays(flat, width)}
    )
    dataset = lance.write_dataset(table, str(folder / "vectors.lance"))
    if len(usable) >= MIN_INDEXED:
        dataset.create_index(
            "vector", "IVF_FLAT", metric="cosine", num_partitions=int(np.sqrt(len(usable)))
        )
    return dataset


def _nearest(
    dataset: lance.LanceDataset, vectors: np.ndarray, usable: np.ndarray
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    for start in range(0, len(usable), _QUERIES_AT_ONCE):
        queries = usable[start : start + _QUERIES_AT_ONCE]
        nearest = {
            "column": "vector",
            "q": np.ascontiguousarray(vectors[queries], np.float32),
            "k": min(_NEIGHBOURS + 1, len(usable)),
            "nprobes": _PROBES,
            "metric": "cosine",
        }
        yield queries, dataset.to_table(columns=["row", "_distance"], nearest=nearest)
