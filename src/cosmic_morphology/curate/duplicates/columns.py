"""From pairs of copies to the columns ``duplicate_*``: the largest original is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

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
    source = dict(
        zip(light.column("id").to_pylist(), light.column("source").to_pylist(), strict=True)
    )
    return [source[each] or "" for each in ids]


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
    best_score = np.zeros(len(ids), np.float32)
    for (one, other), score in zip(copies.pairs.tolist(), copies.score.tolist(), strict=True):
        sets.union(one, other)
        best_score[one] = max(best_score[one], score)
        best_score[other] = max(best_score[other], score)
    area = (
        seen.column("width").to_numpy().astype(np.int64) * seen.column("height").to_numpy()
    ).tolist()
    labels = sets.labels().tolist()
    keeper: dict[int, int] = {}
    for row, label in enumerate(labels):
        now = keeper.get(label)
        if now is None or _rank(row, area, sources, ids) < _rank(now, area, sources, ids):
            keeper[label] = row
    sha = seen.column("sha256").to_pylist()
    flag = [keeper[label] != row for row, label in enumerate(labels)]
    best = [keeper[label] for label in labels]
    reason = [
        f"{EXACT if sha[row] == sha[best[row]] else NEAR} as {ids[best[row]]}" if copy else ""
        for row, copy in enumerate(flag)
    ]
    score = [1.0 - float(best_score[row]) if copy else 1.0 for row, copy in enumerate(flag)]
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "duplicate_score": pa.array(score, pa.float32()),
            "duplicate_flag": pa.array(flag, pa.bool_()),
            "duplicate_reason": pa.array(reason, pa.string()),
            "duplicate_of": pa.array([ids[row] for row in best], pa.string()),
        }
    )


def _rank(row: int, area: list[int], sources: list[str], ids: list[str]) -> tuple[int, int, str]:
    """The largest original first; where two are as large, an archive before a folder."""
    from_archive = 0 if sources[row] in ARCHIVES else 1
    return (-area[row], from_archive, ids[row])
