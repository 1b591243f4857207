"""Names of hosts to addresses: looked up once, checked, and connected to as they were checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

from aiohttp.abc import AbstractResolver, ResolveResult

from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState


class PinnedResolver(AbstractResolver):
    """What the client asks for addresses; nobody else looks a name up.

    A name is looked up once. All its addresses must be public, and the ones that were checked are
    the ones that are connected to: a second answer of a name server, with a private address in
    it, is never asked for.

    Parameters
    ----------
    free : iterable of str
        Hosts that may have private addresses: a replica's, a configured proxy's.
    """

    def __init__(self, free: Iterable[str] = ()) -> None:
        self._free = {host.lower() for host in free}
        self._found: dict[str, list[tuple[int, str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises
        ------
        FetchFailedError
            ``forbidden``: one of them is private.
        OSError
            There is no such host.
        """
        if host not in self._found:
            self._found[host] = await self._look_up(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=found,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, address in self._found[host]
            if family in (socket.AF_UNSPEC, found)
        ]

    async def close(self) -> None:
        """Nothing is open."""

    def forget(self, host: str) -> None:
        """Look a host up again the next time: a connection to it failed."""
        self._found.pop(host, None)

    async def _look_up(self, host: str) -> list[tuple[int, str]]:
        loop = asyncio.get_running_loop()
        try:
            entries = await loop.run_in_executor(None, _addresses, host)
        except UnicodeError as error:
            raise OSError(f"{host!r} is no name of a host") from error
        found = list(dict.fromkeys((entry[0], str(entry[4][0])) for entry in entries))
        if host.lower() not in self._free and not all(is_public(each) for _, each in found):
            raise FetchFailedError(
                FetchState.FORBIDDEN, "forbidden", "this is a private address", where=host
            )
        return found


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the internet at large.

    Examples
    --------
    >>> is_public("192.168.1.5"), is_public("8.8.8.8")
    (False, True)
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


def _addresses(host: str) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)  # type: ignore[return-value]
