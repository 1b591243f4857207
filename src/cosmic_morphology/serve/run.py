"""Serving: opened, announced, and ended by Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address

import uvicorn

from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.serve.access.reviewers import Reviewers, read_reviewers
from cosmic_morphology.serve.app import create_app
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.settings import Settings

_GRACE_S = 5
_BACKLOG = 512


def serve(
    settings: Settings,
    *,
    people: Sequence[str] = (),
    read_only: bool = False,
    tell: Callable[[str], None],
) -> None:
    """Serve the atlas of the settings until the process is ended.

    Parameters
    ----------
    settings : Settings
        ``serve`` says where it listens; ``atlas`` and ``out`` what is shown.
    people : sequence of str
        Reviewers who get a fresh token, which holds until the end.
    read_only : bool
        Take no verdicts, whoever is named.
    tell : callable
        Gets the addresses to open, a line each.

    Raises
    ------
    UsageError
        It would be open to a network without anybody being named who may write.
    CosmicError
        The port is taken, or the atlas cannot be opened.
    """
    chosen = settings.serve
    if not _is_loopback(chosen.host) and not (chosen.tokens or people):
        raise UsageError(
            "others on the network could reach this server, and nobody is named who may write",
            where=f"serve.host = {chosen.host}",
            todo="Give --reviewer NAME, or serve.tokens; put TLS before it (see the how-to).",
        )
    reviewers = Reviewers()
    for token, person in read_reviewers(chosen.tokens) if chosen.tokens and not read_only else ():
        reviewers.add(token, person)
    sky = ServedAtlas(settings)
    listening = _listen(chosen.host, chosen.port)
    address = _address(chosen.host, listening.getsockname()[1])
    config = uvicorn.Config(
        create_app(sky, reviewers),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    with listening, _ended_by_ctrl_c(server):
        tell(f"Atlas {settings.atlas}: {address}")
        for name in () if read_only else people:
            tell(f"{name} reviews at {address}/?token={reviewers.invite(name)}")
        tell("Ctrl-C ends it.")
        server.run(sockets=[listening])


@contextlib.contextmanager
def _ended_by_ctrl_c(server: uvicorn.Server) -> Iterator[None]:
    """From the first word on Ctrl-C is what ends the server, and no failure.

    As an exception it would be lost where Python cannot raise one, such as in a finalizer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, server.handle_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # At once, so that whoever opens the address as soon as it is told is not refused.
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        raise CosmicError(
            f"cannot listen on port {port} ({error.strerror})",
            where=host,
            todo="Another server may run there: give another --port, or 0 for any free one.",
        ) from error
    return found


def _address(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
