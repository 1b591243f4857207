"""When a host may be asked next: its rate, and its rests."""

from __future__ import annotations

import asyncio
from typing import Protocol

from cosmic_morphology.collect.http.rate_limiter import RateLimiter, SentRequest


class Pace(Protocol):
    """What a client waits for before each request."""

    async def acquire(self) -> SentRequest | int | None:
        """Wait until a request may be sent; what :meth:`answered` is to be told."""

    def answered(self, sent: SentRequest | int | None) -> None:
        """Note that the answer to a request begins to come."""

    def rest(self, wait_s: float) -> None:
        """Let nobody through for a while."""


class OwnPace:
    """The pace of one process.

    Parameters
    ----------
    per_s : float or None
        Requests per second at most; None without a limit (this machine).
    """

    def __init__(self, per_s: float | None) -> None:
        self._limiter = RateLimiter(per_s) if per_s is not None else None
        self._rests_until = 0.0

    async def acquire(self) -> SentRequest | None:
        """Wait until a request may be sent."""
        # The loop's clock is monotonic: setting the machine's clock changes nothing here.
        clock = asyncio.get_running_loop().time
        sent = await self._limiter.acquire() if self._limiter is not None else None
        if (rest_s := self._rests_until - clock()) > 0:
            await asyncio.sleep(rest_s)
            # Those who have slept side by side must not wake up as a crowd.
            return await self.acquire()
        return sent

    def answered(self, sent: SentRequest | int | None) -> None:
        """Note that the answer to a request begins to come."""
        if self._limiter is not None and isinstance(sent, SentRequest):
            self._limiter.answered(sent)

    def rest(self, wait_s: float) -> None:
        """Let nobody through for a while."""
        self._rests_until = max(self._rests_until, asyncio.get_running_loop().time() + wait_s)
