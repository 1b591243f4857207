"""What stands before every page: who may ask, how much, and what a browser may do with it.

Plain ASGI, so that a body that is too large or too slow is refused while it comes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cosmic_morphology.settings.serve import ServeSettings

# Nothing inline, nothing from other hosts, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The vendored page of the interface sets styles on its own elements, and has icons inside.
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "blob:", "blob: data:"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_MINUTE_S = 60.0
_MOST_CLIENTS = 10_000


class _RefusedError(HTTPException):
    """Of this kind, so that whoever reads the body passes it on."""


@dataclass(slots=True)
class Guard:
    """The application behind its checks.

    Attributes
    ----------
    app : ASGIApp
        What is guarded.
    settings : ServeSettings
        Limits, and by which names the server may be called.
    now : callable
        Seconds that only go up.
    """

    app: ASGIApp
    settings: ServeSettings
    now: Callable[[], float] = time.monotonic
    _asked: dict[str, deque[float]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, self.settings)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                _protect(MutableHeaders(scope=message), scope["path"])
            await send(message)

        try:
            self._check(scope, headers)
            await self.app(scope, body, answer)
        except _RefusedError as refused:
            response = JSONResponse({"error": refused.detail}, refused.status_code)
            response.headers["connection"] = "close"
            await response(scope, receive, answer)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if _name_of(host) not in {*_LOOPBACK, self.settings.host, *self.settings.names}:
            # A page of another site can give its own name our address, and then read us.
            raise _RefusedError(
                421, f"this server is not called {host[:100]!r}: see serve.names of the settings"
            )
        if scope["method"] not in _SAFE:
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != host:
                raise _RefusedError(403, "this request was made by a page of another site")
            if origin is None and "cookie" in headers and "authorization" not in headers:
                raise _RefusedError(403, "this request does not say which page made it")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._most_bytes:
            raise _RefusedError(413, f"a body has at most {self.settings.max_upload_mb:g} MB")
        self._count(scope["client"][0] if scope.get("client") else "")

    @property
    def _most_bytes(self) -> int:
        return int(self.settings.max_upload_mb * 1e6)

    def _count(self, client: str) -> None:
        now = self.now()
        times = self._asked.setdefault(client, deque())
        while times and times[0] < now - _MINUTE_S:
            times.popleft()
        if len(times) >= self.settings.requests_per_minute:
            raise _RefusedError(429, "too many requests within a minute: wait a little")
        times.append(now)
        if len(self._asked) > _MOST_CLIENTS:
            self._asked.pop(next(iter(self._asked)))


class _Body:
    """The body of a request as it comes, no larger and no slower than allowed."""

    def __init__(self, receive: Receive, settings: ServeSettings) -> None:
        self._receive, self._settings = receive, settings
        self._bytes, self._whole = 0, False
        self._until: float | None = None

    async def __call__(self) -> Message:
        if self._whole:
            # Only the end of the connection can come now, and it may take its time.
            return await self._receive()
        clock = asyncio.get_running_loop()
        if self._until is None:
            self._until = clock.time() + self._settings.body_seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise _RefusedError(408, "the body came too slowly") from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._bytes > self._settings.max_upload_mb * 1e6:
                raise _RefusedError(413, f"a body has at most {self._settings.max_upload_mb:g} MB")
        return message


def _name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _protect(headers: MutableHeaders, path: str) -> None:
    for name, value in _HEADERS.items():
        headers[name] = value
    headers["content-security-policy"] = DOCS_POLICY if path == "/docs" else POLICY
    if "cache-control" not in headers:
        headers["cache-control"] = "no-store"
