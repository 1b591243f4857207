"""Which addresses a collector may ask: only http(s), only the hosts of the source."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState
from cosmic_morphology.collect.http.resolver import is_public
from cosmic_morphology.errors import UsageError

_SAFE_IN_PATH = "/%:@!$&'()*+,;=~-._"
_SAFE_IN_QUERY = _SAFE_IN_PATH + "?"
_MAX_URL = 8_000


class UrlPolicy:
    """The hosts of one source; every address goes through here before it is asked.

    Parameters
    ----------
    hosts : iterable of str
        Names of hosts; one that begins with a dot stands for all its subdomains.
    root : str
        Another address of the source, such as a replica's. It may be plain http and on a
        private address, and then nothing but its own origin may be asked.
    """

    def __init__(self, hosts: Iterable[str], root: str = "") -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._root = origin_of_root(root) if root else None

    @property
    def free(self) -> list[str]:
        """Hosts that may have private addresses: that of the root."""
        return [self._root[1]] if self._root else []

    def normalise(self, url: str, base: str = "") -> str:
        """The address as it is asked: absolute, https, percent-encoded, allowed.

        Raises
        ------
        FetchFailedError
            ``forbidden``: another scheme, another host, a user name, a private address. What
            a name leads to is checked when it is connected to.
        """
        try:
            parts = urlsplit(urljoin(base, url.strip()))
            return self._allowed(url, parts, _origin(parts))
        except ValueError as error:
            # Brackets, ports, and surrogates that are none.
            raise _forbidden(url, f"this is no address ({error})") from error

    def _allowed(self, url: str, parts: SplitResult, origin: tuple[str, str, int]) -> str:
        if parts.scheme not in ("http", "https"):
            raise _forbidden(url, f"only http and https are followed, not {parts.scheme!r}")
        if parts.username or parts.password:
            raise _forbidden(url, "the address carries a user name")
        if origin == self._root:
            return _encoded(parts, parts.scheme, parts.netloc)
        if self._root is not None or not self._knows(origin[1]):
            raise _forbidden(url, "this host does not belong to the source")
        if origin[2] not in (80, 443) or not _may_be_public(origin[1]):
            raise _forbidden(url, "this is a private address or an unusual port")
        return _encoded(parts, "https", _ascii(origin[1]))

    def _knows(self, host: str) -> bool:
        return any(
            host.endswith(known) or host == known[1:] if known.startswith(".") else host == known
            for known in self._hosts
        )


def host_of(url: str) -> str:
    """The host of a clean address, with its port where it is not the usual one.

    Examples
    --------
    >>> host_of("https://images.nasa.gov/a.jpg"), host_of("http://localhost:8080/a.jpg")
    ('images.nasa.gov', 'localhost:8080')
    """
    return urlsplit(url).netloc.lower()


def is_loopback(host: str) -> bool:
    """Whether a host (with or without port) is this machine.

    Examples
    --------
    >>> is_loopback("127.0.0.1:8080"), is_loopback("images.nasa.gov")
    (True, False)
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _may_be_public(host: str) -> bool:
    """Whether a host is a name (whose addresses are checked when it is connected to) or public."""
    return is_public(host) if is_address(host) else not is_loopback(host)


def is_address(host: str) -> bool:
    """Whether a host is written as a number.

    Examples
    --------
    >>> is_address("127.0.0.1"), is_address("images.nasa.gov")
    (True, False)
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def origin_of_root(root: str) -> tuple[str, str, int]:
    """Scheme, host and port of the address that a person gave in an archive's place.

    Raises
    ------
    UsageError
        It is no address of http or https.
    """
    try:
        parts = urlsplit(root)
        origin = _origin(parts)
    except ValueError as error:
        raise UsageError(
            f"this is no address ({error})",
            where=root,
            todo="Give one such as https://example.org.",
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "this is no address of http or https",
            where=root,
            todo="Give one that starts with http:// or https://.",
        )
    return origin


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def _ascii(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    return host if host.isascii() else host.encode("idna").decode()


def _encoded(parts: SplitResult, scheme: str, netloc: str) -> str:
    path = quote(parts.path, safe=_SAFE_IN_PATH)
    url = urlunsplit((scheme, netloc, path, quote(parts.query, safe=_SAFE_IN_QUERY), ""))
    if len(url) > _MAX_URL:
        raise _forbidden(url, f"the address has {len(url):,} characters")
    return url


def _forbidden(url: str, what: str) -> FetchFailedError:
    shown = url[:200].encode("utf-8", "replace").decode("utf-8")
    return FetchFailedError(FetchState.FORBIDDEN, "forbidden", what, where=shown)
