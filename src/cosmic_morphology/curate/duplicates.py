"""Copies of one picture: candidates by hash, proof by pixels, the largest original kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, Progress, Stamp, fingerprint
from cosmic_morphology.curate.duplicates_candidates import same_bytes
from cosmic_morphology.curate.duplicates_keys import pairs_by_keys
from cosmic_morphology.curate.duplicates_match import SAME, Pose, poses_between
from cosmic_morphology.curate.duplicates_neighbours import near_embeddings
from cosmic_morphology.curate.duplicates_quick import MIN_FINE, SIDE_PX, Small, likeness, small
from cosmic_morphology.curate.duplicates_turns import near_turned_hashes
from cosmic_morphology.curate.duplicates_verify import best_agreement
from cosmic_morphology.curate.fingerprints import (
    COLUMN,
    Blobs,
    fill_fingerprints,
    fingerprint_pictures,
    unpack_all,
)
from cosmic_morphology.curate.unionfind import UnionFind
from cosmic_morphology.imaging import read_thumbnail
from cosmic_morphology.settings import CurateSettings

STAGE = "duplicate"
CODE = "3"
_BATCH = 512
# Small pictures are cheap to keep: fewer are read again for the next pairs.
_QUICK_BATCH = 2048
# Pairs that share less than this of their rare keys are not looked at.
MIN_SHARED = 0.7
# From so many blobs on, one more has to agree: 2, 3, 4, then 5.
FEW_BLOBS = (24, 36, 48)
EXACT, NEAR = "same bytes", "same picture"


@dataclass(frozen=True, slots=True)
class DuplicateSummary:
    """What :func:`find_duplicates` did.

    Attributes
    ----------
    pictures : int
        Pictures that were compared.
    duplicates : int
        Pictures that are not the best copy of theirs.
    groups : int
        Pictures that have copies.
    kinds : dict of str to int
        Copies by reason.
    candidates, confirmed : int
        Pairs that were looked at, and that were copies.
    changed : bool
        False when everything was up to date already.
    """

    pictures: int = 0
    duplicates: int = 0
    groups: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    candidates: int = 0
    confirmed: int = 0
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Copies:
    """Pairs of rows that are copies of one picture.

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


def find_duplicates(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    embedding_column: str | None = None,
    progress: Progress | None = None,
) -> DuplicateSummary:
    """Write ``duplicate_score``, ``duplicate_flag``, ``duplicate_reason`` and ``duplicate_of``.

    Parameters
    ----------
    atlas : Atlas
        Read (hashes, thumbnails) and written.
    settings : CurateSettings
        ``duplicate_*``.
    embedding_column : str, optional
        A column of embeddings whose neighbours are compared, too.
    progress : callable, optional
        Called with pairs looked at and pairs in all.
    """
    ids = atlas.ids()
    seen = atlas.pictures(ids, ["id", "sha256", "phash", "width", "height"])
    sources = _sources(atlas, ids)
    stamp = Stamp(
        STAGE,
        {
            **{k: v for k, v in settings.model_dump().items() if k.startswith("duplicate_")},
            "embedding": embedding_column or "",
        },
        CODE,
        inputs=fingerprint(ids, seen.column("sha256").to_pylist(), sources),
    )
    if stamp.is_current(atlas.stamp_of("duplicate_of")):
        return _summary(atlas, changed=False)
    if settings.duplicate_search == "thorough":
        fill_fingerprints(atlas)
    copies = find_copies(
        atlas,
        ids,
        seen,
        settings=settings,
        embedding_column=embedding_column,
        progress=progress,
    )
    atlas.replace_columns(_columns(ids, seen, sources, copies), stamp)
    return _summary(atlas, copies, changed=True)


def find_copies(
    atlas: Atlas,
    ids: list[str],
    seen: pa.Table,
    *,
    settings: CurateSettings,
    embedding_column: str | None = None,
    progress: Progress | None = None,
) -> Copies:
    """Pairs of the given pictures that are copies; nothing is written.

    Local fingerprints are read where the atlas has them and made here where it has not.
    """
    exact = same_bytes(np.array(seen.column("sha256").to_pylist(), dtype=str))
    near = near_turned_hashes(hashes_of(seen), max_bits=settings.duplicate_bits)
    thorough = settings.duplicate_search == "thorough"
    blobs, starts = unpack_all(_fingerprints(atlas, ids)) if thorough else (None, None)
    ways, promise = [near], [np.full(len(near), np.inf)]
    if blobs is not None and starts is not None:
        shared, weight = pairs_by_keys(blobs.code, starts)
        ways.append(shared[weight >= MIN_SHARED])
        promise.append(weight[weight >= MIN_SHARED])
    if embedding_column:
        vectors = _embeddings(atlas, ids, embedding_column)
        close = near_embeddings(vectors, min_cosine=settings.duplicate_min_cosine)
        ways.append(close)
        promise.append(np.zeros(len(close)))
    alone = np.ones(len(ids), bool)
    alone[exact[:, 1]] = False
    pairs = _by_promise(np.concatenate(ways), np.concatenate(promise))
    # Of equal bytes one picture is compared; the others are tied to it already.
    pairs = pairs[alone[pairs].all(axis=1)]
    framed = {tuple(pair) for pair in near.tolist()}
    tied = UnionFind(len(ids))
    found: list[list[int]] = []
    scores: list[float] = []
    batch = _BATCH if thorough else _QUICK_BATCH
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        # Copies of one copy are copies: the most promising pairs spare the others.
        part = part[[tied.find(one) != tied.find(other) for one, other in part.tolist()]]
        if blobs is not None and starts is not None:
            verified = _verified_thoroughly(atlas, ids, part, blobs, starts, framed, tied)
        else:
            verified = _verified_quickly(atlas, ids, part)
        for one, other, score in verified:
            tied.union(one, other)
            found.append([one, other])
            scores.append(score)
        if progress:
            progress(min(start + batch, len(pairs)), len(pairs))
    both = np.array([*exact.tolist(), *found], dtype=np.int64).reshape(-1, 2)
    likeness_of = np.array([1.0] * len(exact) + scores, dtype=np.float32)
    return Copies(both, likeness_of, len(exact) + len(pairs))


def _by_promise(pairs: np.ndarray, promise: np.ndarray) -> np.ndarray:
    """Each pair once, the smaller row first; the most promising first, then in order of rows."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -promise))
    pairs = np.sort(pairs[order], axis=1)
    first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
    return np.asarray(pairs[first])


def _verified_quickly(
    atlas: Atlas, ids: list[str], pairs: np.ndarray
) -> Iterator[tuple[int, int, float]]:
    looks = _smalls(atlas, ids, pairs)
    for one, other in pairs.tolist():
        score = likeness(looks[one], looks[other])
        if score >= MIN_FINE:
            yield one, other, score


def _verified_thoroughly(
    atlas: Atlas,
    ids: list[str],
    pairs: np.ndarray,
    blobs: Blobs,
    starts: np.ndarray,
    framed: set[tuple[int, ...]],
    tied: UnionFind,
) -> Iterator[tuple[int, int, float]]:
    posed = [
        (one, other, poses)
        for one, other in pairs.tolist()
        if (poses := _poses(blobs, starts, one, other, framed=(one, other) in framed))
    ]
    laid = np.array([each[:2] for each in posed], dtype=np.int64).reshape(-1, 2)
    pixels = _pixels(atlas, ids, laid, size_px=256)
    for one, other, poses in posed:
        if tied.find(one) == tied.find(other):
            continue
        agreement = best_agreement(pixels[one], pixels[other], poses)
        if agreement is not None and agreement.is_copy:
            yield one, other, agreement.likeness


def _fingerprints(atlas: Atlas, ids: list[str]) -> pa.ChunkedArray:
    stored = atlas.read(["id", COLUMN])
    known = dict(
        zip(stored.column("id").to_pylist(), stored.column(COLUMN).to_pylist(), strict=True)
    )
    lacking = [each for each in ids if known.get(each) is None]
    for start in range(0, len(lacking), _BATCH):
        part = lacking[start : start + _BATCH]
        made = fingerprint_pictures(atlas.pictures(part, ["id", "thumbnail"]))
        known.update(zip(part, made.column(COLUMN).to_pylist(), strict=True))
    return pa.chunked_array([pa.array([known[each] for each in ids], pa.binary())])


def _poses(blobs: Blobs, starts: np.ndarray, one: int, other: int, *, framed: bool) -> list[Pose]:
    first, second = (blobs.part(starts[row], starts[row + 1]) for row in (one, other))
    # In a picture with few blobs two that agree are worth a look; among many, some do by chance.
    least = int(np.searchsorted(FEW_BLOBS, min(len(first), len(second)), "right")) + 2
    found = [pose for pose in poses_between(first, second) if pose.support >= least]
    return [SAME, *found] if framed else found


def hashes_of(seen: pa.Table) -> np.ndarray:
    """Perceptual hashes as uint64, shape ``(N,)``."""
    flat = seen.column("phash").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat.reshape(-1, 8)).view(">u8").ravel().astype(np.uint64)


def _embeddings(atlas: Atlas, ids: list[str], column: str) -> np.ndarray:
    """Embeddings in the order of ``ids``, float32 of shape ``(N, D)``; NaN where there is none."""
    stored = atlas.read(["id", column], where=f"`{column}` IS NOT NULL")
    flat = stored.column(column).combine_chunks().flatten().to_numpy(zero_copy_only=False)
    width = len(flat) // max(stored.num_rows, 1)
    vectors = np.full((len(ids), max(width, 1)), np.nan, np.float32)
    at = {each: row for row, each in enumerate(ids)}
    for each, vector in zip(
        stored.column("id").to_pylist(), flat.reshape(stored.num_rows, -1), strict=True
    ):
        if each in at:
            vectors[at[each]] = vector
    return vectors


def _smalls(atlas: Atlas, ids: list[str], pairs: np.ndarray) -> dict[int, Small]:
    rows = np.unique(pairs).tolist()
    taken = atlas.pictures([ids[row] for row in rows], ["thumbnail"]).column("thumbnail")
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(zip(rows, threads.map(_small, taken.to_pylist()), strict=True))


def _small(thumbnail: bytes) -> Small:
    return small(read_thumbnail(thumbnail, size=SIDE_PX))


def _pixels(
    atlas: Atlas, ids: list[str], pairs: np.ndarray, *, size_px: int
) -> dict[int, np.ndarray]:
    rows = np.unique(pairs).tolist()
    taken = atlas.pictures([ids[row] for row in rows], ["thumbnail"]).column("thumbnail")
    return {
        row: read_thumbnail(data.as_py(), size=size_px)
        for row, data in zip(rows, taken, strict=True)
    }


def _sources(atlas: Atlas, ids: list[str]) -> list[str]:
    light = atlas.read(["id", "source"])
    source = dict(
        zip(light.column("id").to_pylist(), light.column("source").to_pylist(), strict=True)
    )
    return [source[each] or "" for each in ids]


def _columns(ids: list[str], seen: pa.Table, sources: list[str], copies: Copies) -> pa.Table:
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


# Archives give credit, licence and texts with a picture; folders give none.
ARCHIVES = frozenset({"nasa", "apod", "eso", "esahubble", "esawebb", "noirlab", "commons"})


def _summary(atlas: Atlas, copies: Copies | None = None, *, changed: bool) -> DuplicateSummary:
    rows = atlas.read(["id", "duplicate_flag", "duplicate_reason", "duplicate_of"])
    flags = rows.column("duplicate_flag").to_pylist()
    reasons = rows.column("duplicate_reason").to_pylist()
    originals = rows.column("duplicate_of").to_pylist()
    return DuplicateSummary(
        pictures=sum(flag is not None for flag in flags),
        duplicates=sum(bool(flag) for flag in flags),
        groups=len({of for of, flag in zip(originals, flags, strict=True) if flag}),
        kinds=dict(Counter(r.partition(" as ")[0] for r in reasons if r)),
        candidates=copies.candidates if copies else 0,
        confirmed=len(copies.pairs) if copies else 0,
        changed=changed,
    )
