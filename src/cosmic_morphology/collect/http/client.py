"""The one polite client that every byte comes through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState
from cosmic_morphology.collect.http.body import read_body
from cosmic_morphology.collect.http.headers import opts_out, retry_after_s, user_agent
from cosmic_morphology.collect.http.host_limiter import HostLimiter, allowed_per_s
from cosmic_morphology.collect.http.pace import Pace
from cosmic_morphology.collect.http.proxies import Proxies
from cosmic_morphology.collect.http.resolver import PinnedResolver
from cosmic_morphology.collect.http.retries import with_retries
from cosmic_morphology.collect.http.url_policy import UrlPolicy, host_of
from cosmic_morphology.collect.sources.text import plain, utf8
from cosmic_morphology.settings import CollectSettings

MAX_REDIRECTS = 5
MAX_JSON_BYTES = 64_000_000
MOST_ITEMS = 1_000
"""Records in an answer where the source says no other number."""

# Archives' records have some 5 kB and 50 values; the longest descriptions are books.
_BYTES_AROUND, _BYTES_PER_ITEM = 2_000_000, 250_000
_VALUES_AROUND, _VALUES_PER_ITEM = 20_000, 5_000
_MAX_HEAD_LINE = 32_768
# A silent server is left after timeout_s; one whose head drips in, after so many of them.
_HEAD_PATIENCE = 2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
UNLIMITED = 99
# 304 without a condition is a cache that is out of order.
_PASSING = frozenset({304, 408, 425, 500, 502, 503, 504})
_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer: ``data`` is empty where ``unchanged`` (the server said 304)."""

    url: str
    data: bytes
    status_code: int
    etag: str
    last_modified: str
    headers: Mapping[str, str]
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class _FetchRequest:
    """What is asked for, after redirects."""

    url: str
    max_bytes: int
    is_image: bool
    conditional: bool


class Client:
    """Asks within the manners of each host; use it in an ``async with`` block.

    Parameters
    ----------
    settings : CollectSettings
        Rates, patience, tries, the contact of the user agent.
    url_policy : UrlPolicy
        Where it may go.
    declared_per_s : mapping of str to float, optional
        Requests per second by host, as the source declares them.
    pace_of : callable, optional
        Gets a host and its requests per second; gives the pace that several clients share.
    """

    def __init__(
        self,
        settings: CollectSettings,
        url_policy: UrlPolicy,
        declared_per_s: Mapping[str, float] | None = None,
        pace_of: Callable[[str, float], Pace] | None = None,
    ) -> None:
        self.settings = settings
        self.url_policy = url_policy
        self._declared_per_s = declared_per_s or {}
        self._pace_of = pace_of
        self.proxies = Proxies()
        self._limiters: dict[str, HostLimiter] = {}
        self._resolver = PinnedResolver([*url_policy.free, *self.proxies.hosts])
        self._own: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # How many connections there are is the gates' business.
        connector = aiohttp.TCPConnector(limit=0, resolver=self._resolver, use_dns_cache=False)
        self._own = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": user_agent(self.settings)},
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=self.settings.timeout_s,
                sock_read=self.settings.timeout_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_MAX_HEAD_LINE,
            max_field_size=_MAX_HEAD_LINE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._own is not None:
            await self._own.close()

    async def json(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = MOST_ITEMS
    ) -> Any:
        """The JSON of an answer; see :meth:`json_and_headers`."""
        return (await self.json_and_headers(url, params, items=items))[0]

    async def json_and_headers(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = MOST_ITEMS
    ) -> tuple[Any, Mapping[str, str]]:
        """The JSON of an answer and its headers, tried as often as the settings allow.

        Parameters
        ----------
        url, params : str and mapping
            The address, and what is put behind its question mark.
        items : int
            Records that were asked for: a larger answer is refused before it is unpacked or read.

        Raises
        ------
        FetchFailedError
            It could not be had, or is not JSON; ``status_code`` says what the server said.
        """
        address = self.url_policy.normalise(
            f"{url}?{urlencode(params, errors='replace')}" if params else url
        )

        async def once() -> tuple[Any, Mapping[str, str]]:
            headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
            most = min(MAX_JSON_BYTES, _BYTES_AROUND + items * _BYTES_PER_ITEM)
            answer = await self.get(address, headers=headers, max_bytes=most)
            # Twenty million empty records are few bytes, and gigabytes once they are read.
            values = sum(map(answer.data.count, (b"{", b"[", b",")))
            if values > _VALUES_AROUND + items * _VALUES_PER_ITEM:
                what = f"{values:,} values in an answer of {items:,} records at most"
                raise FetchFailedError(FetchState.TOO_LARGE, "too_large", what, where=address)
            try:
                return json.loads(answer.data), answer.headers
            except (ValueError, RecursionError) as error:
                what = f"the answer is not JSON ({error})"
                raise FetchFailedError(
                    FetchState.FAILED, "not_json", what, where=address, tries=UNLIMITED
                ) from error

        return (await with_retries(self.settings, once)).value

    async def image(
        self, url: str, *, max_bytes: int, etag: str = "", last_modified: str = ""
    ) -> HttpResponse:
        """One try at the bytes of an image; with a condition it may be ``unchanged``.

        Raises
        ------
        FetchFailedError
            Anything but bytes that may be used.
        """
        headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
        if etag:
            headers["If-None-Match"] = etag
        elif last_modified:
            headers["If-Modified-Since"] = last_modified
        return await self.get(url, headers=headers, max_bytes=max_bytes, is_image=True)

    async def get(
        self, url: str, *, headers: Mapping[str, str], max_bytes: int, is_image: bool = False
    ) -> HttpResponse:
        """One try at a clean address, redirects followed by hand."""
        conditional = not {"If-None-Match", "If-Modified-Since"}.isdisjoint(headers)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._stream(url, headers, first=not is_image) as answer:
                location = answer.headers.get("location", "")
                if answer.status not in _REDIRECTS or not location:
                    wanted = _FetchRequest(url, max_bytes, is_image, conditional)
                    return await self._read(answer, wanted)
                url = self.url_policy.normalise(location, base=url)
        what = f"more than {MAX_REDIRECTS} redirects"
        raise FetchFailedError(FetchState.FORBIDDEN, "redirects", what, where=url)

    @asynccontextmanager
    async def _stream(
        self, url: str, headers: Mapping[str, str], *, first: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        host = host_of(url)
        limiter = self._limiters.get(host)
        if limiter is None:
            limiter = HostLimiter(host, self.settings, self._declared_per_s)
            per_s = allowed_per_s(host, self.settings, self._declared_per_s)
            if self._pace_of is not None and per_s is not None:
                limiter.pace = self._pace_of(host, per_s)
            self._limiters[host] = limiter
        async with limiter.acquire(first=first) as turn:
            try:
                answer = await self._head(url, headers)
            except TimeoutError as error:
                self._resolver.forget(URL(url).host or "")
                raise transient("timeout", "no answer in time", url) from error
            except (aiohttp.ClientError, OSError) as error:
                self._resolver.forget(URL(url).host or "")
                what = f"the connection failed ({type(error).__name__}: {error})"
                raise transient("connection", utf8(what), url) from error
            except ValueError as error:
                raise FetchFailedError(
                    FetchState.FORBIDDEN, "forbidden", str(error), where=url
                ) from error
            turn.answered()
            try:
                yield answer
            except (aiohttp.ClientError, OSError) as error:
                what = f"the connection failed ({type(error).__name__}: {error})"
                raise transient("connection", utf8(what), url) from error
            finally:
                # One that was read to its end is kept open for the next request.
                answer.release()

    async def _head(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self._own is None:
            msg = "a client is used in an async with block"
            raise RuntimeError(msg)
        async with asyncio.timeout(_HEAD_PATIENCE * self.settings.timeout_s):
            return await self._own.get(
                # As it was checked, not as another library would write it.
                URL(url, encoded=True),
                headers=headers,
                proxy=self.proxies.of(url),
                allow_redirects=False,
            )

    async def _read(self, answer: aiohttp.ClientResponse, wanted: _FetchRequest) -> HttpResponse:
        url, is_image, headers, status = (
            wanted.url,
            wanted.is_image,
            answer.headers,
            answer.status,
        )
        etag = utf8(headers.get("etag", "")[:500])
        modified = utf8(headers.get("last-modified", "")[:100])
        limiter = self._limiters[host_of(url)]
        if status == HTTPStatus.FORBIDDEN:
            limiter.refused()
        else:
            limiter.answered()
        if status == HTTPStatus.NOT_MODIFIED and wanted.conditional:
            return HttpResponse(url, b"", status, etag, modified, headers, unchanged=True)
        if status != HTTPStatus.OK:
            raise await self._trouble(answer, url, limiter, is_image=is_image)
        if is_image and self.settings.honour_opt_out and opts_out(headers):
            what = f"X-Robots-Tag says {headers['x-robots-tag']!r}"
            raise FetchFailedError(
                FetchState.OPTED_OUT, "x_robots_tag", what, where=url, status_code=status
            )
        data = await read_body(answer, wanted.max_bytes, self.settings.timeout_s)
        return HttpResponse(url, data, status, etag, modified, headers)

    async def _trouble(
        self, answer: aiohttp.ClientResponse, url: str, limiter: HostLimiter, *, is_image: bool
    ) -> FetchFailedError:
        status = answer.status
        what = f"the server answers {status}"
        reason = "" if is_image else await _reason(answer)
        what += f" ({reason})" if reason else ""
        kind = f"http_{status}"
        given: dict[str, Any] = {"where": url, "status_code": status}
        wait_s = retry_after_s(answer.headers.get("retry-after", ""))
        if status == HTTPStatus.TOO_MANY_REQUESTS or (wait_s is not None and status in _PASSING):
            if wait_s is not None and wait_s > self.settings.max_wait_s:
                what += f" and asks to wait {wait_s:.0f} s"
                return FetchFailedError(FetchState.FAILED, kind, what, **given)
            limiter.rest(wait_s)
            return FetchFailedError(
                FetchState.FAILED, kind, what, wait_s=wait_s, tries=UNLIMITED, **given
            )
        if status in _PASSING:
            return FetchFailedError(FetchState.FAILED, kind, what, tries=UNLIMITED, **given)
        if status == HTTPStatus.FORBIDDEN:
            pause_s = self.settings.throttle_pause_s
            return FetchFailedError(
                FetchState.REFUSED, kind, what, wait_s=pause_s, tries=2, **given
            )
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return FetchFailedError(FetchState.GONE, kind, what, **given)
        return FetchFailedError(FetchState.REFUSED, kind, what, **given)


async def _reason(answer: aiohttp.ClientResponse) -> str:
    """What the server says about an error, in one short line."""
    try:
        async with asyncio.timeout(5):
            body = await read_body(answer, 10_000, 5)
    except (FetchFailedError, aiohttp.ClientError, OSError):
        return ""
    try:
        said = json.loads(body)
        text = plain(said.get("reason")) or plain(said.get("message"))
    except (ValueError, AttributeError, RecursionError):
        return ""
    return text[:_REASON_CHARS]


def transient(kind: str, what: str, url: str) -> FetchFailedError:
    """A failure that may pass: it is tried again as often as the rules allow."""
    return FetchFailedError(FetchState.FAILED, kind, what, where=url, tries=UNLIMITED)
