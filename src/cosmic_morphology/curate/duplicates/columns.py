"""From pairs of copies to the columns ``duplicate_*``: the largest original is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.seen import SeenImages

EXACT, NEAR = "same bytes", "same image"


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


def tie_more(atlas: Atlas, seen: SeenImages, copies: Copies) -> int:
    """Add copies that something else than the search has found to the columns ``duplicate_*``.

    The stamp stays: a search that finds nothing new to compare does not undo it.

    Returns
    -------
    int
        Images that are copies now and were none before.
    """
    places = KeyPlaces(seen.ids)
    pairs, scores = [copies.pairs], [copies.score]
    for rows in stream(atlas, ["id", "duplicate_of", "duplicate_score"]):
        ends = [places.find(rows.column(name)) for name in ("duplicate_of", "id")]
        of, own = (each.fill_null(-1).to_numpy().astype(np.int64) for each in ends)
        tied = (of >= 0) & (own >= 0) & (of != own)
        away = rows.column("duplicate_score").fill_null(0.0).to_numpy()
        pairs.append(np.stack([of, own], axis=1)[tied])
        scores.append((1.0 - away.astype(np.float64))[tied].astype(np.float32))
    before = sum(len(each) for each in pairs[1:])
    together = Copies(np.concatenate(pairs), np.concatenate(scores), copies.candidates)
    columns = duplicate_columns(seen, together)
    atlas.replace_columns(
        columns, ColumnProvenance.from_metadata(atlas.provenance_of("duplicate_of"))
    )
    return int(pc.sum(columns.column("duplicate_flag")).as_py() or 0) - before


def duplicate_columns(seen: SeenImages, copies: Copies) -> pa.Table:
    """The columns ``duplicate_*`` of all images.

    Parameters
    ----------
    seen : SeenImages
        The N images.
    copies : Copies
        Pairs of their rows.
    """
    n = len(seen.ids)
    sets = UnionFind(n)
    for one, other in copies.pairs.tolist():
        sets.union(one, other)
    best_score = np.zeros(n, np.float32)
    np.maximum.at(best_score, copies.pairs, copies.score[:, None])
    labels = sets.labels()
    # The largest original first; where two are as large, an archive before a folder, then what lost
    # nothing in compression. At last the order of ids, in which they stand.
    order = np.lexsort((~seen.lossless, ~seen.from_archive, -seen.area, labels))
    _, first, of_set = np.unique(labels[order], return_index=True, return_inverse=True)
    best = np.empty(n, np.int64)
    best[order] = order[first[of_set]]
    is_copy = best != np.arange(n)
    kept = seen.ids.take(pa.array(best))
    is_exact = pa.array(seen.content == seen.content[best])
    reason = pc.binary_join_element_wise(pc.if_else(is_exact, EXACT, NEAR), kept, " as ")
    score = np.where(is_copy, 1.0 - best_score.astype(np.float64), 1.0)
    return pa.table(
        {
            "id": seen.ids,
            "duplicate_score": pa.array(score).cast(pa.float32()),
            "duplicate_flag": pa.array(is_copy),
            "duplicate_reason": pc.if_else(pa.array(is_copy), reason, ""),
            "duplicate_of": kept,
        }
    )
