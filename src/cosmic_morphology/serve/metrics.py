"""What the server has done, in the words of Prometheus."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Metrics:
    """The application, counted.

    Attributes
    ----------
    app : ASGIApp
        What is counted.
    registry : CollectorRegistry
        Holds the numbers: one for each application.
    """

    app: ASGIApp
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _requests: Counter = field(init=False, repr=False)
    _seconds: Histogram = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._requests = Counter(
            "cosmic_requests", "Requests by page and status", ["page", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "cosmic_request_seconds", "From the request to the end of its answer", ["page"],
            registry=self.registry,
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            # The route, not the address: an address may be anything, and there is no end of them.
            route = getattr(scope.get("route"), "path", "other")
            self._requests.labels(route, str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - began)

    def text(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        return generate_latest(self.registry)
