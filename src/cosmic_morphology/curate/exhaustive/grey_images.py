"""The images of an atlas as they are compared: decoded once, as far as there is room for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.exhaustive.maps import pressed
from cosmic_morphology.curate.verdicts import content_of
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import read_thumbnail

_READ_PX = 256
_BATCH = 512
# Images that are kept, 64 kB each.
_KEPT = 8192


class GreyImages:
    """The images as they are compared; as many as there is room for are decoded only once.

    Parameters
    ----------
    atlas : Atlas
        Thumbnails are read.
    ids : pyarrow.Array of str
        The N images.
    """

    def __init__(self, atlas: Atlas, ids: pa.Array) -> None:
        self._atlas, self._ids = atlas, ids
        self._kept: dict[int, np.ndarray | None] = {}
        self._content: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def batches(self) -> Iterator[tuple[int, list[np.ndarray | None]]]:
        """All images in parts, each with the row of its first."""
        for start in range(0, len(self._ids), _BATCH):
            rows = range(start, min(start + _BATCH, len(self._ids)))
            yield start, list(self.some(rows).values())

    def some(self, rows: Iterable[int]) -> dict[int, np.ndarray | None]:
        """Images by row; None where one cannot be read."""
        wanted = list(rows)
        absent = [row for row in wanted if row not in self._kept]
        new = dict(zip(absent, self._read(absent), strict=True))
        found = {row: new[row] if row in new else self._kept[row] for row in wanted}
        room = max(_KEPT - len(self._kept), 0)
        self._kept |= dict(list(new.items())[:room])
        return found

    def content(self, row: int) -> bytes:
        """What tells an image that was read before from every other."""
        return self._content[row]

    def _read(self, rows: list[int]) -> list[np.ndarray | None]:
        if not rows:
            return []
        ids = self._ids.take(pa.array(rows, pa.int64())).to_pylist()
        taken = self._atlas.images(ids, ["thumbnail"]).column("thumbnail").to_pylist()
        with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as threads:
            self._content.update(zip(rows, threads.map(content_of, taken), strict=True))
            greys: list[np.ndarray | None] = list(threads.map(_grey, taken))
        return greys


def _grey(thumbnail: bytes) -> np.ndarray | None:
    try:
        return pressed(read_thumbnail(thumbnail, size=_READ_PX))
    except ImageError:
        return None  # it is counted
