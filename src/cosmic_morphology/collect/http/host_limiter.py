"""Politeness: how often, and how many at once, each host is asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cosmic_morphology.collect.http.pace import OwnPace, Pace
from cosmic_morphology.collect.http.rate_limiter import SentRequest
from cosmic_morphology.collect.http.url_policy import is_loopback
from cosmic_morphology.settings import CollectSettings

POLITE_PER_S = 2.0
"""Requests per second to a host for which neither the settings nor a source say a number."""

# These answer 429 without Retry-After and mean a minute.
_LONG_REST = frozenset({"commons.wikimedia.org", "upload.wikimedia.org"})

# One refusal says something about its URL, three in a row about the host.
_REFUSALS_IN_A_ROW = 3


def allowed_per_s(
    host: str, settings: CollectSettings, declared: Mapping[str, float]
) -> float | None:
    """Requests per second that a host is asked at most; None without a limit (this machine).

    The settings come first, then what the source declares of its hosts.
    """
    if settings.requests_per_s is not None:
        return settings.requests_per_s
    if host in declared:
        return declared[host]
    return None if is_loopback(host) else POLITE_PER_S


class HostLimiter:
    """The way to one host.

    Parameters
    ----------
    host : str
        Its name, as it stands in an address.
    settings : CollectSettings
        Rate, open requests, and how long a host rests after it has had enough.
    declared : mapping of str to float
        Requests per second by host, as the source declares them.

    Attributes
    ----------
    pace : Pace
        When it may be asked next; of this process alone, unless another one is put there.
    """

    def __init__(self, host: str, settings: CollectSettings, declared: Mapping[str, float]) -> None:
        self.pace: Pace = OwnPace(allowed_per_s(host, settings, declared))
        self._open = PrioritySemaphore(settings.concurrency)
        self._pause_s = settings.throttle_pause_s
        self._rest_s = settings.throttle_pause_s if host in _LONG_REST else settings.backoff_s
        self._refusals = 0

    @asynccontextmanager
    async def acquire(self, *, first: bool = False) -> AsyncIterator[Slot]:
        """Wait for a turn; it is taken until the block ends.

        Parameters
        ----------
        first : bool
            Before all that wait and are not: a page of a search names a hundred images, and
            behind their requests it would come when nothing else is left to do.
        """
        await self._open.take(first=first)
        try:
            yield Slot(self.pace, await self.pace.acquire())
        finally:
            self._open.give_back()

    def rest(self, wait_s: float | None) -> None:
        """Let nobody through for a while; None: as long as this host usually means."""
        self.pace.rest(self._rest_s if wait_s is None else wait_s)

    def refused(self) -> None:
        """Note a 403: several in a row mean that the host throttles."""
        self._refusals += 1
        if self._refusals >= _REFUSALS_IN_A_ROW:
            self._refusals = 0
            self.rest(self._pause_s)

    def answered(self) -> None:
        """Note an answer that is none of these."""
        self._refusals = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """One request's place, and whom to tell when the answer comes."""

    pace: Pace
    sent: SentRequest | int | None

    def answered(self) -> None:
        """Note that the answer begins to come."""
        self.pace.answered(self.sent)


class PrioritySemaphore:
    """A semaphore with two queues."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._first: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    async def take(self, *, first: bool) -> None:
        """Wait for a place."""
        if self._left:
            self._left -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._first if first else self._others).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given and nobody will use it
                self.give_back()
            raise

    def give_back(self) -> None:
        """Pass a place on to whoever is next."""
        for queue in (self._first, self._others):
            while queue:
                place = queue.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._left += 1
