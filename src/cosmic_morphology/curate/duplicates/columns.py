"""From pairs of copies to the columns ``duplicate_*``: the largest original is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.components import UnionFind

EXACT, NEAR = "same bytes", "same image"
# Archives give credit, licence and texts with an image; folders give none.
ARCHIVES = frozenset({"nasa", "apod", "eso", "esahubble", "esawebb", "noirlab", "commons"})


@dataclass(frozen=True, slots=True)
class Copies:
    """Pairs of rows that are copies of one image.

    Attributes
    ----------
    pairs : ndarray of int64, shape ``(M, 2)``
    score : ndarray of float32, shape ``(M,)``
        Likeness in [0, 1]; 1 for equal bytes.
    candidates : int
        Pairs that were looked at.
    """

    pairs: np.ndarray
    score: np.ndarray
    candidates: int


def tie_more(atlas: Atlas, ids: list[str], copies: Copies) -> int:
    """Add copies that something else than the search has found to the columns ``duplicate_*``.

    The stamp stays: a search that finds nothing new to compare does not undo it.

    Returns
    -------
    int
        Images that are copies now and were none before.
    """
    seen = atlas.images(ids, ["id", "sha256", "width", "height"])
    at = {each: row for row, each in enumerate(ids)}
    known = atlas.read(["id", "duplicate_of", "duplicate_score"]).to_pylist()
    before = [
        (at[row["duplicate_of"]], at[row["id"]], 1.0 - (row["duplicate_score"] or 0.0))
        for row in known
        if row["id"] in at and row["duplicate_of"] in at and row["duplicate_of"] != row["id"]
    ]
    ties = [tie[:2] for tie in before], [tie[2] for tie in before]
    together = Copies(
        np.concatenate([np.array(ties[0], np.int64).reshape(-1, 2), copies.pairs]),
        np.concatenate([np.array(ties[1], np.float32), copies.score]),
        copies.candidates,
    )
    columns = duplicate_columns(ids, seen, sources_of(atlas, ids), together)
    atlas.replace_columns(
        columns, ColumnProvenance.from_metadata(atlas.provenance_of("duplicate_of"))
    )
    return int(sum(columns.column("duplicate_flag").to_pylist())) - len(before)


def sources_of(atlas: Atlas, ids: list[str]) -> list[str]:
    """The source of each image; empty where it is not known."""
    light = atlas.read(["id", "source"])
    at = pc.index_in(pa.array(ids, pa.string()), value_set=light.column("id").combine_chunks())
    found: list[str] = light.column("source").take(at).fill_null("").to_pylist()
    return found


def duplicate_columns(
    ids: list[str], seen: pa.Table, sources: list[str], copies: Copies
) -> pa.Table:
    """The columns ``duplicate_*`` of all images.

    Parameters
    ----------
    ids : list of str
        The images.
    seen : pyarrow.Table
        Their ``sha256``, ``width`` and ``height``, in the same order.
    sources : list of str
        Where each is from.
    copies : Copies
        Pairs of their rows.
    """
    sets = UnionFind(len(ids))
    for one, other in copies.pairs.tolist():
        sets.union(one, other)
    best_score = np.zeros(len(ids), np.float32)
    np.maximum.at(best_score, copies.pairs, copies.score[:, None])
    labels = sets.labels()
    area = seen.column("width").to_numpy().astype(np.int64) * seen.column("height").to_numpy()
    names = pa.array(ids, pa.string())
    by_name = np.asarray(pc.rank(names))
    from_archive = np.isin(np.array(sources, dtype=object), list(ARCHIVES))
    # The largest original first; where two are as large, an archive before a folder.
    order = np.lexsort((by_name, ~from_archive, -area, labels))
    _, first, of_set = np.unique(labels[order], return_index=True, return_inverse=True)
    best = np.empty(len(ids), np.int64)
    best[order] = order[first[of_set]]
    is_copy = best != np.arange(len(ids))
    kept = names.take(pa.array(best))
    sha = seen.column("sha256").combine_chunks()
    is_exact = pc.equal(sha, sha.take(pa.array(best)))
    reason = pc.binary_join_element_wise(pc.if_else(is_exact, EXACT, NEAR), kept, " as ")
    score = np.where(is_copy, 1.0 - best_score.astype(np.float64), 1.0)
    return pa.table(
        {
            "id": names,
            "duplicate_score": pa.array(score).cast(pa.float32()),
            "duplicate_flag": pa.array(is_copy),
            "duplicate_reason": pc.if_else(pa.array(is_copy), reason, ""),
            "duplicate_of": kept,
        }
    )
