"""The proxy that a machine is told to use, by the usual variables of the environment."""

from __future__ import annotations

from urllib.parse import urlsplit

# The stubs forget the second.
from urllib.request import (  # type: ignore[attr-defined]
    getproxies_environment,
    proxy_bypass_environment,
)

from cosmic_morphology.errors import SettingsError


class Proxies:
    """``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, read once.

    Behind a proxy only the proxy looks names up: which hosts may be asked still holds, which
    addresses they may have cannot be checked.

    Raises
    ------
    SettingsError
        A proxy is no address of http.
    """

    def __init__(self) -> None:
        self._given = getproxies_environment()
        self.used: set[str] = set()
        for scheme in ("http", "https", "all"):
            proxy = self._given.get(scheme, "")
            if proxy:
                self._given[scheme] = _checked(proxy, f"{scheme.upper()}_PROXY")

    @property
    def hosts(self) -> list[str]:
        """Names of the proxies' hosts."""
        proxies = [self._given.get(scheme, "") for scheme in ("http", "https", "all")]
        return [urlsplit(proxy).hostname or "" for proxy in proxies if proxy]

    def of(self, url: str) -> str | None:
        """The proxy for an address; None where it is asked directly."""
        parts = urlsplit(url)
        proxy = self._given.get(parts.scheme) or self._given.get("all")
        if not proxy or proxy_bypass_environment(parts.netloc, self._given):
            return None
        self.used.add(urlsplit(proxy).netloc.rpartition("@")[2])
        return proxy


def _checked(proxy: str, where: str) -> str:
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(proxy)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise SettingsError("this is no proxy of http", where=where, todo="Give http://HOST:PORT.")
    return proxy
