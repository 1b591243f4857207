"""Which engine is used, as the settings say it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from cosmic_morphology.engine.executors import Executor, InThisProcess
from cosmic_morphology.engine.processes import Processes
from cosmic_morphology.engine.work import ColumnWork
from cosmic_morphology.settings import LocalSettings, RaySettings, Settings


@dataclass(frozen=True, slots=True)
class Engine:
    """Where column work runs.

    Attributes
    ----------
    kind : str
        ``local`` or ``ray``.
    local : LocalSettings
        Processes on this machine.
    ray : RaySettings
        The cluster, and what one task of each stage needs of it.

    Examples
    --------
    >>> Engine().kind
    'local'
    """

    kind: Literal["local", "ray"] = "local"
    local: LocalSettings = field(default_factory=LocalSettings)
    ray: RaySettings = field(default_factory=RaySettings)

    @classmethod
    def of(cls, settings: Settings) -> Engine:
        """The engine of the settings."""
        return cls(settings.engine, settings.local, settings.ray)

    def open(self, stage: str, *, is_worth: bool = True) -> AbstractContextManager[Executor]:
        """Whoever does the work of a stage.

        Parameters
        ----------
        stage : str
            As the settings name it.
        is_worth : bool
            Whether there is enough to do, and allowed, for processes of this machine.

        Raises
        ------
        EngineError
            The cluster does not answer, or has other versions than this machine.
        """
        if self.kind == "ray":
            from cosmic_morphology.engine.cluster.executor import RayWorkers

            return RayWorkers(self.ray, stage)
        processes = self.local.processes or os.cpu_count() or 1
        return Processes(processes) if processes > 1 and is_worth else InThisProcess()

    def is_worth(self, work: ColumnWork, rows: int) -> bool:
        """Whether processes of this machine may fill so many rows, and take less time."""
        # What a script of the person defines cannot be imported elsewhere.
        can_travel = work.make.__module__ != "__main__"
        enough = rows >= max(work.worth_processes, self.local.min_rows)
        return can_travel and not work.is_alone and enough
