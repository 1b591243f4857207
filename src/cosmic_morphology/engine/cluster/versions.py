"""Whether the machines of a cluster have the same packages as this one."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cosmic_morphology.errors import EngineError

_PACKAGES = ("cosmic-morphology", "pylance", "pyarrow", "numpy")
_ANSWER_S = 60.0


def versions_here() -> dict[str, str]:
    """Versions of Python and of what both sides must have alike.

    Examples
    --------
    >>> sorted(versions_here())[:2]
    ['cosmic-morphology', 'numpy']
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def check_versions(ray: Any) -> None:
    """Ask one worker of each machine, and refuse machines that differ.

    Raises
    ------
    EngineError
        A machine lacks this package, has other versions, or does not answer.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = versions_here()
    ask = ray.remote(num_cpus=0, max_retries=0)(versions_here)
    nodes = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    asked = {
        ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(each, soft=False)
        ).remote(): host
        for each, host in nodes.items()
    }
    waiting = list(asked)
    while waiting:
        done, waiting = ray.wait(waiting, num_returns=1, timeout=_ANSWER_S)
        if not done:
            raise EngineError(
                f"a machine of the cluster does not answer within {_ANSWER_S:g} s",
                where=asked[waiting[0]],
                todo="See `ray status`, and take it out of the cluster.",
            )
        _compare(ray, done[0], asked[done[0]], here)


def _compare(ray: Any, answer: Any, host: str, here: dict[str, str]) -> None:
    errors = ray.exceptions
    try:
        there = ray.get(answer)
    except (errors.NodeDiedError, errors.TaskUnschedulableError, errors.WorkerCrashedError):
        return  # it has gone, and gets no work
    except ray.exceptions.RayError as error:
        said = " ".join(str(error).split())
        raise EngineError(
            f"this machine of the cluster cannot run cosmic-morphology ({said[-200:]})",
            where=host,
            todo="Install the same version of it on every machine of the cluster.",
        ) from error
    differing = [
        f"{name} {there.get(name)} (here {here[name]})"
        for name in here
        if there.get(name) != here[name]
    ]
    if differing:
        raise EngineError(
            f"this machine of the cluster has {', '.join(differing)}",
            where=host,
            todo="Install the same versions on every machine of the cluster.",
        )
