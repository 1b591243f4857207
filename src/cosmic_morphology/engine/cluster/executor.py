"""Tasks on a Ray cluster.

Orders and answers are those of processes on this machine. What carries them is Ray's own, which
unpickles what comes from its workers: a cluster is machines that trust each other.
"""

from __future__ import annotations

import math
from typing import Any, Self

from cosmic_morphology.engine.answers import read_answer
from cosmic_morphology.engine.cluster.connect import connect
from cosmic_morphology.engine.cluster.versions import check_versions
from cosmic_morphology.engine.executors import NO_ANSWER, Finished, Lost, Task
from cosmic_morphology.engine.work import ColumnFunction, ColumnWork
from cosmic_morphology.engine.worker import answer
from cosmic_morphology.errors import EngineError
from cosmic_morphology.settings import RaySettings, StageResources

_GB = 2**30
# How often the cluster is looked at while nothing is finished: machines come and go.
_LOOK_S = 10.0


class RayWorkers:
    """Does tasks on whatever the cluster has; what a lost worker had is given back to the driver.

    Parameters
    ----------
    settings : RaySettings
        The cluster, and what tasks take.
    stage : str
        What is to be done, as the settings name it.
    """

    is_here = False

    def __init__(self, settings: RaySettings, stage: str) -> None:
        self._stage = stage
        self._needs: StageResources = getattr(settings.resources, stage, StageResources())
        self._ray = connect(settings)
        self._tasks: dict[Any, Task] = {}

    def __enter__(self) -> Self:
        check_versions(self._ray)
        if not self._fitting():
            raise EngineError(
                f"no machine of the cluster has what a task of {self._stage} takes "
                f"({self._needs.cpus:g} cores, {self._needs.gpus:g} GPUs)",
                where="ray.resources",
                todo="Ask for less, or add such a machine.",
            )
        memory = self._needs.memory_gb
        self._remote = self._ray.remote(
            num_cpus=self._needs.cpus,
            num_gpus=self._needs.gpus,
            memory=int(memory * _GB) if memory else None,
            # The driver decides what a lost worker means.
            max_retries=0,
            scheduling_strategy="SPREAD",
        )(answer)
        return self

    def __exit__(self, *error: object) -> None:
        for each in self._tasks:
            self._ray.cancel(each, force=True)
        self._tasks.clear()

    def pack(self, work: ColumnWork, made: ColumnFunction | None) -> bytes:
        """The work, pickled: by value what a script of the person defines, else by name."""
        del made
        packed: bytes = self._ray.cloudpickle.dumps(work)
        return packed

    def slots(self) -> int:
        """Tasks that the machines that are alive now can do at the same time, at least one."""
        return max(1, self._fitting())

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._tasks[self._remote.remote(task, max(1, math.ceil(self._needs.cpus)))] = task

    def wait(self) -> list[Finished]:
        """Wait until a task is finished or lost."""
        done: list[Any] = []
        while not done:
            done, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=_LOOK_S)
        return [(self._tasks.pop(each), self._result(each)) for each in done]

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            said, data = self._ray.get(reference)
            return read_answer(said, data)
        except ValueError:
            return Lost(NO_ANSWER)
        except errors.OutOfMemoryError:
            return Lost("ran out of memory", lacked_memory=True)
        except (errors.NodeDiedError, errors.ObjectLostError):
            return Lost("was on a machine that has gone", is_node=True)
        except (errors.WorkerCrashedError, errors.LocalRayletDiedError) as error:
            return Lost(f"died ({' '.join(str(error).split())[:120]})")
        except errors.RayError as error:
            said = " ".join(str(error).split())
            return EngineError(
                f"a task failed on the cluster ({type(error).__name__}: {said[-300:]})",
                where=self._stage,
                todo="See the logs of the cluster (ray logs).",
            )

    def _fitting(self) -> int:
        return sum(_room(node["Resources"], self._needs) for node in self._nodes())

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]


def _room(resources: dict[str, float], needs: StageResources) -> int:
    """Tasks that one machine can do at the same time."""
    asked = {
        "CPU": needs.cpus,
        "GPU": needs.gpus,
        "memory": (needs.memory_gb or 0) * _GB,
    }
    return int(min(resources.get(name, 0) / n for name, n in asked.items() if n))
