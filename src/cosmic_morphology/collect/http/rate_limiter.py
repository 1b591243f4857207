"""One host's rate: no second has more requests than allowed, and next to none is lost.

A leaky bucket loses every late wake-up of the event loop: asleep for 12 ms in place of 10, it has
lost a sixth of its rate. Here each request has a place in a schedule that does not drift, and a
late one is followed at once by those that are due; what keeps their crowd in bounds is the log of
the requests of the last second.

The seconds that count are the server's, and a request may be late on its way. It arrived at the
latest when its answer came, less the quickest round trip that was seen: that is its time in the
log once it is answered. So steady latency costs nothing and only its changes do.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# For what the measured round trips do not show.
_MARGIN = 0.004
# An answer that takes this much longer than the quickest one was long in the making, not its
# request long on the way.
_LATEST_S = 0.25
# What an idle time leaves unused is lost but for this much of it, s.
_CATCH_UP_S = 0.1


@dataclass(slots=True)
class SentRequest:
    """A request: when it was sent, and how long its answer took, s."""

    at: float
    took_s: float = math.inf


class RateLimiter:
    """Lets no window of one second have more than ``rate_per_s`` requests.

    Parameters
    ----------
    rate_per_s : float
        Of a rate that is no whole number, a second has the whole number below; a rate below one
        is one request in its inverse.
    clock : callable, optional
        Seconds that only go forward; without it those of the event loop.
    sleep : callable, optional
        Without it the event loop's.
    """

    def __init__(
        self,
        rate_per_s: float,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        whole = max(1, int(rate_per_s))
        self._window_s = max(1.0, 1 / rate_per_s) * (1 + _MARGIN)
        self._spacing_s = self._window_s / whole
        self._clock = clock
        self._sleep = sleep
        self._whole = whole
        self._log: deque[SentRequest] = deque(maxlen=whole)
        self._quickest_s = math.inf
        self._next = float("-inf")
        self._queue = asyncio.Lock()

    async def acquire(self) -> SentRequest:
        """Wait until a request may be sent; in the order of asking."""
        async with self._queue:
            while (wait_s := self._due() - (now := self._now())) > 0:
                await self._sleep(wait_s)
            sent = SentRequest(now)
            self._log.append(sent)
            self._next = max(self._next, now - _CATCH_UP_S) + self._spacing_s
            return sent

    def answered(self, sent: SentRequest) -> None:
        """Note that the answer to a request begins to come."""
        sent.took_s = self._now() - sent.at
        self._quickest_s = min(self._quickest_s, sent.took_s)

    def _due(self) -> float:
        """When the next request may be sent, by the schedule and by the log."""
        if len(self._log) < self._whole:
            return self._next
        oldest = self._log[0]
        on_its_way_s = 0.0 if math.isinf(self._quickest_s) else self._quickest_s
        late_s = min(oldest.took_s - on_its_way_s, _LATEST_S)
        return max(self._next, oldest.at + late_s + self._window_s)

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()
