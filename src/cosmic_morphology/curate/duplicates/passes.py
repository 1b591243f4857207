"""Rounds of the search for copies: which pairs are looked at, and who says that they are copies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.hash_index import near_forms
from cosmic_morphology.curate.duplicates.keypoint_index import FORMS, pairs_by_keys
from cosmic_morphology.curate.duplicates.keypoints import (
    COLUMN,
    Keypoints,
    fingerprint_images,
    unpack_all,
)
from cosmic_morphology.curate.duplicates.registration import best_agreement
from cosmic_morphology.curate.duplicates.similarity import ImageSimilarity
from cosmic_morphology.curate.duplicates.thumbnail_match import (
    MIN_FINE,
    SIDE_PX,
    ThumbnailFeatures,
    likeness,
    may_be_alike,
    smalls,
)
from cosmic_morphology.curate.duplicates.transforms import (
    IDENTITY,
    SimilarityTransform,
    estimate_transforms,
)
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import read_thumbnail

# Small images are cheap to keep: a quarter of a gigabyte spares reading them again.
_QUICK_BATCH, _KEPT = 4096, 8192
# Handing over an image alone takes as long as a tenth of its work.
_TASK = 16
# Somewhat more than makes a pair: hashes of turned images are told from others.
_NEAR_BITS = 12
_BATCH = 512
# Globes are neighbours by embedding and alike when they are small, whatever side they show. Chosen
# on the half for tuning: 63 of 77 copies are as alike, and 1 of 21 pairs that are none.
NEIGHBOURS_ALIKE = 0.93
# Pairs that share less than this of their rare keys are not looked at.
MIN_SHARED = 0.7
# From so many blobs on, one more has to agree: 2, 3, 4, then 5.
FEW_BLOBS = (24, 36, 48)
# With fewer an image is plain: compressed again it loses the little grain it had.
PLAIN_BLOBS = 48

Verified = Iterator[tuple[int, int, float]]
"""Rows of two images that are copies, and how alike they are."""


@dataclass(frozen=True, slots=True)
class VerificationPass:
    """One round of the search.

    Attributes
    ----------
    pairs : ndarray of int64, shape ``(M, 2)``
        Rows of the images, the most promising pairs first.
    verified : callable
        Given some of the pairs, and what is tied already, tells the copies among them.
    batch : int
        Pairs that are best given at once.
    """

    pairs: np.ndarray
    verify: Callable[[np.ndarray, UnionFind], Verified]
    batch: int


def quick_pass(
    atlas: Atlas,
    ids: list[str],
    hashes: np.ndarray,
    pairs: np.ndarray,
    *,
    least: float = MIN_FINE,
) -> VerificationPass:
    """Whole images beside each other, turned and mirrored: cheap, and blind to crops.

    Parameters
    ----------
    atlas, ids
        The images.
    hashes : ndarray of uint64, shape ``(N,)``
        They say which turns are worth a look.
    pairs : ndarray of int64, shape ``(M, 2)``
        The pairs.
    least : float
        Likeness of copies.
    """
    looks: dict[int, ThumbnailFeatures] = {}

    def verified(part: np.ndarray, _: UnionFind) -> Verified:
        _look(atlas, ids, part, looks)
        turns = may_be_alike(looks, part, near_forms(*hashes[part].T, max_bits=_NEAR_BITS))
        hopeful = np.flatnonzero(turns.any(axis=1))
        for (one, other), good in zip(part[hopeful].tolist(), turns[hopeful].tolist(), strict=True):
            forms = compress(FORMS, good)
            score = likeness(looks[one], looks[other], forms)
            if score >= least:
                yield one, other, score

    return VerificationPass(pairs, verified, _QUICK_BATCH)


def thorough_rounds(
    atlas: Atlas,
    ids: list[str],
    hashes: np.ndarray,
    *,
    framed: np.ndarray,
    turned: np.ndarray,
    close: np.ndarray,
) -> list[VerificationPass]:
    """Images laid over each other as their blobs say; plain ones are compared as they are.

    Parameters
    ----------
    atlas : Atlas
        Local fingerprints are read where it has them and made here where it has not.
    ids : list of str
        The images.
    hashes : ndarray of uint64, shape ``(N,)``
        Their perceptual hashes.
    framed, turned, close : ndarray of int64, shape ``(M, 2)``
        Pairs that may be of one framing, as they are or turned, and others that are looked at
        whatever their blobs say.
    """
    blobs, starts = unpack_all(_fingerprints(atlas, ids))
    plain = (np.diff(starts) < PLAIN_BLOBS)[turned].any(axis=1)
    shared, weight = pairs_by_keys(blobs.descriptor, starts)
    ways = [framed, shared[weight >= MIN_SHARED], close]
    promise = [np.full(len(framed), np.inf), weight[weight >= MIN_SHARED], np.zeros(len(close))]
    pairs = _by_promise(np.concatenate(ways), np.concatenate(promise))
    of_one_framing = {tuple(pair) for pair in framed.tolist()}
    return [
        quick_pass(atlas, ids, hashes, turned[plain]),
        _laid_over(atlas, ids, blobs, starts, pairs, of_one_framing),
    ]


def neighbour_passes(
    atlas: Atlas, ids: list[str], hashes: np.ndarray, pairs: np.ndarray
) -> list[VerificationPass]:
    """Neighbours among embeddings, also laid over each other as their blobs say: crops are seen.

    Most neighbours share no blobs and cost a millisecond.

    Parameters
    ----------
    atlas, ids
        The images; local fingerprints as :func:`thorough_rounds` has them.
    hashes : ndarray of uint64, shape ``(N,)``
        Their perceptual hashes.
    pairs : ndarray of int64, shape ``(M, 2)``
        The pairs.
    """
    blobs, starts = unpack_all(_fingerprints(atlas, ids))
    return [
        quick_pass(atlas, ids, hashes, pairs, least=NEIGHBOURS_ALIKE),
        _laid_over(atlas, ids, blobs, starts, pairs, set()),
    ]


def _laid_over(
    atlas: Atlas,
    ids: list[str],
    blobs: Keypoints,
    starts: np.ndarray,
    pairs: np.ndarray,
    of_one_framing: set[tuple[int, ...]],
) -> VerificationPass:
    def verified(part: np.ndarray, tied: UnionFind) -> Verified:
        posed = [
            (one, other, poses)
            for one, other in part.tolist()
            if (poses := _poses(blobs, starts, one, other, of_one_framing))
        ]
        laid = np.array([each[:2] for each in posed], dtype=np.int64).reshape(-1, 2)
        pixels = _pixels(atlas, ids, laid, size_px=256)

        def compared(pair: tuple[int, int, list[SimilarityTransform]]) -> ImageSimilarity | None:
            return best_agreement(pixels[pair[0]], pixels[pair[1]], pair[2])

        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
            for start in range(0, len(posed), _TASK):
                apart = [
                    pair
                    for pair in posed[start : start + _TASK]
                    if tied.find(pair[0]) != tied.find(pair[1])
                ]
                for (one, other, _), agreement in zip(
                    apart, threads.map(compared, apart), strict=True
                ):
                    if agreement is not None and agreement.is_copy:
                        yield one, other, agreement.similarity

    return VerificationPass(pairs, verified, _BATCH)


def _by_promise(pairs: np.ndarray, promise: np.ndarray) -> np.ndarray:
    """Each pair once, the smaller row first; the most promising first, then in order of rows."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -promise))
    pairs = np.sort(pairs[order], axis=1)
    first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
    return np.asarray(pairs[first])


def _poses(
    blobs: Keypoints, starts: np.ndarray, one: int, other: int, framed: set[tuple[int, ...]]
) -> list[SimilarityTransform]:
    first, second = (blobs.part(starts[row], starts[row + 1]) for row in (one, other))
    # In an image with few blobs two that agree are worth a look; among many, some do by chance.
    least = int(np.searchsorted(FEW_BLOBS, min(len(first), len(second)), "right")) + 2
    found = [pose for pose in estimate_transforms(first, second) if pose.inliers >= least]
    return [IDENTITY, *found] if (one, other) in framed else found


def _fingerprints(atlas: Atlas, ids: list[str]) -> pa.ChunkedArray:
    stored = atlas.read(["id", COLUMN])
    known = dict(
        zip(stored.column("id").to_pylist(), stored.column(COLUMN).to_pylist(), strict=True)
    )
    lacking = [each for each in ids if known.get(each) is None]
    for start in range(0, len(lacking), _BATCH):
        part = lacking[start : start + _BATCH]
        made = fingerprint_images(atlas.images(part, ["id", "thumbnail"]))
        known.update(zip(part, made.column(COLUMN).to_pylist(), strict=True))
    return pa.chunked_array([pa.array([known[each] for each in ids], pa.binary())])


def _look(
    atlas: Atlas, ids: list[str], pairs: np.ndarray, looks: dict[int, ThumbnailFeatures]
) -> None:
    """Add the images of these pairs to those that were looked at; the first ones make room."""
    needed = np.unique(pairs).tolist()
    known = {row: looks.pop(row) for row in needed if row in looks}
    for row in list(looks)[: max(0, len(looks) + len(needed) - _KEPT)]:
        del looks[row]
    looks.update(known)
    rows = [row for row in needed if row not in looks]
    taken = atlas.images([ids[row] for row in rows], ["thumbnail"]).column("thumbnail")
    several = [taken[at : at + _TASK].to_pylist() for at in range(0, len(rows), _TASK)]
    # Threads of the products beside ours would wait for each other: twenty times slower on a busy
    # machine.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        looks.update(zip(rows, chain.from_iterable(threads.map(_smalls, several)), strict=True))


def _smalls(thumbnails: list[bytes]) -> list[ThumbnailFeatures]:
    return smalls([_readable(each, SIDE_PX) for each in thumbnails])


def _pixels(
    atlas: Atlas, ids: list[str], pairs: np.ndarray, *, size_px: int
) -> dict[int, np.ndarray]:
    rows = np.unique(pairs).tolist()
    taken = atlas.images([ids[row] for row in rows], ["thumbnail"]).column("thumbnail")
    return {row: _readable(data.as_py(), size_px) for row, data in zip(rows, taken, strict=True)}


def _readable(thumbnail: bytes, size_px: int) -> np.ndarray:
    """Its pixels; black where it cannot be read, which is a copy of nothing."""
    try:
        return read_thumbnail(thumbnail, size=size_px)
    except ImageError:
        return np.zeros((size_px, size_px, 3), np.uint8)
