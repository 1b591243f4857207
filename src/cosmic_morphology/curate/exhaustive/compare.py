"""The exhaustive comparison: copies that the search for them may have missed.

The certificate asks it. It shares neither candidates nor descriptors with the search: every pair
that could leak is compared, in eight orientations, by the details of the images relative to those
around them, and each image with parts of every other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.exhaustive.alike import Comparison, SeenImage
from cosmic_morphology.curate.exhaustive.grey_images import GreyImages
from cosmic_morphology.curate.exhaustive.maps import (
    CELLS,
    ORIENTATIONS,
    oriented,
    part_of,
    parts_of_image,
    small_versions,
    turned_back,
)
from cosmic_morphology.curate.exhaustive.pairs import (
    CandidatePairs,
    by_parity,
    candidate_pairs,
    joined,
    nearest,
)
from cosmic_morphology.curate.verdicts import PairVerdicts
from cosmic_morphology.io_utils import Progress

# Images up to which every pair is compared, and every image with parts of every other: beyond it
# the work, which grows with the square of their number, would take hours.
MAX_WHOLE, MAX_PARTS = 200_000, 30_000
_BATCH = 512
# Images of which more than the grey levels is kept, 128 kB each.
_SEEN = 2048
# The pixels of both images, the orientation and the part say all that a verdict depends on.
_VERDICTS = PairVerdicts()


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
    images = GreyImages(atlas, ids)
    wholes = np.zeros((len(ids), CELLS**2), np.float32)
    unreadable = 0
    # Threads of the products beside ours would only wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        for start, greys in images.batches():
            unreadable += sum(grey is None for grey in greys)
            wholes[start : start + len(greys)] = list(threads.map(_whole, greys))
        quarters = by_parity(wholes)
        found: list[CandidatePairs] = []
        for start, greys in images.batches() if parts else ():
            found.append(_like_parts(quarters, greys, split, start, threads))
            if progress:
                progress(start + len(greys), len(ids))
        whole = _like_wholes(quarters, split, threads)
    pairs, correlation = _verified(images, [whole, nearest(joined(found))])
    counts = np.unique(split[split >= 0], return_counts=True)[1]
    within = int((counts.astype(np.int64) * (counts - 1) // 2).sum())
    compared = len(ids) * (len(ids) - 1) // 2 - within
    pairs = np.sort(order[pairs], axis=1)
    return Exhaustive(pairs, correlation, compared, whole=True, parts=parts, unreadable=unreadable)


def _whole(grey: np.ndarray | None) -> np.ndarray:
    if grey is None:
        return np.zeros(CELLS**2, np.float32)
    return np.asarray(small_versions(grey, parts_of_image()[:1])[0])


def _parts(grey: np.ndarray | None) -> np.ndarray:
    if grey is None:
        return np.zeros((len(parts_of_image()), CELLS**2), np.float32)
    return small_versions(grey)


def _like_parts(
    wholes: np.ndarray,
    greys: list[np.ndarray | None],
    split: np.ndarray,
    first: int,
    threads: Executor,
) -> CandidatePairs:
    """Whole images that are like a part of some images, of which the first is given by its row."""
    versions = np.stack(list(threads.map(_parts, greys)), axis=1)

    def like(part: int) -> CandidatePairs:
        return candidate_pairs(wholes, by_parity(versions[part]), split, part=part, first=first)

    return nearest(joined(list(threads.map(like, range(1, len(versions))))))


def _like_wholes(wholes: np.ndarray, split: np.ndarray, threads: Executor) -> CandidatePairs:
    def like(first: int) -> CandidatePairs:
        block = wholes[:, first : first + _BATCH]
        return candidate_pairs(wholes, block, split, part=0, first=first)

    found = joined([])
    for some in threads.map(like, range(0, len(split), _BATCH)):
        # Who is not among the nearest here is not among them at the end: memory stays small.
        found = nearest(joined([found, some]))
    return found


def _verified(images: GreyImages, found: list[CandidatePairs]) -> tuple[np.ndarray, np.ndarray]:
    """Those of the pairs that are copies; what is tied already is spared."""
    tied = UnionFind(len(images))
    pairs: list[tuple[int, int]] = []
    correlation: list[float] = []
    seen = _SeenImages(images)
    for candidates in found:
        # In the order of rows, so that an image is read once for many pairs.
        order = np.lexsort((candidates.of, candidates.whole))
        for start in range(0, len(order), _BATCH):
            part = candidates.taken(order[start : start + _BATCH])
            ends = zip(part.whole.tolist(), part.of.tolist(), strict=True)
            part = part.taken(
                np.array([tied.find(one) != tied.find(other) for one, other in ends], bool)
            )
            for one, other, alike in _looked_at(seen, part):
                tied.union(one, other)
                pairs.append((one, other))
                correlation.append(alike)
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(correlation, np.float32)


class _SeenImages:
    """The images as pairs of them are compared; those of the last batches are kept."""

    def __init__(self, images: GreyImages) -> None:
        self._images = images
        self._kept: dict[int, SeenImage | None] = {}

    def some(self, rows: np.ndarray, threads: Executor) -> dict[int, SeenImage | None]:
        """Images by row; None where one cannot be read."""
        wanted = np.unique(rows).tolist()
        found = {row: self._kept.pop(row) for row in wanted if row in self._kept}
        absent = self._images.some(row for row in wanted if row not in found)
        found |= zip(absent, threads.map(_seen, absent.values()), strict=True)
        self._kept |= found
        for row in list(self._kept)[:-_SEEN]:
            del self._kept[row]
        return found

    def content(self, row: int) -> bytes:
        """What tells an image from every other."""
        return self._images.content(row)

    def greys(self, rows: np.ndarray) -> dict[int, np.ndarray | None]:
        """Their grey levels alone."""
        return self._images.some(np.unique(rows).tolist())


def _seen(grey: np.ndarray | None) -> SeenImage | None:
    return None if grey is None else SeenImage.of(grey)


def _looked_at(seen: _SeenImages, pairs: CandidatePairs) -> Iterator[tuple[int, int, float]]:
    ends = [each.tolist() for each in (pairs.whole, pairs.of)]
    keys = [
        seen.content(one) + seen.content(other) + bytes(how)
        for one, other, *how in zip(
            *ends, pairs.orientation.tolist(), pairs.part.tolist(), strict=True
        )
    ]
    known = _VERDICTS.known(keys)
    new = [at for at, key in enumerate(keys) if key not in known]
    if new:
        decided = _decided(seen, pairs.taken(np.array(new)))
        _VERDICTS.keep([keys[at] for at in new], decided)
        known |= zip((keys[at] for at in new), decided, strict=True)
    for one, other, key in zip(*ends, keys, strict=True):
        if (alike := known[key]) is not None:
            yield one, other, alike


def _decided(seen: _SeenImages, pairs: CandidatePairs) -> list[float | None]:
    # A whole image is compared with all of its batch at once.
    ends = np.flatnonzero(np.diff(pairs.whole, append=-1)) + 1
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
        in_parts = pairs.part > 0
        whole = seen.some(np.concatenate([pairs.whole, pairs.of[~in_parts]]), threads)
        grey = seen.greys(pairs.of[in_parts])

        def compared(first: int, last: int) -> list[float | None]:
            one = whole[int(pairs.whole[first])]
            if one is None:
                return [None] * (last - first)
            comparison = Comparison(one)
            return [
                _compared(comparison, whole.get(of), grey.get(of), back, part)
                for of, back, part in zip(
                    pairs.of[first:last].tolist(),
                    [turned_back(ORIENTATIONS[at]) for at in pairs.orientation[first:last]],
                    pairs.part[first:last].tolist(),
                    strict=True,
                )
            ]

        begins = [0, *ends[:-1].tolist()]
        return list(chain.from_iterable(threads.map(compared, begins, ends.tolist())))


def _compared(
    comparison: Comparison,
    other: SeenImage | None,
    grey: np.ndarray | None,
    turned: tuple[int, int, int],
    part: int,
) -> float | None:
    """Of an image and (a part of) another, which is turned as the first is."""
    if part:
        if grey is None:
            return None
        return comparison.part(oriented(part_of(grey, parts_of_image()[part]), turned))
    return None if other is None else comparison.whole(other.oriented(turned))
