"""Images decoded once into memory (or a file behind it), so that no epoch decodes again."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from cosmic_morphology.errors import ImageError
from cosmic_morphology.learn.data.dataset import TrainingSource
from cosmic_morphology.learn.models.preprocessing import Preprocessing

# Images are kept larger than the input by this, so that a zoom still finds detail.
ROOM_TO_ZOOM = 1.15
# Above this an array goes to a file that is mapped into memory.
IN_MEMORY_BYTES = 2 * 10**9
_BATCH = 64


@dataclass(slots=True)
class PixelCache:
    """Decoded images.

    Attributes
    ----------
    pixels : ndarray of uint8, shape ``(N, side, side, 3)``
        In the order of ``ids``.
    ids : list of str
        The images that could be read.
    unreadable : dict of str to str
        The others, with why.
    """

    pixels: np.ndarray
    ids: list[str]
    unreadable: dict[str, str] = field(default_factory=dict)


def decode_all(
    table: TrainingSource,
    ids: Sequence[str],
    preprocessing: Preprocessing,
    *,
    side_px: int,
    workers: int = 1,
) -> PixelCache:
    """Decode the thumbnails of ``ids``; unreadable ones are left out and named.

    Parameters
    ----------
    table : TrainingSource
        The source.
    ids : sequence of str
        Which images.
    preprocessing : Preprocessing
        How an image becomes a square.
    side_px : int
        Side of the square, px.
    workers : int
        Threads that decode (the decoder lets go of Python's lock).
    """
    pixels = space_for((len(ids), side_px, side_px, 3), np.uint8)
    kept: list[str] = []
    unreadable: dict[str, str] = {}

    def one(item: tuple[str, bytes]) -> tuple[str, np.ndarray | ImageError]:
        try:
            return item[0], preprocessing.pixels(item[1], size_px=side_px)
        except ImageError as error:
            return item[0], error

    with ThreadPoolExecutor(max(1, workers)) as pool:
        source = iter(table.thumbnails(ids))
        while items := [item for _, item in zip(range(_BATCH), source, strict=False)]:
            for each, found in pool.map(one, items):
                if isinstance(found, ImageError):
                    unreadable[each] = f"{found.kind}: {found.what}"
                else:
                    pixels[len(kept)] = found
                    kept.append(each)
    return PixelCache(pixels[: len(kept)], kept, unreadable)


def space_for(shape: tuple[int, ...], kind: type[np.generic]) -> np.ndarray:
    """Room for an array: in memory, or in a file behind it when it is large."""
    if fits_in_memory(shape, kind):
        return np.empty(shape, kind)
    # The file has no name: it goes away with the process, however that ends.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, kind, "w+", shape=shape)


def fits_in_memory(shape: tuple[int, ...], kind: type[np.generic]) -> bool:
    """Whether an array is small enough to be kept in memory."""
    return math.prod(shape) * np.dtype(kind).itemsize <= IN_MEMORY_BYTES
