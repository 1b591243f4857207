"""Training by several processes: how many there are, who starts them, which of them writes.

On one machine Lightning starts one process for each device, and our own waits for them. On several
machines a launcher does (``torchrun`` or Slurm's ``srun``): each process runs the same command, and
the first of all alone writes the run's folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessRaisedException

from cosmic_morphology.errors import CosmicError, SettingsError, TrainingError
from cosmic_morphology.io_utils import Progress

# Each is set by its launcher: the number of processes, and the one that reads it.
_LAUNCHERS = (("WORLD_SIZE", "RANK"), ("SLURM_NTASKS", "SLURM_PROCID"))
_WAIT_S = 0.2
"""Between two looks at a folder on a shared disk."""


def launched(environment: Mapping[str, str] = os.environ) -> tuple[int, int] | None:
    """Which process this is of how many that a launcher has started; None without one.

    Parameters
    ----------
    environment : mapping of str to str
        Variables of the process.
    """
    for size, rank in _LAUNCHERS:
        found, mine = environment.get(size, ""), environment.get(rank, "")
        if found.isdecimal() and mine.isdecimal() and int(found) > 1:
            return int(mine), int(found)
    return None


def is_first_process() -> bool:
    """Whether this process writes: there is no launcher, or it is the first that one started."""
    place = launched()
    return place is None or place[0] == 0


def check_processes(devices: int, nodes: int) -> None:
    """Refuse numbers of devices and machines that nothing has started.

    Raises
    ------
    SettingsError
        Several machines without a launcher, or a launcher that started another number.
    """
    place = launched()
    if place is None and nodes > 1:
        raise SettingsError(
            f"nothing has started this command on {nodes} machines",
            where="learn.nodes",
            todo="Start the same command on each by torchrun or srun: docs/howto/gpu.md shows how.",
        )
    if place is not None and place[1] != devices * nodes:
        raise SettingsError(
            f"{place[1]} processes were started for {devices} devices on each of {nodes} machines",
            where="learn.devices",
            todo="Start as many processes as there are devices in all, or give --devices and "
            "--nodes that fit.",
        )


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


def wait_until(there: Callable[[], bool], folder: Path, *, limit_s: float = 1800.0) -> None:
    """Wait for what the first process writes.

    Raises
    ------
    TrainingError
        It did not come: the disk is not shared, or that process has ended.
    """
    end = time.monotonic() + limit_s
    while not there():
        if time.monotonic() > end:
            raise TrainingError(
                f"the first process has written nothing for {limit_s / 60:.0f} minutes",
                where=str(folder),
                todo="All machines must see one folder: give --out on a shared disk.",
            )
        time.sleep(_WAIT_S)


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
