"""A replica that listens: in a thread, in a process of its own, or until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import uvicorn

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.replica.app import ReplicaApp, build_app
from cosmic_morphology.replica.catalogue import ArchiveCatalogue
from cosmic_morphology.replica.faults import Faults
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.replica.request_log import LoggedRequest, RequestLog

_START_S = 600.0
_STOP_S = 10.0


class Replica:
    """A running stand-in for the archives; use it in a ``with`` block.

    Parameters
    ----------
    holdings : ArchiveCatalogue
        What the archives hold.
    faults : Faults, optional
        What goes wrong from the start; without it nothing.
    quirks : Quirks, optional
        How far the archive departs from its description; without it as the real one.
    recorded : Path, optional
        A folder of recorded search pages, answered byte for byte for their own queries.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free one.
    process : bool
        In a process of its own, so that it does not share the caller's interpreter:
        for measurements.

    Raises
    ------
    CosmicError
        The port is taken, or the server did not start.

    Examples
    --------
    >>> from cosmic_morphology.replica import ArchiveCatalogue
    >>> holdings = ArchiveCatalogue.from_catalogue(images, catalogue)
    >>> len(holdings)
    24
    >>> with cosmic.Replica(holdings) as replica:
    ...     replica.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self,
        holdings: ArchiveCatalogue,
        *,
        faults: Faults | None = None,
        quirks: Quirks | None = None,
        recorded: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        process: bool = False,
    ) -> None:
        self._host = host
        self._port = port
        self._options = {"faults": faults, "quirks": quirks, "recorded": recorded}
        self._holdings = holdings
        self._own: InThread | InProcess | None = None
        self._in_process = process

    def __enter__(self) -> Self:
        start = InProcess if self._in_process else InThread
        self._own = start(self._holdings, self._options, self._host, self._port)
        self._port = self._own.port
        return self

    def __exit__(self, *error: object) -> None:
        if self._own is not None:
            self._own.stop()
            self._own = None

    @property
    def url(self) -> str:
        """The address of the server, without a final slash."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def nasa_url(self) -> str:
        """The root of the NASA library's interface."""
        return f"{self.url}/nasa"

    @property
    def requests(self) -> RequestLog:
        """What the replica was asked so far."""
        if isinstance(self._own, InThread):
            return self._own.app.requests
        log = RequestLog()
        for seen in self._call("GET", "/__requests__"):
            log.add(LoggedRequest(**seen))
        return log

    def forget_requests(self) -> None:
        """Empty the log of requests."""
        self._call("DELETE", "/__requests__")

    def set_faults(self, faults: Faults) -> None:
        """Let other things go wrong from now on; counting of attempts starts again."""
        self._call("PUT", "/__faults__", asdict(faults))

    def withhold(self, nasa_ids: Iterable[str]) -> None:
        """Take records out of the archive while it is being read."""
        self._call("PUT", "/__archive__", {"withhold": list(nasa_ids)})

    def release(self, nasa_ids: Iterable[str]) -> None:
        """Put withheld records back."""
        self._call("PUT", "/__archive__", {"release": list(nasa_ids)})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_START_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            given = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise CosmicError(
                given["reason"], where=path, todo="See the replica's faults and its catalogue."
            )
        return given


def serve(app: ReplicaApp, *, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until the process is interrupted.

    Parameters
    ----------
    app : ReplicaApp
        From :func:`cosmic_morphology.replica.build_app`.
    host, port : str and int
        Where to listen; port 0 takes a free one.
    started : callable
        Is told the address as soon as the server answers there.
    """
    server = _server(app, host, port)
    threading.Thread(
        target=lambda: started(f"http://{host}:{_wait(server, lambda: True)}"), daemon=True
    ).start()
    try:
        server.run()
    except KeyboardInterrupt:
        return


class InThread:
    """A replica beside the caller, in the same interpreter."""

    def __init__(
        self, holdings: ArchiveCatalogue, options: dict[str, Any], host: str, port: int
    ) -> None:
        self.app = build_app(holdings, **options)
        self._server = _server(self.app, host, port)
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)
        self._thread.start()
        self.port = _wait(self._server, self._thread.is_alive)

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        # Answers that are being held back (latency, timeouts) are not waited for.
        self._server.force_exit = True
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            self._server.run()
        except SystemExit:
            # uvicorn leaves so when the port is taken; the waiting caller says it.
            return


class InProcess:
    """A replica in an interpreter of its own, which ends with its parent."""

    def __init__(
        self, holdings: ArchiveCatalogue, options: dict[str, Any], host: str, port: int
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cosmic_morphology.replica"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise CosmicError(
                "the replica's process has no pipes", where="replica", todo="Start it again."
            )
        pickle.dump((holdings, options, host, port), stdin)
        stdin.flush()
        line = stdout.readline().decode().strip()
        if not line:
            self.stop()
            raise CosmicError(
                "the replica did not start",
                where=f"{host}:{port}",
                todo="Choose another port, or none: then a free one is taken.",
            )
        self.port = int(line)

    def stop(self) -> None:
        """End the process."""
        # The worker ends when its standard input does: so it does when its parent dies.
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _server(app: ReplicaApp, host: str, port: int) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            # A body that is cut on purpose is an error to uvicorn; here it is the point.
            log_level="critical",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=60,
            backlog=4096,
        )
    )


def _wait(server: uvicorn.Server, alive: Callable[[], bool]) -> int:
    """The port that the server listens on, as soon as it does."""
    deadline = time.monotonic() + _START_S
    while not server.started:
        if not alive() or time.monotonic() > deadline:
            raise CosmicError(
                "the replica did not start",
                where=f"{server.config.host}:{server.config.port}",
                todo="Is the port taken? Port 0 takes a free one.",
            )
        time.sleep(0.005)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
