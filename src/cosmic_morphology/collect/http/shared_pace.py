"""One pace for each host, however many workers of a cluster ask it."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from importlib.metadata import version
from typing import Any

from cosmic_morphology.collect.http.pace import OwnPace
from cosmic_morphology.collect.http.rate_limiter import SentRequest

NAME = f"pace of hosts {version('cosmic-morphology')}"
"""Of the actor: commands that run at the same time on one cluster share it."""

# A turn that took so much longer than the quickest to reach its worker is not used any more.
_STALE_S = 0.1
# Requests whose answers may still come.
_MOST_TICKETS = 100_000


class SharedPaces:
    """Holds the pace of each host for all; the class of an actor."""

    def __init__(self) -> None:
        self._paces: dict[str, tuple[float, OwnPace]] = {}
        self._sent: OrderedDict[int, SentRequest] = OrderedDict()
        self._tickets = 0

    async def acquire(self, host: str, per_s: float) -> tuple[int, float]:
        """Wait until a host may be asked; a number for :meth:`answered`, and the time here.

        Parameters
        ----------
        host : str
            Its name.
        per_s : float
            Requests per second at most. Where callers differ, the lowest that was said holds.
        """
        sent = await self._pace(host, per_s).acquire()
        self._tickets += 1
        if sent is not None:
            self._sent[self._tickets] = sent
        if len(self._sent) > _MOST_TICKETS:  # their workers have died
            self._sent.popitem(last=False)
        return self._tickets, asyncio.get_running_loop().time()

    async def answered(self, host: str, ticket: int) -> None:
        """Note that the answer to a request begins to come."""
        if host in self._paces:
            self._paces[host][1].answered(self._sent.pop(ticket, None))

    async def rest(self, host: str, wait_s: float) -> None:
        """Let nobody ask a host for a while."""
        if host in self._paces:
            self._paces[host][1].rest(wait_s)

    def _pace(self, host: str, per_s: float) -> OwnPace:
        known = self._paces.get(host)
        if known is not None and known[0] <= per_s:
            return known[1]
        pace = OwnPace(per_s)
        # Nobody knows what was asked a moment ago: this actor may have been made again.
        pace.rest(max(1.0, 1 / per_s))
        self._paces[host] = per_s, pace
        return pace


class SharedPace:
    """The pace of one host, as a worker waits for it.

    Parameters
    ----------
    actor : ray.actor.ActorHandle
        Of :class:`SharedPaces`.
    host : str
        Its name.
    per_s : float
        Requests per second at most.
    """

    def __init__(self, actor: Any, host: str, per_s: float) -> None:
        self._actor, self._host, self._per_s = actor, host, per_s
        self._least_delay_s = math.inf

    async def acquire(self) -> int:
        """Wait until the host may be asked.

        A turn that was long on its way, since this worker or the network stood still, is given
        up: several of them would reach the host as a crowd.
        """
        while True:
            ticket, given_at = await self._actor.acquire.remote(self._host, self._per_s)
            # Clocks of two machines differ, by as much each time.
            delay_s = asyncio.get_running_loop().time() - given_at
            self._least_delay_s = min(self._least_delay_s, delay_s)
            if delay_s - self._least_delay_s <= _STALE_S:
                return int(ticket)
            self.answered(ticket)

    def answered(self, sent: SentRequest | int | None) -> None:
        """Note that the answer to a request begins to come."""
        self._actor.answered.remote(self._host, sent)

    def rest(self, wait_s: float) -> None:
        """Let nobody ask the host for a while."""
        self._actor.rest.remote(self._host, wait_s)
