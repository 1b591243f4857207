"""From pairs of copies and people's word to the columns ``duplicate_*``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas, ColumnProvenance, content_hash
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.components import PartedSets
from cosmic_morphology.curate.duplicates.seen import SeenImages, read_seen
from cosmic_morphology.curate.review.pairs import PairsSaid, pairs_said

FOUND = "copies_found"
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
    """Add copies that something else than the search has found to the columns.

    The stamp of the search stays: one that finds nothing new to compare does not undo it.

    Returns
    -------
    int
        Images that are copies now and were none before.
    """
    before = atlas.count("catalogue", "duplicate_flag = true")
    known = read_found(atlas, seen)
    together = Copies(
        np.concatenate([copies.pairs, known.pairs]),
        np.concatenate([copies.score, known.score]),
        copies.candidates,
    )
    write_found(atlas, seen, together, ColumnProvenance.from_metadata(atlas.provenance_of(FOUND)))
    decide_copies(atlas, seen)
    return atlas.count("catalogue", "duplicate_flag = true") - before


def write_found(atlas: Atlas, seen: SeenImages, copies: Copies, stamp: ColumnProvenance) -> None:
    """Note what the search has found, before any person's word."""
    found: dict[int, dict[int, float]] = {}
    for (one, other), score in zip(copies.pairs.tolist(), copies.score.tolist(), strict=True):
        of = found.setdefault(one, {})
        of[other] = max(score, of.get(other, 0.0))
    others = [each for at in range(len(seen.ids)) for each in found.get(at, {}).items()]
    ends = np.cumsum([0, *(len(found.get(at, ())) for at in range(len(seen.ids)))])
    pairs = pa.StructArray.from_arrays(
        [
            seen.ids.take(pa.array([at for at, _ in others], pa.int64())),
            pa.array([score for _, score in others], pa.float32()),
        ],
        ["id", "likeness"],
    )
    column = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pairs)
    atlas.replace_columns(pa.table({"id": seen.ids, FOUND: column}), stamp)


def read_found(atlas: Atlas, seen: SeenImages) -> Copies:
    """What the search has found, in the order of the images."""
    places = KeyPlaces(seen.ids)
    ends, scores = [np.empty((0, 2), np.int64)], [np.empty(0, np.float32)]
    for rows in stream(atlas, ["id", FOUND], f"{FOUND} IS NOT NULL"):
        lists = rows.column(FOUND)
        of = rows.column("id").take(pc.list_parent_indices(lists))
        said = pc.list_flatten(lists)
        both = [places.find(each) for each in (of, pc.struct_field(said, "id"))]
        pairs = np.stack([each.fill_null(-1).to_numpy() for each in both], axis=1)
        there = (pairs >= 0).all(axis=1)
        ends.append(pairs[there].astype(np.int64))
        scores.append(pc.struct_field(said, "likeness").to_numpy(zero_copy_only=False)[there])
    pairs, score = np.concatenate(ends), np.concatenate(scores)
    # Where people part some, the surest of the others hold first.
    order = np.lexsort((*pairs.T[::-1], -score))
    return Copies(pairs[order], score[order], 0)


def decide_copies(atlas: Atlas, seen: SeenImages | None = None) -> bool:
    """Write ``duplicate_*`` from what the search found and what people say of pairs.

    Returns
    -------
    bool
        Whether anything was written.
    """
    said = pairs_said(atlas)
    seen = seen or read_seen(atlas)
    found = read_found(atlas, seen)
    search = ColumnProvenance.from_metadata(atlas.provenance_of(FOUND))
    digest = hashlib.sha256(found.pairs.tobytes() + found.score.tobytes()).hexdigest()
    stamp = ColumnProvenance(
        search.stage,
        {**search.parameters, "verdicts": said.key},
        search.code,
        inputs=content_hash(seen.fingerprint, digest),
    )
    if stamp.is_current(atlas.provenance_of("duplicate_of")):
        return False
    atlas.replace_columns(duplicate_columns(seen, found, said), stamp)
    return True


def knows_pairs_said(atlas: Atlas) -> bool:
    """Whether ``duplicate_*`` knows what people say of pairs, as far as copies were searched."""
    written = ColumnProvenance.from_metadata(atlas.provenance_of("duplicate_of"))
    return not written.stage or written.parameters.get("verdicts") == pairs_said(atlas).key


def without_apart(atlas: Atlas, seen: SeenImages, copies: Copies) -> Copies:
    """Pairs that no person has parted: neither these images nor copies of theirs."""
    apart = pairs_said(atlas).apart
    if not apart or not len(copies.pairs):
        return copies
    of = {id_: id_ for pair in apart for id_ in pair}
    ids = seen.ids.take(pa.array(np.unique(copies.pairs))).to_pylist()
    asked = sorted({*ids, *of})
    for row in take(atlas, asked, ["id", "duplicate_of"]).to_pylist():
        of[row["id"]] = row["duplicate_of"] or row["id"]
    parted = {frozenset(of[id_] for id_ in pair) for pair in apart}
    names = [seen.ids.take(pa.array(copies.pairs[:, side])).to_pylist() for side in (0, 1)]
    stays = np.array(
        [frozenset((of[one], of[other])) not in parted for one, other in zip(*names, strict=True)]
    )
    return Copies(copies.pairs[stays], copies.score[stays], copies.candidates)


def duplicate_columns(seen: SeenImages, copies: Copies, said: PairsSaid) -> pa.Table:
    """The columns ``duplicate_*`` of all images.

    Parameters
    ----------
    seen : SeenImages
        The N images.
    copies : Copies
        Pairs of their rows.
    said : PairsSaid
        What people say, which counts more: what is not the same stands in no set together, nor
        through a third image, and what is to be kept is.
    """
    n = len(seen.ids)
    same, apart = _places(seen, said.same), _places(seen, said.apart)
    sets = PartedSets(n, apart.tolist())
    best_score = np.zeros(n, np.float32)
    scores = [*np.ones(len(same)), *copies.score.tolist()]
    for (one, other), score in zip([*same.tolist(), *copies.pairs.tolist()], scores, strict=True):
        if sets.union(one, other):
            best_score[[one, other]] = np.maximum(best_score[[one, other]], score)
    favoured = np.zeros(n, np.int64)
    kept = _places(seen, [(id_, id_) for id_ in said.kept])[:, 0]
    favoured[kept] = np.arange(1, len(kept) + 1)
    labels = sets.labels()
    # What a person keeps, then the largest original; where two are as large, an archive before a
    # folder, then what lost nothing in compression. At last the order of ids, in which they stand.
    order = np.lexsort((~seen.lossless, ~seen.from_archive, -seen.area, -favoured, labels))
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


def _places(seen: SeenImages, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Rows of pairs of ids, int64 of shape ``(M, 2)``; pairs of which one is gone are left out."""
    ids = pa.array([id_ for pair in pairs for id_ in pair], pa.string())
    found = np.asarray(KeyPlaces(seen.ids).find(ids).fill_null(-1), np.int64).reshape(-1, 2)
    return np.asarray(found[(found >= 0).all(axis=1)])
