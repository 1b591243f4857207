"""The exhaustive comparison: copies that the search for them may have missed.

The certificate asks it. It shares neither candidates nor descriptors with the search: every pair
that could leak is compared, in eight orientations, by the details of the images relative to those
around them, and each image with parts of every other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.exhaustive.grey_images import GreyImages
from cosmic_morphology.curate.exhaustive.maps import (
    ORIENTATIONS,
    details,
    oriented,
    part_of,
    parts_of_image,
    small_versions,
)
from cosmic_morphology.curate.exhaustive.pairs import (
    CandidatePairs,
    candidate_pairs,
    joined,
    nearest,
)
from cosmic_morphology.curate.exhaustive.residual import (
    ALIKE_SHARE,
    NOISE_LEVELS,
    SAME_SHARE,
    one_up_to_levels,
    residual_of,
)
from cosmic_morphology.curate.exhaustive.tiles import (
    LEVELS_ALIKE,
    MIN_LEVELS,
    MIN_SHAPES,
    Tiles,
    compare_tiles,
    levels_alike,
    shapes_alike,
)
from cosmic_morphology.io_utils import Progress

# Images up to which every pair is compared, and every image with parts of every other: beyond it
# the work, which grows with the square of their number, would take hours.
MAX_WHOLE, MAX_PARTS = 200_000, 30_000
_BATCH = 512
# Images must agree without their margins, too: an eighth of each side, and a quarter. What is left
# may show so little that it tells nothing: grey levels that may differ, and the contrast from which
# on levels decide whatever the grain says.
_INSIDE = (slice(16, -16), slice(32, -32))
_INSIDE_LEVELS, _INSIDE_CONTRAST = 1.0, 12.0


@dataclass(frozen=True, slots=True)
class Exhaustive:
    """What :func:`compare_all` found.

    Attributes
    ----------
    pairs : ndarray of int64, shape ``(M, 2)``
        Rows of images that are copies.
    correlation : ndarray of float32, shape ``(M,)``
        Mean correlation of their tiles.
    compared : int
        Pairs of images that were compared, each in eight orientations.
    whole, parts : bool
        Whether all pairs were compared, and images with parts of each other, too.
    unreadable : int
        Images that could not be read.
    """

    pairs: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    correlation: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    compared: int = 0
    whole: bool = False
    parts: bool = False
    unreadable: int = 0


def compare_all(
    atlas: Atlas,
    ids: pa.Array,
    split: np.ndarray,
    *,
    progress: Progress | None = None,
) -> Exhaustive:
    """Compare every pair of images of different splits; nothing is written.

    Parameters
    ----------
    atlas : Atlas
        Thumbnails are read.
    ids : pyarrow.Array
        The N images.
    split : ndarray of int, shape ``(N,)``
        Two images of one split are passed over; -1: of none.
    progress : callable, optional
        Called with images compared and images to compare.
    """
    if len(ids) > MAX_WHOLE:
        return Exhaustive()
    # In the order of their splits: whole blocks of pairs are then passed over.
    order = np.argsort(split, kind="stable")
    ids, split = ids.take(pa.array(order)), split[order]
    parts = len(ids) <= MAX_PARTS
    wholes = np.zeros((len(ids), 400), np.float32)
    unreadable = 0
    images = GreyImages(atlas, ids)
    for start, greys in images.batches():
        unreadable += sum(grey is None for grey in greys)
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
            wholes[start : start + len(greys)] = list(threads.map(_whole, greys))
    found: list[CandidatePairs] = []
    for start, greys in images.batches() if parts else ():
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
            versions = np.stack(list(threads.map(_parts, greys)), axis=1)
        some = [
            candidate_pairs(wholes, version, split, part=number, first=start)
            for number, version in enumerate(versions[1:], 1)
        ]
        found.append(nearest(joined(some)))
        if progress:
            progress(start + len(greys), len(ids))
    whole = candidate_pairs(wholes, wholes, split, part=0)
    pairs, correlation = _verified(images, [whole, nearest(joined(found))])
    counts = np.unique(split[split >= 0], return_counts=True)[1]
    within = int((counts.astype(np.int64) * (counts - 1) // 2).sum())
    compared = len(ids) * (len(ids) - 1) // 2 - within
    pairs = np.sort(order[pairs], axis=1)
    return Exhaustive(pairs, correlation, compared, whole=True, parts=parts, unreadable=unreadable)


def _whole(grey: np.ndarray | None) -> np.ndarray:
    if grey is None:
        return np.zeros(400, np.float32)
    return np.asarray(small_versions(grey, parts_of_image()[:1])[0])


def _parts(grey: np.ndarray | None) -> np.ndarray:
    if grey is None:
        return np.zeros((len(parts_of_image()), 400), np.float32)
    return small_versions(grey)


def _verified(images: GreyImages, found: list[CandidatePairs]) -> tuple[np.ndarray, np.ndarray]:
    """Those of the pairs that are copies; what is tied already is spared."""
    tied = UnionFind(len(images))
    pairs: list[tuple[int, int]] = []
    correlation: list[float] = []
    for candidates in found:
        # In the order of rows, so that an image is read once for many pairs.
        order = np.lexsort((candidates.of, candidates.whole))
        for start in range(0, len(order), _BATCH):
            part = candidates.taken(order[start : start + _BATCH])
            ends = zip(part.whole.tolist(), part.of.tolist(), strict=True)
            part = part.taken(
                np.array([tied.find(one) != tied.find(other) for one, other in ends], bool)
            )
            for one, other, alike in _looked_at(images, part):
                tied.union(one, other)
                pairs.append((one, other))
                correlation.append(alike)
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(correlation, np.float32)


def _looked_at(images: GreyImages, pairs: CandidatePairs) -> Iterator[tuple[int, int, float]]:
    grey = images.some(np.unique([pairs.whole, pairs.of]).tolist())

    def compared(at: int) -> float | None:
        one, other = grey[int(pairs.whole[at])], grey[int(pairs.of[at])]
        if one is None or other is None:
            return None
        turned = oriented(one, ORIENTATIONS[pairs.orientation[at]])
        return alike_as_copies(turned, other, int(pairs.part[at]))

    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        for at, alike in enumerate(threads.map(compared, range(len(pairs.whole)))):
            if alike is not None:
                yield int(pairs.whole[at]), int(pairs.of[at]), alike


def alike_as_copies(one: np.ndarray, other: np.ndarray, part: int) -> float | None:
    """How well two images agree that are copies; None where they are different.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels, turned alike.
    part : int
        Which part of the other the first may be; 0 is the whole.
    """
    if part:
        other = part_of(other, parts_of_image()[part])
        return _copy_correlation(one, other, search=True)
    correlation = _copy_correlation(one, other, search=False)
    # Frames, captions and scale bars are the same in thousands of different images. They stand
    # elsewhere in a part of one.
    inside = correlation is not None and all(
        _agree_inside(one[each, each], other[each, each]) for each in _INSIDE
    )
    return correlation if inside else None


def _copy_correlation(one: np.ndarray, other: np.ndarray, *, search: bool) -> float | None:
    tiles = compare_tiles(details(one), details(other), search=search)
    if tiles.agree and (not tiles.few or _more_than_limbs(one, other, tiles)):
        return tiles.correlation
    if search:
        return None
    if residual_of(one, other).is_noise:
        return 1.0
    alike = not tiles.few and (
        tiles.alike
        or (tiles.correlation >= LEVELS_ALIKE and levels_alike(one, other) >= MIN_LEVELS)
    )
    # Grain correlates by chance, rings and lines of text by their kind: the rest must agree.
    return (
        tiles.correlation
        if alike and one_up_to_levels(one, other, ALIKE_SHARE, NOISE_LEVELS)
        else None
    )


def _more_than_limbs(one: np.ndarray, other: np.ndarray, tiles: Tiles) -> bool:
    if tiles.moved:
        return shapes_alike(one, other, tiles.shift) >= MIN_SHAPES
    return one_up_to_levels(one, other, SAME_SHARE)


def _agree_inside(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether inner parts of two images are copies, or show too little to tell."""
    if _copy_correlation(one, other, search=False) is not None:
        return True
    grain = compare_tiles(details(one), details(other), search=False).enough
    if grain and residual_of(one, other).contrast < _INSIDE_CONTRAST:
        return False
    # What has no edges shows no shift.
    return one_up_to_levels(one, other, SAME_SHARE, _INSIDE_LEVELS, shift_px=np.inf)
