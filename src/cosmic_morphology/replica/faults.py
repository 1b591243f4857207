"""Faults on demand: which answer goes wrong, how, and what that looks like on the wire."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Any

from starlette.types import Message, Scope, Send

from cosmic_morphology.errors import InputError
from cosmic_morphology.replica.drawing import placeholder
from cosmic_morphology.replica.quirks import hash_uniform
from cosmic_morphology.replica.renditions import served
from cosmic_morphology.replica.responses import html, send_file, send_plain
from cosmic_morphology.suggest import suggest_names

_PASSING = ("429", "403", "500", "cut", "wrong_type", "timeout")
_LASTING = ("gone", "refused", "placeholder")
KINDS = (*_PASSING, *_LASTING, "schema")
"""Everything that can go wrong with one answer, by name."""


@dataclass(frozen=True)
class Faults:
    """How often answers go wrong. What happens to a URL depends only on it and the attempt.

    Rates are shares of the requests in [0, 1]; together they may not exceed 1.

    Attributes
    ----------
    latency_s : float
        Every answer waits so long, s.
    rate_429, rate_403, rate_500 : float
        Refusals that pass: the next attempt at the same URL is drawn again.
    retry_after_s : float, optional
        With it a 429 carries ``Retry-After``, rounded up to whole seconds.
    retry_after_as_date : bool
        ``Retry-After`` as a date instead of seconds.
    rate_cut : float
        Bodies that end half way, the connection closed.
    rate_wrong_type : float
        An HTML page with status 200; half of them say that they are what was asked for.
    rate_timeout : float
        Answers that take ``timeout_s`` and are 504 then.
    timeout_s : float
        See ``rate_timeout``, s.
    rate_gone, rate_refused, rate_placeholder : float
        Shares of the URLs that answer 404, 403, or one placeholder image for ever.
    schema_changed : bool
        Searches answer in an unknown shape.
    limit_per_s : float, optional
        More requests than this in any one second are answered 429.
    only : str
        Only paths that begin so go wrong.
    first_n_only : int, optional
        Only the first n attempts at a URL can go wrong in a way that passes: whoever tries
        often enough gets everything.
    seed : int
        Another seed, other faults.

    Raises
    ------
    InputError
        A rate is not a share.
    """

    latency_s: float = 0.0
    rate_429: float = 0.0
    retry_after_s: float | None = None
    retry_after_as_date: bool = False
    rate_403: float = 0.0
    rate_500: float = 0.0
    rate_cut: float = 0.0
    rate_wrong_type: float = 0.0
    rate_timeout: float = 0.0
    timeout_s: float = 30.0
    rate_gone: float = 0.0
    rate_refused: float = 0.0
    rate_placeholder: float = 0.0
    schema_changed: bool = False
    limit_per_s: float | None = None
    only: str = ""
    first_n_only: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for kinds in (_PASSING, _LASTING):
            rates = [self.rate(kind) for kind in kinds]
            if min(rates) < 0 or sum(rates) > 1:
                raise InputError(
                    "the rates of faults are shares that add up to 1 at most",
                    where=", ".join(f"rate_{kind}" for kind in kinds),
                    todo="Lower them.",
                )

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Faults:
        """Faults from the names and values of their fields.

        Raises
        ------
        InputError
            A name is unknown or a value cannot be used.
        """
        unknown = sorted(set(given) - {f.name for f in fields(cls)})
        if unknown:
            known = sorted(f.name for f in fields(cls))
            raise InputError(
                "there is no such fault",
                where=", ".join(unknown),
                todo=suggest_names(unknown[0], known),
            )
        try:
            return cls(**given)
        except TypeError as error:
            raise InputError(
                f"faults that cannot be used ({error})",
                where="faults",
                todo=f"Use {', '.join(sorted(cls.__dataclass_fields__))}.",
            ) from error

    def rate(self, kind: str) -> float:
        """The rate of one kind of fault."""
        return float(getattr(self, f"rate_{kind}"))


class FaultInjector:
    """Decides for each request what goes wrong, and remembers how often each URL was tried.

    Parameters
    ----------
    faults : Faults
        May be replaced while the server runs.
    """

    def __init__(self, faults: Faults) -> None:
        self.change(faults)

    def change(self, faults: Faults) -> None:
        """From now on these faults; all attempts are forgotten."""
        self.faults = faults
        self._attempts: dict[str, int] = defaultdict(int)
        self._recent: deque[float] = deque()
        passing = sum(faults.rate(kind) for kind in _PASSING)
        lasting = sum(faults.rate(kind) for kind in _LASTING)
        self.calm = not (
            passing or lasting or faults.latency_s or faults.schema_changed or faults.limit_per_s
        )

    def draw_fault(self, path: str, query: str) -> str | None:
        """The kind of fault of this request; None where the answer is a good one."""
        faults = self.faults
        if self._too_fast():
            return "429"
        if faults.only and not path.startswith(faults.only):
            return None
        key = f"{faults.seed}/{path}?{query}"
        lasting = self._drawn(_LASTING, hash_uniform("lasting", key))
        if lasting:
            return lasting
        if faults.schema_changed and path.endswith("/search"):
            return "schema"
        attempt = self._attempts[key]
        self._attempts[key] = attempt + 1
        if faults.first_n_only is not None and attempt >= faults.first_n_only:
            return None
        return self._drawn(_PASSING, hash_uniform(f"attempt {attempt}", key))

    def retry_after(self) -> bytes | None:
        """The value of ``Retry-After``, if the faults have one."""
        wait_s = self.faults.retry_after_s
        if wait_s is None:
            return None
        if self.faults.retry_after_as_date:
            from email.utils import formatdate

            return formatdate(time.time() + wait_s, usegmt=True).encode()
        return str(math.ceil(wait_s)).encode()

    def _drawn(self, kinds: tuple[str, ...], drawn: float) -> str | None:
        for kind in kinds:
            drawn -= self.faults.rate(kind)
            if drawn < 0:
                return kind
        return None

    def _too_fast(self) -> bool:
        limit = self.faults.limit_per_s
        if limit is None:
            return False
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= limit:
            return True
        self._recent.append(now)
        return False


FaultyAnswer = Callable[[Send], Awaitable[None]]
"""Sends the good answer through the given channel."""

_HTML = (b"content-type", b"text/html; charset=UTF-8")
_REFUSALS = {
    "429": (429, "Too Many Requests"),
    "403": (403, "403 ERROR: The request could not be satisfied"),
    "refused": (403, "403 ERROR: The request could not be satisfied"),
    "500": (500, "Internal Server Error"),
    "gone": (404, "Not Found"),
}


class CutShortError(Exception):
    """Ends an answer half way: the server closes the connection."""


async def send_fault(
    kind: str, injector: FaultInjector, scope: Scope, send: Send, answer: FaultyAnswer
) -> None:
    """Answer a request wrongly, in the way that ``kind`` says."""
    if kind in _REFUSALS:
        await _refuse(kind, injector, scope, send)
    elif kind == "timeout":
        await asyncio.sleep(injector.faults.timeout_s)
        await send_plain(send, 504, [_HTML], html("Gateway Timeout"))
    elif kind == "cut":
        await answer(_Cut(send))
    elif kind == "wrong_type":
        await _wrong_type(scope, send)
    elif kind == "placeholder" and is_image(scope["path"]):
        await send_file(scope, send, served(placeholder(), "image/jpeg"))
    elif kind == "schema":
        body = b'{"results": [], "count": 0, "api_version": "2.0"}'
        await send_plain(send, 200, [(b"content-type", b"application/json")], body)
    else:
        await answer(send)


def is_image(path: str) -> bool:
    """Whether a path is that of an image file or a drawn cutout."""
    return path.rpartition(".")[2].lower() in ("jpg", "jpeg", "png", "tif") or (
        path.endswith("/getjpeg")
    )


class _Cut:
    """A channel that passes on the first half of the first piece of a body."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body = message.get("body", b"")
        await self._send({**message, "body": body[: len(body) // 2], "more_body": True})
        raise CutShortError


async def _refuse(kind: str, injector: FaultInjector, scope: Scope, send: Send) -> None:
    status, text = _REFUSALS[kind]
    headers = [(b"content-type", b"application/json")]
    body = f'{{"reason": "{text}"}}'.encode()
    if is_image(scope["path"]):
        headers, body = [_HTML], html(text)
    wait = injector.retry_after() if kind == "429" else None
    if wait is not None:
        headers.append((b"retry-after", wait))
    await send_plain(send, status, headers, body)


async def _wrong_type(scope: Scope, send: Send) -> None:
    """A page instead of the thing; the header lies for half of the paths."""
    said = _HTML
    if hash_uniform("lying header", scope["path"]) < 0.5:
        image = is_image(scope["path"])
        said = (b"content-type", b"image/jpeg" if image else b"application/json")
    body = html("Please sign in")
    await send_plain(send, 200, [said, (b"content-length", str(len(body)).encode())], body)
