"""Passes of the search for copies: which pairs are compared, and how copies are verified."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.hash_index import near_orientations
from cosmic_morphology.curate.duplicates.keypoint_index import (
    ORIENTATIONS,
    Orientation,
    pairs_by_keys,
)
from cosmic_morphology.curate.duplicates.keypoints import (
    COLUMN,
    Keypoints,
    detect_in_images,
    unpack_all,
)
from cosmic_morphology.curate.duplicates.registration import Levels, best_similarity
from cosmic_morphology.curate.duplicates.seen import (
    SeenImages,
    pixels_of,
    readable,
    thumbnails_of,
)
from cosmic_morphology.curate.duplicates.thumbnail_match import (
    MIN_DETAIL,
    MIN_FINE,
    SIDE_PX,
    ThumbnailFeatures,
    agreeing_orientations,
    detail_correlation,
    extract_features,
    has_few_details,
    prefilter,
)
from cosmic_morphology.curate.duplicates.transforms import (
    IDENTITY,
    SimilarityTransform,
    estimate_transforms,
)
from cosmic_morphology.curate.verdicts import PairVerdicts, content_of

# Small images are cheap to keep: a quarter of a gigabyte spares reading them again.
_QUICK_BATCH, _KEPT = 4096, 8192
# Handing over an image alone takes as long as a tenth of its work.
_TASK = 16
# Somewhat more than makes a pair: hashes of reoriented images differ from others.
_NEAR_BITS = 12
_BATCH = 512
# Globes are neighbours by embedding and alike when they are small, whatever side they show. Chosen
# on the half for tuning: 63 of 77 copies are as alike, and 1 of 21 pairs that are none.
NEIGHBOURS_ALIKE = 0.93
# Pairs that share less than this of their rare keys are not looked at.
MIN_SHARED = 0.7
# From so many keypoints on, one more has to agree: 2, 3, 4, then 5.
FEW_KEYPOINTS = (24, 36, 48)
# With fewer an image is plain: compressed again it loses the little grain it had.
PLAIN_KEYPOINTS = 48
# Of registered pairs: keypoints are made of the thumbnails, which with the framing and the size of
# the files say all that a verdict depends on.
_VERDICTS = PairVerdicts()

Verified = Iterator[tuple[int, int, float]]
"""Rows of two images that are copies, and how alike they are."""


@dataclass(frozen=True, slots=True)
class VerificationPass:
    """One pass of the search.

    Attributes
    ----------
    pairs : ndarray of int64, shape ``(M, 2)``
        Rows of the images, the likeliest pairs first.
    verify : callable
        Given some of the pairs, and what is tied already, gives the copies among them.
    batch : int
        Pairs that are best given at once.
    """

    pairs: np.ndarray
    verify: Callable[[np.ndarray, UnionFind], Verified]
    batch: int


def quick_pass(
    atlas: Atlas, seen: SeenImages, pairs: np.ndarray, *, least: float = MIN_FINE
) -> VerificationPass:
    """Whole images compared in eight orientations: cheap, and blind to crops.

    Parameters
    ----------
    atlas : Atlas
        Thumbnails are read.
    seen : SeenImages
        The N images; their hashes say which orientations are compared.
    pairs : ndarray of int64, shape ``(M, 2)``
        The pairs.
    least : float
        Least correlation of copies.
    """
    features: dict[int, ThumbnailFeatures] = {}

    def verified(part: np.ndarray, _: UnionFind) -> Verified:
        _load_features(atlas, seen.ids, part, features)
        asked = near_orientations(*seen.phash[part].T, max_bits=_NEAR_BITS)
        possible = prefilter(features, part, asked)
        candidates = np.flatnonzero(possible.any(axis=1))
        few: list[tuple[int, int, list[tuple[float, Orientation]]]] = []
        for (one, other), good in zip(
            part[candidates].tolist(), possible[candidates].tolist(), strict=True
        ):
            found = agreeing_orientations(
                features[one], features[other], compress(ORIENTATIONS, good), least=least
            )
            if found and has_few_details(features[one], features[other]):
                few.append((one, other, found))
            elif found:
                yield one, other, max(found)[0]
        for start in range(0, len(few), _BATCH):
            yield from _compare_details(atlas, seen.ids, features, few[start : start + _BATCH])

    return VerificationPass(pairs, verified, _QUICK_BATCH)


def thorough_passes(
    atlas: Atlas,
    seen: SeenImages,
    *,
    framed: np.ndarray,
    reoriented: np.ndarray,
    close: np.ndarray,
) -> list[VerificationPass]:
    """Images registered by matching keypoints; plain ones are compared as they are.

    Parameters
    ----------
    atlas : Atlas
        Keypoints are read where it has them and made here where it has not.
    seen : SeenImages
        The N images.
    framed, reoriented, close : ndarray of int64, shape ``(M, 2)``
        Pairs that may be of one framing, as they are or reoriented, and others that are looked at
        whatever their keypoints are.
    """
    keypoints, starts = unpack_all(_stored_keypoints(atlas, seen.ids))
    plain = (np.diff(starts) < PLAIN_KEYPOINTS)[reoriented].any(axis=1)
    shared, weight = pairs_by_keys(keypoints.descriptor, starts)
    candidate_sets = [framed, shared[weight >= MIN_SHARED], close]
    priority = [np.full(len(framed), np.inf), weight[weight >= MIN_SHARED], np.zeros(len(close))]
    pairs = _by_priority(np.concatenate(candidate_sets), np.concatenate(priority))
    of_one_framing = {tuple(pair) for pair in framed.tolist()}
    return [
        quick_pass(atlas, seen, reoriented[plain]),
        _registration_pass(atlas, seen, keypoints, starts, pairs, of_one_framing),
    ]


def neighbour_passes(atlas: Atlas, seen: SeenImages, pairs: np.ndarray) -> list[VerificationPass]:
    """Neighbours among embeddings, also registered by matching keypoints, which finds crops.

    Most neighbours share no keypoints and cost a millisecond.

    Parameters
    ----------
    atlas, seen
        The images; keypoints as :func:`thorough_passes` has them.
    pairs : ndarray of int64, shape ``(M, 2)``
        The pairs.
    """
    keypoints, starts = unpack_all(_stored_keypoints(atlas, seen.ids))
    return [
        quick_pass(atlas, seen, pairs, least=NEIGHBOURS_ALIKE),
        _registration_pass(atlas, seen, keypoints, starts, pairs, set()),
    ]


def _compare_details(
    atlas: Atlas,
    ids: pa.Array,
    features: dict[int, ThumbnailFeatures],
    pairs: list[tuple[int, int, list[tuple[float, Orientation]]]],
) -> Verified:
    rows = np.array([each[:2] for each in pairs], dtype=np.int64).reshape(-1, 2)
    pixels = pixels_of(atlas, ids, rows, size_px=256)
    for one, other, agreeing in pairs:
        alike = [
            score
            for score, orientation in agreeing
            if detail_correlation(
                features[one], features[other], pixels[one], pixels[other], orientation
            )
            >= MIN_DETAIL
        ]
        if alike:
            yield one, other, max(alike)


def _registration_pass(
    atlas: Atlas,
    seen: SeenImages,
    keypoints: Keypoints,
    starts: np.ndarray,
    pairs: np.ndarray,
    of_one_framing: set[tuple[int, ...]],
) -> VerificationPass:
    def verified(part: np.ndarray, tied: UnionFind) -> Verified:
        rows = np.unique(part).tolist()
        thumbnails = dict(zip(rows, thumbnails_of(atlas, seen.ids, rows).to_pylist(), strict=True))
        content = {
            row: content_of(each) + seen.area[row].tobytes() for row, each in thumbnails.items()
        }
        keys = {
            (one, other): content[one] + content[other] + bytes([(one, other) in of_one_framing])
            for one, other in part.tolist()
        }
        known = _VERDICTS.known(keys.values())
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:

            def transforms_of(pair: tuple[int, int]) -> list[SimilarityTransform]:
                return _transforms(keypoints, starts, *pair, of_one_framing)

            new = [pair for pair, key in keys.items() if key not in known]
            transforms = dict(zip(new, threads.map(transforms_of, new), strict=True))
            needed = sorted({row for pair, found in transforms.items() if found for row in pair})
            read = threads.map(
                lambda row: Levels(readable(thumbnails[row], 256), int(seen.area[row])), needed
            )
            levels = dict(zip(needed, read, strict=True))

            def compared(pair: tuple[int, int]) -> float | None:
                if not transforms[pair]:
                    return None
                found = best_similarity(levels[pair[0]], levels[pair[1]], transforms[pair])
                return found.similarity if found and found.is_copy else None

            every = list(keys)
            for start in range(0, len(every), _TASK):
                untied = [
                    pair
                    for pair in every[start : start + _TASK]
                    if tied.find(pair[0]) != tied.find(pair[1])
                ]
                asked = [pair for pair in untied if keys[pair] not in known]
                decided = list(threads.map(compared, asked))
                _VERDICTS.keep([keys[pair] for pair in asked], decided)
                known.update(zip((keys[pair] for pair in asked), decided, strict=True))
                for one, other in untied:
                    if (alike := known[keys[one, other]]) is not None:
                        yield one, other, alike

    return VerificationPass(pairs, verified, _BATCH)


def _by_priority(pairs: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Each pair once, the smaller row first; the likeliest first, then in order of rows."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -priority))
    pairs = np.sort(pairs[order], axis=1)
    first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
    return np.asarray(pairs[first])


def _transforms(
    keypoints: Keypoints, starts: np.ndarray, one: int, other: int, framed: set[tuple[int, ...]]
) -> list[SimilarityTransform]:
    first, second = (keypoints.part(starts[row], starts[row + 1]) for row in (one, other))
    # Of few keypoints two that agree are enough to compare; among many, some agree by chance.
    least = int(np.searchsorted(FEW_KEYPOINTS, min(len(first), len(second)), "right")) + 2
    found = estimate_transforms(first, second, least=least)
    return [IDENTITY, *found] if (one, other) in framed else found


def _stored_keypoints(atlas: Atlas, ids: pa.Array) -> pa.ChunkedArray:
    stored = atlas.read(["id", COLUMN])
    at = KeyPlaces(stored.column("id").combine_chunks()).find(ids)
    found = stored.column(COLUMN).cast(pa.binary()).combine_chunks().take(at)
    lacking = ids.filter(found.is_null())
    made: list[pa.Array] = []
    for start in range(0, len(lacking), _BATCH):
        images = atlas.images(lacking[start : start + _BATCH].to_pylist(), ["id", "thumbnail"])
        made += detect_in_images(images).column(COLUMN).chunks
    if made:
        found = pc.replace_with_mask(found, found.is_null(), pa.concat_arrays(made))
    return pa.chunked_array([found])


def _load_features(
    atlas: Atlas, ids: pa.Array, pairs: np.ndarray, features: dict[int, ThumbnailFeatures]
) -> None:
    """Add the images of these pairs to those that were looked at; the first ones make room."""
    needed = np.unique(pairs).tolist()
    known = {row: features.pop(row) for row in needed if row in features}
    for row in list(features)[: max(0, len(features) + len(needed) - _KEPT)]:
        del features[row]
    features.update(known)
    rows = [row for row in needed if row not in features]
    taken = thumbnails_of(atlas, ids, rows)
    several = [taken[at : at + _TASK].to_pylist() for at in range(0, len(rows), _TASK)]
    # Threads of the products beside ours would wait for each other: twenty times slower on a busy
    # machine.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        features.update(zip(rows, chain.from_iterable(threads.map(_smalls, several)), strict=True))


def _smalls(thumbnails: list[bytes]) -> list[ThumbnailFeatures]:
    return extract_features([readable(each, SIDE_PX) for each in thumbnails])
