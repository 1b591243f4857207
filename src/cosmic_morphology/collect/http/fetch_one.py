"""One image from an address that a person gave, by the same polite client as collecting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cosmic_morphology.errors import InputError

if TYPE_CHECKING:
    from cosmic_morphology.settings import Settings


def image_at(
    url: str, settings: Settings, *, this_machine: bool = True, within_s: float | None = None
) -> bytes:
    """The body of an address; only its own host is asked, and no private address but this machine.

    Parameters
    ----------
    url : str
        The address.
    settings : Settings
        Pace, patience, and how large an image may be.
    this_machine : bool
        Whether a loopback address may be asked: not where the address is a stranger's.

    within_s : float, optional
        Seconds after which it is given up, tries and waits for another included: for somebody who
        waits at a page. Without it the patience of collecting holds.

    Raises
    ------
    InputError
        It could not be had, with the reason.
    """
    from cosmic_morphology.collect.harvest.items import FetchFailedError
    from cosmic_morphology.collect.http.client import Client
    from cosmic_morphology.collect.http.retries import with_retries
    from cosmic_morphology.collect.http.url_policy import UrlPolicy, is_loopback

    async def fetched() -> bytes:
        host = urlsplit(url).hostname or ""
        url_policy = UrlPolicy([host], root=url if this_machine and is_loopback(host) else "")
        async with Client(settings.collect, url_policy) as client:
            address = url_policy.normalise(url)
            largest = settings.imaging.max_bytes
            asked = with_retries(settings.collect, lambda: client.image(address, max_bytes=largest))
            async with asyncio.timeout(within_s):
                return (await asked).value.data

    try:
        return asyncio.run(fetched())
    except TimeoutError as error:
        raise InputError(
            f"the image did not come within {within_s:g} s",
            where=url,
            todo="Save it to a file with your browser, and give that file.",
        ) from error
    except ValueError as error:
        raise InputError(
            f"this is no address ({error})", where=url, todo="Give one that starts with https://."
        ) from error
    except FetchFailedError as trouble:
        raise InputError(
            f"the image cannot be had: {trouble.what}",
            where=url,
            todo="Save it to a file with your browser, and give that file.",
        ) from trouble
