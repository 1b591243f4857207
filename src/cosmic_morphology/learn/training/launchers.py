"""Training by several processes: how many there are, who starts them, which of them writes.

On one machine Lightning starts them. On several machines a launcher does (``torchrun`` or Slurm's
``srun``): each process runs the same command, and the first of all alone writes the run's folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from cosmic_morphology.errors import SettingsError, TrainingError

# Each is set by its launcher: the number of processes, and the one that reads it.
_LAUNCHERS = (("WORLD_SIZE", "RANK"), ("SLURM_NTASKS", "SLURM_PROCID"))
_WAIT_S = 0.2
"""Between two looks at a folder on a shared disk."""
_LIMIT_S = 1800.0


def launched() -> tuple[int, int] | None:
    """Which process this is of how many that a launcher has started; None without one."""
    for size, rank in _LAUNCHERS:
        found, mine = os.environ.get(size, ""), os.environ.get(rank, "")
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


def wait_until(there: Callable[[], bool], folder: Path) -> None:
    """Wait for what the first process writes.

    Raises
    ------
    TrainingError
        It did not come: the disk is not shared, or that process has ended.
    """
    end = time.monotonic() + _LIMIT_S
    while not there():
        if time.monotonic() > end:
            raise TrainingError(
                f"the first process has written nothing for {_LIMIT_S / 60:.0f} minutes",
                where=str(folder),
                todo="All machines must see one folder: give --out on a shared disk.",
            )
        time.sleep(_WAIT_S)
