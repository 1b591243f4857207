"""Who fetches an image that several searches show: the first that met it, and nobody else."""

from __future__ import annotations

from typing import Any, Protocol

OWN = "own"
"""The name of a reader that shares its claims with nobody."""
NOBODY = ""


class Claims(Protocol):
    """Knows which image an address is, and which reader fetches it."""

    async def claim(self, url: str, record_id: str, owner: str, reader: str) -> tuple[str, str]:
        """Ask for an address.

        Parameters
        ----------
        url : str
            The address.
        record_id : str
            The image that was met.
        owner : str
            The image that the address is, as far as the caller knows: often the same.
        reader : str
            Who asks.

        Returns
        -------
        tuple of str and str
            The image that the address is, and who fetches it; :data:`NOBODY` as long as only
            other images of that address were met.
        """


class OwnClaims:
    """Claims of the readers of one process; also the class of an actor, for those of many."""

    def __init__(self) -> None:
        self._claimed: dict[str, tuple[str, str]] = {}

    async def claim(self, url: str, record_id: str, owner: str, reader: str) -> tuple[str, str]:
        """Ask for an address; see :class:`Claims`."""
        known, whose = self._claimed.get(url, (owner, NOBODY))
        if known == record_id and whose == NOBODY:
            whose = reader
        self._claimed[url] = known, whose
        return known, whose


class SharedClaims:
    """The claims that an actor holds.

    Parameters
    ----------
    actor : ray.actor.ActorHandle
        Of :class:`OwnClaims`.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def claim(self, url: str, record_id: str, owner: str, reader: str) -> tuple[str, str]:
        """Ask for an address; see :class:`Claims`."""
        known, whose = await self._actor.claim.remote(url, record_id, owner, reader)
        return known, whose
