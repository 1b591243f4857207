"""Copies of one image: candidates by hash, proof by pixels, the largest original kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import (
    Atlas,
    ColumnProvenance,
    content_hash,
    embedding_column_for,
    embedding_columns,
)
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.candidates import same_bytes
from cosmic_morphology.curate.duplicates.columns import (
    FOUND,
    Copies,
    decide_copies,
    write_found,
)
from cosmic_morphology.curate.duplicates.hash_index import (
    near_reoriented_hashes,
    pairs_within_hamming,
)
from cosmic_morphology.curate.duplicates.keypoints import fill_keypoints
from cosmic_morphology.curate.duplicates.neighbours import near_embeddings
from cosmic_morphology.curate.duplicates.passes import neighbour_passes, quick_pass, thorough_passes
from cosmic_morphology.curate.duplicates.seen import SeenImages, read_seen
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.suggest import suggest_names

STAGE = "duplicate"
CODE = "7"
# Instead of the name of a column of embeddings.
ANY, NONE = "any", "none"


@dataclass(frozen=True, slots=True, repr=False)
class DuplicateResult(Shown):
    """What :func:`find_duplicates` did.

    Attributes
    ----------
    images : int
        Images that were compared.
    duplicates : int
        Images that are not the best copy of theirs.
    groups : int
        Images that have copies.
    kinds : dict of str to int
        Copies by reason.
    candidates, confirmed : int
        Pairs that were looked at, and that were copies.
    changed : bool
        False when everything was up to date already.
    """

    images: int = 0
    duplicates: int = 0
    groups: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    candidates: int = 0
    confirmed: int = 0
    changed: bool = True


def find_duplicates(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> DuplicateResult:
    """Write ``copies_found`` and, with what people say of pairs, the columns ``duplicate_*``.

    Parameters
    ----------
    atlas : Atlas
        Read (hashes, thumbnails) and written.
    settings : CurateSettings
        ``duplicate_*``.
    progress : callable, optional
        Called with pairs looked at and pairs in all.
    engine : Engine, optional
        Where keypoints are found, if they are needed; without it on this machine.

    Raises
    ------
    UsageError
        There is no such column.

    Examples
    --------
    >>> find_duplicates(atlas, settings=cosmic.load_settings().curate).images
    24
    """
    column = compared_column(atlas, settings.duplicates.embedding)
    seen = read_seen(atlas)
    stamp = ColumnProvenance(
        STAGE,
        {**settings.duplicates.model_dump(), "embedding": column},
        CODE,
        inputs=content_hash(seen.fingerprint, *_state(atlas, column)),
    )
    if stamp.is_current(atlas.provenance_of(FOUND)):
        return _summary(atlas, changed=decide_copies(atlas, seen))
    if settings.duplicates.search == "thorough" or column:
        fill_keypoints(atlas, engine=engine)
    copies = find_copies(atlas, seen, settings=settings, progress=progress)
    write_found(atlas, seen, copies, stamp)
    decide_copies(atlas, seen)
    return _summary(atlas, copies, changed=True)


def find_copies(
    atlas: Atlas,
    seen: SeenImages,
    *,
    settings: CurateSettings,
    side: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Copies:
    """Pairs of the given images that are copies; nothing is written.

    Keypoints are read where the atlas has them and made here where it has not.

    Parameters
    ----------
    atlas, settings, progress
        As :func:`find_duplicates` has them.
    seen : SeenImages
        The N images.
    side : ndarray of int, shape ``(N,)``, optional
        Two images of one side are passed over; -1 is none.
    """
    ids, hashes = seen.ids, seen.phash
    exact = same_bytes(seen.content)
    close = np.empty((0, 2), np.int64)
    column = compared_column(atlas, settings.duplicates.embedding)
    if column:
        vectors = _embeddings(atlas, ids, column)
        close = near_embeddings(vectors, min_cosine=settings.duplicates.min_cosine)
    reoriented = near_reoriented_hashes(hashes, max_bits=settings.duplicates.max_hash_distance_bits)
    if settings.duplicates.search == "thorough":
        framed = pairs_within_hamming(hashes, max_bits=settings.duplicates.max_hash_distance_bits)
        rounds = thorough_passes(atlas, seen, framed=framed, reoriented=reoriented, close=close)
    else:
        rounds = [quick_pass(atlas, seen, reoriented)]
        if len(close):
            rounds += neighbour_passes(atlas, seen, close)
    alone = np.ones(len(ids), bool)
    alone[exact[:, 1]] = False
    tied = UnionFind(len(ids))
    found: list[tuple[int, int]] = []
    scores: list[float] = []
    looked = 0
    for each in rounds:
        # Of equal bytes one image is compared; the others are tied to it already.
        pairs = each.pairs[alone[each.pairs].all(axis=1)]
        if side is not None:
            one_side, other_side = side[pairs].T
            pairs = pairs[(one_side != other_side) | (one_side < 0)]
        for start in range(0, len(pairs), each.batch):
            part = pairs[start : start + each.batch]
            # Copies of one copy are copies: the most promising pairs spare the others.
            part = part[[tied.find(one) != tied.find(other) for one, other in part.tolist()]]
            for one, other, score in each.verify(part, tied):
                tied.union(one, other)
                found.append((one, other))
                scores.append(score)
            if progress:
                progress(looked + min(start + each.batch, len(pairs)), looked + len(pairs))
        looked += len(pairs)
    both = np.array([*exact.tolist(), *found], dtype=np.int64).reshape(-1, 2)
    likeness_of = np.array([1.0] * len(exact) + scores, dtype=np.float32)
    return Copies(both, likeness_of, len(exact) + looked)


def compared_column(atlas: Atlas, column: str) -> str:
    """The column of embeddings to compare; an empty name where there is none or none is wanted."""
    there = embedding_columns(atlas)
    if column in ("", NONE):
        return ""
    if column == ANY:
        return embedding_column_for(atlas)
    if column in there:
        return column
    raise UsageError(
        f"there is no column {column!r}, whose neighbours are to be compared",
        where=atlas.uri,
        todo=f"Run `cosmic embed`, or name another. {suggest_names(column, there)}",
    )


def _state(atlas: Atlas, column: str) -> tuple[object, ...]:
    if not column:
        return ()
    stamp = sorted(str(each) for each in atlas.provenance_of(column).items())
    return stamp, atlas.count_filled(column)


def _embeddings(atlas: Atlas, ids: pa.Array, column: str) -> np.ndarray:
    """Embeddings in the order of ``ids``, float32 of shape ``(N, D)``; NaN where there is none."""
    places = KeyPlaces(ids)
    width = atlas.table("images").schema.field(column).type.list_size
    vectors = np.full((len(ids), width), np.nan, np.float32)
    for rows in stream(atlas, ["id", column], f"`{column}` IS NOT NULL", table="images"):
        at = places.find(rows.column("id")).fill_null(-1).to_numpy()
        flat = rows.column(column).flatten().to_numpy(zero_copy_only=False)
        vectors[at[at >= 0]] = flat.reshape(-1, width)[at >= 0]
    return vectors


def _summary(atlas: Atlas, copies: Copies | None = None, *, changed: bool) -> DuplicateResult:
    rows = atlas.read(["id", "duplicate_flag", "duplicate_reason", "duplicate_of"])
    copies_of = rows.filter(rows.column("duplicate_flag").fill_null(False))
    kinds = pc.split_pattern(copies_of.column("duplicate_reason"), " as ", max_splits=1)
    return DuplicateResult(
        images=rows.num_rows - rows.column("duplicate_flag").null_count,
        duplicates=copies_of.num_rows,
        groups=len(pc.unique(copies_of.column("duplicate_of"))),
        kinds=dict(Counter(pc.list_element(kinds, 0).to_pylist())),
        candidates=copies.candidates if copies else 0,
        confirmed=len(copies.pairs) if copies else 0,
        changed=changed,
    )
