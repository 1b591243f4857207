"""The one polite client that every byte comes through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlencode

import httpx2

from cosmic_morphology.collect.bodies import read_body
from cosmic_morphology.collect.doors import Doors, host_of
from cosmic_morphology.collect.gates import Gate
from cosmic_morphology.collect.retries import with_retries
from cosmic_morphology.collect.states import FetchState, Trouble
from cosmic_morphology.settings import CollectSettings

MAX_REDIRECTS = 5
MAX_JSON_BYTES = 64_000_000
OPT_OUT = frozenset({"noai", "noimageai", "noindex", "noimageindex"})
_MANY = 99
# 304 without a condition is a cache that is out of order.
_PASSING = frozenset({304, 408, 425, 500, 502, 503, 504})
_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: ``data`` is empty where ``unchanged`` (the server said 304)."""

    url: str
    data: bytes
    status_code: int
    etag: str
    last_modified: str
    headers: Mapping[str, str]
    unchanged: bool = False


class Client:
    """Asks within the manners of each host; use it in an ``async with`` block.

    Parameters
    ----------
    settings : CollectSettings
        Rates, patience, tries, the contact of the user agent.
    doors : Doors
        Where it may go.
    """

    def __init__(self, settings: CollectSettings, doors: Doors) -> None:
        self.settings = settings
        self.doors = doors
        self._gates: dict[str, Gate] = {}
        self._tls = httpx2.create_ssl_context()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for gate in self._gates.values():
            await gate.close()

    async def json(self, url: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer; see :meth:`json_and_headers`."""
        return (await self.json_and_headers(url, params))[0]

    async def json_and_headers(
        self, url: str, params: Mapping[str, Any] | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """The JSON of an answer and its headers, tried as often as the settings allow.

        Raises
        ------
        Trouble
            It could not be had, or is not JSON; ``status_code`` says what the server said.
        """
        address = self.doors.clean(
            f"{url}?{urlencode(params, errors='replace')}" if params else url
        )

        async def once() -> tuple[Any, Mapping[str, str]]:
            headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
            answer = await self.get(address, headers=headers, max_bytes=MAX_JSON_BYTES)
            try:
                return json.loads(answer.data), answer.headers
            except (ValueError, RecursionError) as error:
                what = f"the answer is not JSON ({error})"
                raise Trouble(
                    FetchState.FAILED, "not_json", what, where=address, tries=_MANY
                ) from error

        return (await with_retries(self.settings, once)).value

    async def picture(
        self, url: str, *, max_bytes: int, etag: str = "", last_modified: str = ""
    ) -> Answer:
        """One try at the bytes of a picture; with a condition it may be ``unchanged``.

        Raises
        ------
        Trouble
            Anything but bytes that may be used.
        """
        headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
        if etag:
            headers["If-None-Match"] = etag
        elif last_modified:
            headers["If-Modified-Since"] = last_modified
        return await self.get(url, headers=headers, max_bytes=max_bytes, is_picture=True)

    async def get(
        self, url: str, *, headers: Mapping[str, str], max_bytes: int, is_picture: bool = False
    ) -> Answer:
        """One try at a clean address, redirects followed by hand."""
        for _ in range(MAX_REDIRECTS + 1):
            async with self._stream(url, headers, first=not is_picture) as answer:
                if not answer.has_redirect_location:
                    return await self._read(answer, url, max_bytes, is_picture=is_picture)
                url = self.doors.clean(answer.headers["location"], base=url)
        what = f"more than {MAX_REDIRECTS} redirects"
        raise Trouble(FetchState.FORBIDDEN, "redirects", what, where=url)

    @asynccontextmanager
    async def _stream(
        self, url: str, headers: Mapping[str, str], *, first: bool
    ) -> AsyncIterator[httpx2.Response]:
        gate = self._gates.get(host_of(url))
        if gate is None:
            gate = self._gates[host_of(url)] = Gate(host_of(url), self.settings, self._new_lane)
        async with gate.turn(first=first) as turn:
            try:
                async with turn.lane.stream("GET", url, headers=headers) as answer:
                    turn.answered()
                    yield answer
            except httpx2.TimeoutException as error:
                raise _passing("timeout", type(error).__name__, url) from error
            except httpx2.InvalidURL as error:
                raise Trouble(FetchState.FORBIDDEN, "forbidden", str(error), where=url) from error
            except httpx2.HTTPError as error:
                what = f"the connection failed ({type(error).__name__}: {error})"
                raise _passing("connection", what, url) from error

    def _new_lane(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers={"User-Agent": user_agent(self.settings)},
            timeout=httpx2.Timeout(self.settings.timeout_s, pool=None),
            limits=httpx2.Limits(max_connections=1),
            follow_redirects=False,
            verify=self._tls,
        )

    async def _read(
        self, answer: httpx2.Response, url: str, max_bytes: int, *, is_picture: bool
    ) -> Answer:
        headers, status = answer.headers, answer.status_code
        etag, modified = headers.get("etag", "")[:500], headers.get("last-modified", "")[:100]
        gate = self._gates[host_of(url)]
        if status == httpx2.codes.FORBIDDEN:
            gate.refused()
        else:
            gate.answered()
        conditions = {"if-none-match", "if-modified-since"} & set(answer.request.headers)
        if status == httpx2.codes.NOT_MODIFIED and conditions:
            return Answer(url, b"", status, etag, modified, headers, unchanged=True)
        if status != httpx2.codes.OK:
            raise await self._trouble(answer, url, gate, is_picture=is_picture)
        if is_picture and self.settings.honour_opt_out and opts_out(headers):
            what = f"X-Robots-Tag says {headers['x-robots-tag']!r}"
            raise Trouble(FetchState.OPTED_OUT, "x_robots_tag", what, where=url, status_code=status)
        data = await read_body(answer, max_bytes, self.settings.timeout_s)
        return Answer(url, data, status, etag, modified, headers)

    async def _trouble(
        self, answer: httpx2.Response, url: str, gate: Gate, *, is_picture: bool
    ) -> Trouble:
        status = answer.status_code
        what = f"the server answers {status}"
        reason = "" if is_picture else await _reason(answer)
        what += f" ({reason})" if reason else ""
        kind = f"http_{status}"
        given: dict[str, Any] = {"where": url, "status_code": status}
        wait_s = retry_after_s(answer.headers.get("retry-after", ""))
        if status == httpx2.codes.TOO_MANY_REQUESTS or (wait_s is not None and status in _PASSING):
            if wait_s is not None and wait_s > self.settings.max_wait_s:
                what += f" and asks to wait {wait_s:.0f} s"
                return Trouble(FetchState.FAILED, kind, what, **given)
            gate.rest(wait_s)
            return Trouble(FetchState.FAILED, kind, what, wait_s=wait_s, tries=_MANY, **given)
        if status in _PASSING:
            return Trouble(FetchState.FAILED, kind, what, tries=_MANY, **given)
        if status == httpx2.codes.FORBIDDEN:
            pause_s = self.settings.throttle_pause_s
            return Trouble(FetchState.REFUSED, kind, what, wait_s=pause_s, tries=2, **given)
        if status in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE):
            return Trouble(FetchState.GONE, kind, what, **given)
        return Trouble(FetchState.REFUSED, kind, what, **given)


def user_agent(settings: CollectSettings) -> str:
    """How this collector introduces itself: name, version, whom to write to."""
    from cosmic_morphology import __version__

    contact = "".join(c for c in settings.contact if c.isprintable() and c.isascii())
    return f"cosmic-morphology/{__version__}" + (f" ({contact})" if contact else "")


def opts_out(headers: httpx2.Headers) -> bool:
    """Whether ``X-Robots-Tag`` opts out for every agent (a directive for one bot does not)."""
    said = headers.get("x-robots-tag", "").lower().split(",")
    return any(part.strip() in OPT_OUT for part in said)


def retry_after_s(value: str) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as a date (RFC 9110, 10.2.3)."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until = parsedate_to_datetime(value)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        # No date, or one of a year or zone that there is not.
        return None


async def _reason(answer: httpx2.Response) -> str:
    """What the server says about an error, in one short line."""
    try:
        async with asyncio.timeout(5):
            body = await read_body(answer, 10_000, 5)
    except (Trouble, httpx2.HTTPError, TimeoutError):
        return ""
    try:
        said = json.loads(body)
        text = str(said.get("reason") or said.get("message") or "")
    except (ValueError, AttributeError):
        return ""
    return " ".join(text.split())[:_REASON_CHARS]


def _passing(kind: str, what: str, url: str) -> Trouble:
    return Trouble(FetchState.FAILED, kind, what, where=url, tries=_MANY)
