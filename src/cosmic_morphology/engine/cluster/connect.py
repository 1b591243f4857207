"""Ways to a Ray cluster, each with a limit: a cluster of our own, or one that is named."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cosmic_morphology.errors import EngineError
from cosmic_morphology.extras import needs
from cosmic_morphology.settings import RaySettings

_T = TypeVar("_T")
AUTO = "auto"
_PORT_S = 3.0
# A cluster that is alive may still be busy.
_JOIN_S = 60.0
# Ray gives itself 30 s. On a busy machine it is quicker when its files have been read once.
_STARTS = 3
_TOO_SLOW = "timed out during startup"
_OBJECT_STORE_BYTES = 256 * 2**20
_SEE = "See whether it runs there (ray status), and whether this machine may reach it."


def connect(settings: RaySettings) -> Any:
    """The module ``ray``, connected; a connection that is there already is used.

    Raises
    ------
    EngineError
        The cluster does not answer in time, or has another Python or Ray than this machine.
    MissingExtraError
        Ray is not installed.
    """
    # Ray asks the network for permission to send statistics; that is the person's to decide.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with needs("engine = 'ray'"):
        import ray
    logging.getLogger("ray").setLevel(logging.ERROR)
    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "ERROR",
        "configure_logging": False,
    }
    address = _resolved(settings.address)
    if not address:
        _start(ray, settings.processes or os.cpu_count() or 1, quiet)
        return ray
    _knock(address)
    with _without_stderr():
        _within(settings.connect_timeout_s, lambda: _ask_whether_alive(address), where=address)
    _within(_JOIN_S, lambda: ray.init(address=address, **quiet), where=address)
    return ray


def _start(ray: Any, cores: int, quiet: dict[str, Any]) -> None:
    """Start a cluster of our own; in this thread, for its processes end with the thread.

    Raises
    ------
    EngineError
        It does not start.
    """
    said = ""
    for _ in range(_STARTS):
        try:
            _start_once(ray, cores, quiet)
        except Exception as error:  # noqa: BLE001 - too slow a start has no class of its own
            said = " ".join(str(error).split())
            if _TOO_SLOW not in said:
                break
        else:
            return
    raise EngineError(
        f"Ray does not start ({said[:300]})",
        where="a cluster of our own",
        todo="See whether /tmp has room and may be written, and whether the machine is busy: "
        "Ray gives itself 30 s. Or use --engine local.",
    )


def _start_once(ray: Any, cores: int, quiet: dict[str, Any]) -> None:
    with warnings.catch_warnings(), _importable():
        # Ray starts processes that are nothing but Ray: none of them uses Lance.
        warnings.filterwarnings("ignore", message="lance is not fork-safe")
        ray.init(
            # Not the one that another program may have left a file of.
            address="local",
            num_cpus=cores,
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            **quiet,
        )


@contextmanager
def _importable() -> Iterator[None]:
    """Let processes that start in this block import what this one can."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _resolved(address: str) -> str:
    """The address; for ``auto`` that of the cluster that this program was submitted to.

    Raises
    ------
    EngineError
        It was not submitted to any.
    """
    if address != AUTO:
        return address
    found = os.environ.get("RAY_ADDRESS", "")
    if found in ("", AUTO):
        raise EngineError(
            "this program was not submitted to a cluster: RAY_ADDRESS is not set",
            where=f"ray.address = {address}",
            todo="Use `ray job submit`, or give host:port of the head as ray.address.",
        )
    return found


def _knock(address: str) -> None:
    """See whether anybody listens there: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise EngineError(
            "this is no address of a Ray cluster",
            where=f"ray.address = {address}",
            todo="Run this on a machine of the cluster, and give host:port of its head, such as "
            "10.0.0.5:6379.",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PORT_S).close()
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"no Ray cluster answers ({error})", where=f"ray.address = {address}", todo=_SEE
        ) from error


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Keep to ourselves what Ray's own code writes there: the error says it in one line."""
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def _ask_whether_alive(address: str) -> None:
    from ray import _raylet

    client: Any = vars(_raylet)["GcsClient"]  # not in Ray's types
    client(address=address).check_alive([], timeout=_PORT_S)


def _within(seconds: float, call: Callable[[], _T], *, where: str) -> _T:
    """What a call gives, if it ends in time; one that does not is left behind.

    Raises
    ------
    EngineError
        It takes longer, or fails.
    """
    found: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            errors.append(error)

    # A daemon: what hangs in Ray's own code does not keep this program from ending.
    thread = threading.Thread(target=run, name="connect to Ray", daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    place = f"ray.address = {where}" if ":" in where else where
    if not errors:
        raise EngineError(
            f"no Ray cluster has answered within {seconds:g} s", where=place, todo=_SEE
        )
    said = " ".join(str(errors[0]).split())
    if "mismatch" in said.lower():
        raise EngineError(
            f"the cluster has another version of Ray or Python ({said[:300]})",
            where=place,
            todo="Install the same versions on both sides.",
        ) from errors[0]
    raise EngineError(
        f"the Ray cluster cannot be used ({type(errors[0]).__name__}: {said[:300]})",
        where=place,
        todo=_SEE,
    ) from errors[0]
