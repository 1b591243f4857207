"""First contact with an object store, and the limits of every connection to it.

A wrong address is told within ten seconds, before any work is done; a store that was reached and
then fails for a while is asked again for minutes, since a harvest of hours must not end by it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Thread

from cosmic_morphology.atlas.storage.faults import is_busy, is_missing
from cosmic_morphology.errors import AtlasPlaceError, AtlasStoreError
from cosmic_morphology.safe_text import without_secrets

# A limit of its own for each try; tries go on for as long as the last one says, also on "503 Slow
# Down". 180 s is Lance's own; its ten tries would be over after a few seconds.
_LIMITS = {
    "connect_timeout": "5s",
    "timeout": "120s",
    "client_retry_timeout": "180",
    "client_max_retries": "1000",
}
_AT_FIRST = {"timeout": "8s", "client_retry_timeout": "5", "client_max_retries": "0"}
# Some ways to look for credentials and regions take no limit: they are left behind.
_FIRST_CONTACT_S = 9
_NOTHING = "nothing"
_ENDPOINTS = ("endpoint", "aws_endpoint", "endpoint_url", "aws_endpoint_url")


def with_limits(options: Mapping[str, str] | None) -> dict[str, str]:
    """Storage options with a limit on each connection; what is given goes before.

    Raises
    ------
    AtlasPlaceError
        The address of the store is none.

    Examples
    --------
    >>> with_limits({"endpoint": "http://localhost:9000", "timeout": "9s"})["timeout"]
    '9s'
    >>> with_limits({"endpoint": "http://localhost:9000"})["allow_http"]
    'true'
    """
    given = dict(options or {})
    names = {name.lower(): value for name, value in given.items()}
    endpoint = next((names[each] for each in _ENDPOINTS if each in names), "")
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise AtlasPlaceError(
            "the address of the store begins with neither http:// nor https://",
            where=without_secrets(endpoint),
            todo="Give another `endpoint` in `storage_options`, or AWS_ENDPOINT_URL.",
        )
    plain = {"allow_http": "true"} if endpoint.startswith("http://") else {}
    return {**_LIMITS, **plain, **given}


def reach(uri: str, options: Mapping[str, str]) -> None:
    """Ask the store for an empty listing, once: an error is one of the store or of its address.

    Parameters
    ----------
    uri : str
        The atlas.
    options : mapping of str to str
        With limits.

    Raises
    ------
    AtlasStoreError
        Nothing answers.
    OSError
        As Lance raises it: the store is there and refuses.
    """
    failed: list[BaseException] = []

    def ask() -> None:
        from lance.file import LanceFileSession

        try:
            LanceFileSession(uri, {**options, **_AT_FIRST}).list(_NOTHING)
        except BaseException as error:  # noqa: BLE001 - Lance's panics, too; raised again below
            failed.append(error)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_FIRST_CONTACT_S)
    if asking.is_alive():
        raise AtlasStoreError(
            f"the store has not answered within {_FIRST_CONTACT_S} s",
            where=without_secrets(uri),
            todo="See whether its address, region and credentials are right.",
        )
    if failed and is_missing(failed[0]):  # a store knows how to list what is not there
        raise AtlasStoreError(
            "what answers there is no object store",
            where=without_secrets(uri),
            todo="See whether `endpoint` in `storage_options` is right.",
        )
    if failed and not is_busy(failed[0]):
        raise failed[0]
