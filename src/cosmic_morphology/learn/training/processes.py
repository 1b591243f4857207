"""Processes that train together: how they share a batch, and how one of them is heard.

On one machine Lightning starts one process for each device, and our own waits for them.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessRaisedException

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.io_utils import Progress


class _Together(DDPStrategy):
    """Processes that share each batch; what ends one of ours is told to the one that waits."""

    def __init__(self, device: torch.device, queue: Any) -> None:
        super().__init__(
            start_method="popen" if queue is None else "spawn",
            # Where we start them ourselves, the job of one task that we are in does not matter.
            cluster_environment=None if queue is None else LightningEnvironment(),
            process_group_backend="nccl" if device.type == "cuda" else "gloo",
        )
        self._queue = queue

    def optimizer_step(self, *given: Any, **more: Any) -> Any:
        """The whole step: forwards, backwards, and the change."""
        try:
            return super().optimizer_step(*given, **more)
        except (CosmicError, torch.OutOfMemoryError) as error:
            if self._queue is not None:
                self._queue.put(("failed", error))
            raise


def strategy_of(
    device: torch.device, devices: int, nodes: int, queue: Any = None
) -> DDPStrategy | str:
    """How Lightning lets the processes work together.

    Parameters
    ----------
    device : torch.device
        Of which kind they are: gradients travel by NCCL between GPUs, by gloo between others.
    devices, nodes : int
        On each machine, and machines.
    queue : optional
        Of :func:`told`, where this process starts the others.
    """
    return "auto" if devices * nodes == 1 else _Together(device, queue)


def place_in_group() -> tuple[int, int]:
    """Which process this is of how many that train together, asked inside the loop."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


class _Teller(Callback):
    """Tells the process that waits how far the loop is, and why it ended."""

    def __init__(self, queue: Any, epochs: int, threads: int) -> None:
        self._queue, self._epochs, self._threads = queue, epochs, threads

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        del trainer, pl_module, stage
        if self._threads:
            torch.set_num_threads(self._threads)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        del pl_module
        if trainer.global_rank == 0:
            self._queue.put(("done", (trainer.current_epoch + 1, self._epochs)))


@contextmanager
def relayed_progress(
    progress: Progress | None, epochs: int, processes: int, device: torch.device
) -> Any:
    """A callback and a queue through which processes that we start are heard in this one.

    What ended them is raised here as it was there.
    """
    context = torch.multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    failed: list[BaseException] = []

    def listen() -> None:
        while (said := queue.get()) is not None:
            kind, what = said
            if kind == "failed":
                failed.append(what)
            elif progress:
                progress(*what)

    listener = Thread(target=listen, daemon=True)
    listener.start()
    threads = 0 if device.type == "cuda" else max(1, torch.get_num_threads() // processes)
    try:
        yield _Teller(queue, epochs, threads), queue
    except ProcessRaisedException as error:
        _close(queue, listener)
        if failed:
            raise failed[0] from error
        raise
    else:
        _close(queue, listener)


def _close(queue: Any, listener: Thread) -> None:
    queue.put(None)
    listener.join()
