"""Batches for training: the same seed and epoch give the same batches, also after a kill."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

_AHEAD = 2


class Examples(Dataset[dict[str, torch.Tensor]]):
    """Inputs that stay in memory (or on the GPU) and are handed out a batch at a time.

    Parameters
    ----------
    inputs : Tensor
        Features of shape ``(N, F)``, of several views ``(N, V, F)``, or pixels, uint8 of shape
        ``(N, H, W, 3)``.
    targets : Tensor of int64, shape ``(N,)``
        Numbers of the classes.
    weights : Tensor of float32, shape ``(N,)``
        How much each counts.
    ids : sequence of str
        Which images these are; empty when nobody asks.
    shares : Tensor of float32, shape ``(N, K)``, optional
        What is learned instead of the targets: a share for each class. The targets are then the
        largest, by which answers are counted right or wrong.
    """

    reads_ahead = False
    """Whether the next batch is worth to be read while this one is learned from."""

    def __init__(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        ids: Sequence[str] = (),
        shares: torch.Tensor | None = None,
    ) -> None:
        self.inputs, self.targets, self.weights, self.ids = inputs, targets, weights, list(ids)
        self.shares = shares

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def learned(self) -> torch.Tensor:
        """What is learned: the shares ``(N, K)`` where there are any, else the targets ``(N,)``."""
        return self.targets if self.shares is None else self.shares

    def counts(self, n_classes: int) -> torch.Tensor:
        """Examples of each class, shape ``(K,)``: whole ones, or the sums of their shares."""
        if self.shares is not None:
            return self.shares.sum(0)
        return torch.bincount(self.targets, minlength=n_classes).float()

    def order(self, generator: torch.Generator) -> torch.Tensor:
        """Rows of one epoch, shuffled."""
        return torch.randperm(len(self), generator=generator)

    def take(self, rows: Any) -> Examples:
        """Some of the examples: a slice, row numbers or a mask."""
        shares = None if self.shares is None else self.shares[rows]
        return Examples(self.inputs[rows], self.targets[rows], self.weights[rows], (), shares)

    def parts(self, size: int) -> Iterator[Examples]:
        """The same in parts of at most this many."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def __getitem__(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {
            "input": self.inputs[rows.to(self.inputs.device)],
            "target": self.learned[rows],
            "weight": self.weights[rows],
            "row": rows,
        }


def _alone() -> tuple[int, int]:
    return 0, 1


class Shuffled(Sampler[Any]):
    """Rows of each batch in an order that depends on the seed and the epoch alone.

    Parameters
    ----------
    examples : Examples
        They say in which order their rows come.
    batch_size : int
        Rows in a batch of all processes together; a last batch of one row joins the one before
        it, because batch norm cannot learn from one row.
    seed : int
        Of the order.
    place : callable
        This process and how many there are, asked for in the process that draws: each gets every
        so-many-th row, so that together they learn from the batches of one process.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        place: Callable[[], tuple[int, int]] = _alone,
    ) -> None:
        self._examples, self._n = examples, len(examples)
        self._batch, self._seed, self._place = batch_size, seed, place
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        _, world = self._place()
        full, rest = divmod(self._n // world, max(1, self._batch // world))
        return full + int(rest > 1) if full else 1

    def __iter__(self) -> Iterator[torch.Tensor]:
        source = torch.Generator().manual_seed(self._seed * 100_003 + self._epoch)
        order = self._examples.order(source)
        rank, world = self._place()
        mine = order[rank : self._n // world * world : world]
        size = max(1, self._batch // world)
        for number in range(len(self)):
            last = number == len(self) - 1
            yield mine[number * size : None if last else (number + 1) * size]


class InOrder(Sampler[Any]):
    """Rows of each batch as they stand."""

    def __init__(self, n: int, batch_size: int) -> None:
        self._n, self._batch = n, batch_size

    def __len__(self) -> int:
        return math.ceil(self._n / self._batch)

    def __iter__(self) -> Iterator[torch.Tensor]:
        for start in range(0, self._n, self._batch):
            yield torch.arange(start, min(start + self._batch, self._n))


class ReadAhead(DataLoader[Any]):
    """Batches that another thread reads while one is learned from."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        source = super().__iter__()
        with ThreadPoolExecutor(1) as reader:
            coming = deque(reader.submit(next, source, None) for _ in range(_AHEAD))
            while (batch := coming.popleft().result()) is not None:
                coming.append(reader.submit(next, source, None))
                yield batch


def loader(examples: Examples, sampler: Sampler[Any]) -> DataLoader[Any]:
    """Batches as Lightning takes them; workers would only copy what is in memory already."""
    kind = ReadAhead if examples.reads_ahead else DataLoader
    return kind(examples, batch_size=None, sampler=sampler, num_workers=0)


def class_weights(counts: torch.Tensor, kind: str) -> torch.Tensor:
    """How much an image of each class counts, shape ``(K,)``; 1 on average over the images."""
    if kind == "none":
        return torch.ones_like(counts)
    present = counts > 0
    weights = counts.sum() / (present.sum() * counts.clamp_min(1))
    if kind == "sqrt_balanced":
        weights = weights.sqrt()
    return torch.where(present, weights, torch.zeros_like(weights))
