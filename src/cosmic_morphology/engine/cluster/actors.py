"""Actors: what all workers of a cluster share, found by its name."""

from __future__ import annotations

from typing import Any

from cosmic_morphology.engine.cluster.connect import connect
from cosmic_morphology.settings import RaySettings

_NAMESPACE = "cosmic-morphology"
# Callers that wait at the same time: they cost a few hundred bytes each.
_MOST_WAITING = 10_000


def make_actor(settings: RaySettings, kind: type, name: str, *, outlives: bool = False) -> Any:
    """The actor of a name; it is made where there is none, and again where its machine goes.

    Parameters
    ----------
    settings : RaySettings
        The cluster.
    kind : type
        A class of a module, made without arguments; its methods may be coroutines.
    name : str
        What workers find it by.
    outlives : bool
        Whether it stays when this program ends, for others of the same cluster.

    Raises
    ------
    EngineError
        The cluster does not answer.
    """
    ray = connect(settings)
    return (
        ray.remote(kind)
        .options(
            name=name,
            namespace=_NAMESPACE,
            get_if_exists=True,
            lifetime="detached" if outlives else None,
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=_MOST_WAITING,
        )
        .remote()
    )


def find_actor(name: str) -> Any:
    """The actor of a name, in a worker of the cluster."""
    import ray

    return ray.get_actor(name, namespace=_NAMESPACE)
