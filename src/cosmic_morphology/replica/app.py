"""The web application: endpoints of every archive, injected faults, a log of all requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from cosmic_morphology.errors import InputError
from cosmic_morphology.replica import hostile
from cosmic_morphology.replica.archives import cutouts
from cosmic_morphology.replica.archives.apod import Apod
from cosmic_morphology.replica.archives.commons import Commons
from cosmic_morphology.replica.archives.djangoplicity import Djangoplicity
from cosmic_morphology.replica.archives.nasa import Nasa
from cosmic_morphology.replica.archives.nasa_assets import PREFIX, Assets
from cosmic_morphology.replica.catalogue import ArchiveCatalogue
from cosmic_morphology.replica.faults import KINDS, FaultInjector, Faults, send_fault
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.replica.request_log import LoggedRequest, RequestLog
from cosmic_morphology.replica.state import ArchiveState

_CONTROL = ("/__faults__", "/__requests__", "/__archive__")
_FAULT_HEADER = b"x-replica-fault"


def build_app(
    holdings: ArchiveCatalogue,
    *,
    faults: Faults | None = None,
    recorded: Path | None = None,
    quirks: Quirks | None = None,
) -> ReplicaApp:
    """An ASGI application that answers like the archives.

    Parameters
    ----------
    holdings : ArchiveCatalogue
        What the archives hold.
    faults : Faults, optional
        What goes wrong from the start; without it nothing.
    recorded : Path, optional
        A folder of recorded search pages, answered byte for byte for their own queries.
    quirks : Quirks, optional
        How far the archive departs from its description; without it as the real one.
    """
    return ReplicaApp(ArchiveState.of(holdings, quirks or Quirks(), recorded), faults or Faults())


class ReplicaApp(Starlette):
    """The archives over one state.

    Attributes
    ----------
    injector : FaultInjector
        The faults of now.
    requests : RequestLog
        What was asked so far, control requests aside.
    """

    def __init__(self, archive: ArchiveState, faults: Faults) -> None:
        self.injector = FaultInjector(faults)
        self.requests = RequestLog()
        self._state = archive
        self._assets = Assets(archive)
        archives = (Nasa(archive), Apod(archive), Djangoplicity(archive), Commons(archive))
        super().__init__(
            routes=[
                *self._control(),
                *(route for each in archives for route in each.routes()),
                *cutouts.routes(),
                *hostile.routes(),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: note it, let it go wrong if it must, else pass it on."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(_CONTROL):
            await super().__call__(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        seen = LoggedRequest(scope["method"], path, query, time.monotonic())
        self.requests.add(seen)
        if path == hostile.WRONG_CONTENT_LENGTH:
            seen.status = 200
            await hostile.wrong_content_length(receive, send)
            return
        asked = _asked_fault(scope)
        if self.injector.calm and asked is None:
            await self._answer(scope, receive, send, seen)
            return
        if self.injector.faults.latency_s:
            await asyncio.sleep(self.injector.faults.latency_s)
        kind = asked or self.injector.draw_fault(path, query)
        noting = _noting(send, seen)
        if kind is None:
            await self._answer(scope, receive, send, seen)
        else:
            await send_fault(
                kind,
                self.injector,
                scope,
                noting,
                lambda to: self._answer(scope, receive, to, seen),
            )

    def show(self, nasa_ids: list[str], *, visible: bool) -> None:
        """Take records out of the archive, or put them back, while it is being read."""
        self._state.index.show(nasa_ids, visible=visible)
        self._assets.forget()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, seen: LoggedRequest
    ) -> None:
        if seen.path.startswith(PREFIX) and seen.method in ("GET", "HEAD"):
            seen.status = await self._assets.answer(scope, send)
        else:
            await super().__call__(scope, receive, _noting(send, seen))

    def _control(self) -> list[BaseRoute]:
        return [
            Route("/__faults__", self._faults, methods=["GET", "PUT", "DELETE"]),
            Route("/__requests__", self._requests, methods=["GET", "DELETE"]),
            Route("/__archive__", self._archive, methods=["PUT"]),
        ]

    async def _faults(self, request: Request) -> Response:
        if request.method != "GET":
            given = await request.json() if request.method == "PUT" else {}
            try:
                self.injector.change(Faults.from_json(given))
            except InputError as error:
                return JSONResponse({"reason": str(error)}, status_code=400)
        return JSONResponse(asdict(self.injector.faults))

    async def _requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse([asdict(seen) for seen in self.requests])

    async def _archive(self, request: Request) -> Response:
        given = await request.json()
        try:
            self.show(given.get("withhold", []), visible=False)
            self.show(given.get("release", []), visible=True)
        except KeyError as error:
            return JSONResponse({"reason": f"no such record: {error}"}, status_code=404)
        return JSONResponse({"shown": len(self._state.index.everything())})


def _asked_fault(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _FAULT_HEADER:
            kind = value.decode("latin-1")
            return kind if kind in KINDS else None
    return None


def _noting(send: Send, seen: LoggedRequest) -> Callable[[Message], Awaitable[None]]:
    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
        await send(message)

    return note
