"""One host's rate: no second has more requests than allowed, and next to none is lost.

A leaky bucket loses every late wake-up of the event loop: asleep for 12 ms in place of 10, it has
lost a sixth of its rate. Here each request has a place in a schedule that does not drift, and a
late one is followed at once by those that are due; what keeps their crowd in bounds is the log of
the requests of the last second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

# Requests reach a server a little earlier or later than they were let go: the second is this
# much longer than a second, so that the server's seconds are kept, too.
_MARGIN = 0.02
# What an idle time leaves unused is lost but for this much of it, s.
_CATCH_UP_S = 0.1


class Pacer:
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
        self._log: deque[float] = deque(maxlen=whole)
        self._next = float("-inf")
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until a request may be sent; in the order of asking."""
        clock = self._clock or asyncio.get_running_loop().time
        async with self._queue:
            while (wait_s := self._due() - (now := clock())) > 0:
                await self._sleep(wait_s)
            self._log.append(now)
            self._next = max(self._next, now - _CATCH_UP_S) + self._spacing_s

    def _due(self) -> float:
        """When the next request may be sent, by the schedule and by the log."""
        is_full = len(self._log) == self._log.maxlen
        return max(self._next, self._log[0] + self._window_s) if is_full else self._next
