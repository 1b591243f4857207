"""Images of a set that is larger than the disk for it: read part by part, some of them kept here.

Rows that stand beside each other in the source are a block, and are read together. In each epoch
the blocks are shuffled, and the images of several of them together. Blocks are kept as files until
their room is full; the others are read from the source again in each epoch.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import torch

from cosmic_morphology.errors import ImageError, InputError
from cosmic_morphology.io_utils import whole_file
from cosmic_morphology.learn.data.batches import Examples
from cosmic_morphology.learn.data.dataset import TrainingSource
from cosmic_morphology.learn.models.preprocessing import Preprocessing

BLOCK, BLOCKS_TOGETHER = 512, 8
"""Images in a block, and blocks whose images are shuffled together."""


@runtime_checkable
class OrderedSource(TrainingSource, Protocol):
    """A source that says which of its images stand beside each other."""

    def in_storage_order(self, ids: Sequence[str]) -> list[str]:
        """The same ids, in the order in which their images are stored."""
        ...


class BlockCache:
    """Blocks of encoded images, as files in a folder of limited size.

    Parameters
    ----------
    source : OrderedSource
        Read when a block is asked for that is not here.
    ids : sequence of str
        All images, in storage order.
    limit_bytes : int
        Of the folder. It goes away with this object.
    """

    def __init__(self, source: OrderedSource, ids: Sequence[str], limit_bytes: int) -> None:
        self._source, self._ids, self._limit = source, list(ids), limit_bytes
        self._folder = Path(tempfile.mkdtemp(prefix="cosmic-images-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._held: OrderedDict[int, list[bytes]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Other processes share the folder; the first removes it."""
        return {**self.__dict__, "_held": OrderedDict()}

    def image(self, row: int) -> bytes:
        """The encoded image of a row."""
        return self._block(row // BLOCK)[row % BLOCK]

    def _block(self, number: int) -> list[bytes]:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        file = self._folder / f"{number}.arrow"
        found = _read(file) if file.is_file() else self._fetch(number, file)
        self._held[number] = found
        while len(self._held) > 2 * BLOCKS_TOGETHER:
            self._held.popitem(last=False)
        return found

    def _fetch(self, number: int, file: Path) -> list[bytes]:
        part = self._ids[number * BLOCK : (number + 1) * BLOCK]
        found = [data for _, data in self._source.thumbnails(part)]
        used = sum(each.stat().st_size for each in self._folder.iterdir())
        if used + sum(map(len, found)) <= self._limit:
            with whole_file(file) as beside, pa.OSFile(str(beside), "wb") as out:
                table = pa.table({"image": pa.array(found, pa.large_binary())})
                with pa.ipc.new_file(out, table.schema) as writer:
                    writer.write_table(table)
        return found


class StreamedExamples(Examples):
    """Examples whose images are decoded when a batch asks for them.

    Parameters
    ----------
    cache : BlockCache
        Their encoded images.
    targets, weights, ids, shares
        As :class:`Examples` has them, in storage order.
    preprocessing : Preprocessing
        How an image becomes a square.
    side_px : int
        Side of the square, px.
    workers : int
        Threads that decode.
    """

    reads_ahead = True

    def __init__(
        self,
        cache: BlockCache,
        targets: torch.Tensor,
        weights: torch.Tensor,
        ids: Sequence[str],
        *,
        shares: torch.Tensor | None = None,
        preprocessing: Preprocessing,
        side_px: int,
        workers: int,
    ) -> None:
        super().__init__(torch.empty(0), targets, weights, ids, shares)
        self._cache, self._preprocessing = cache, preprocessing
        self._side, self._workers = side_px, max(1, workers)
        self.unreadable: dict[str, str] = {}

    def order(self, generator: torch.Generator) -> torch.Tensor:
        """Rows of one epoch: those of a few blocks at a time."""
        starts = torch.arange(0, len(self), BLOCK)
        blocks = starts[torch.randperm(len(starts), generator=generator)]
        parts = []
        for some in torch.split(blocks, BLOCKS_TOGETHER):
            rows = torch.cat([torch.arange(at, min(at + BLOCK, len(self))) for at in some.tolist()])
            parts.append(rows[torch.randperm(len(rows), generator=generator)])
        return torch.cat(parts)

    def __getitem__(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """A batch; images that cannot be read are left out of it, and named."""
        data = [self._cache.image(row) for row in rows.tolist()]
        with ThreadPoolExecutor(self._workers) as pool:
            seen = list(pool.map(self._decoded, rows.tolist(), data))
        kept = [at for at, pixels in enumerate(seen) if pixels is not None]
        if not kept:
            raise InputError(
                f"none of these {len(rows)} images can be read",
                where=self.ids[int(rows[0])],
                todo="`cosmic atlas verify` says what is wrong with the atlas.",
            )
        found = rows[kept]
        return {
            "input": torch.from_numpy(np.stack([each for each in seen if each is not None])),
            "target": self.learned[found],
            "weight": self.weights[found],
            "row": found,
        }

    def _decoded(self, row: int, data: bytes) -> np.ndarray | None:
        try:
            return self._preprocessing.pixels(data, size_px=self._side)
        except ImageError as error:
            self.unreadable[self.ids[row]] = f"{error.kind}: {error.what}"
            return None


def _read(file: Path) -> list[bytes]:
    with pa.memory_map(str(file)) as mapped:
        found: list[bytes] = pa.ipc.open_file(mapped).read_all().column("image").to_pylist()
    return found
