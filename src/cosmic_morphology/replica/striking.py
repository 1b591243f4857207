"""What a fault looks like on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Message, Scope, Send

from cosmic_morphology.replica.chance import chance
from cosmic_morphology.replica.drawing import placeholder
from cosmic_morphology.replica.faults import Weather
from cosmic_morphology.replica.pictures import served
from cosmic_morphology.replica.wire import html, send_file, send_plain

Answer = Callable[[Send], Awaitable[None]]
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


async def strike(kind: str, weather: Weather, scope: Scope, send: Send, answer: Answer) -> None:
    """Answer a request wrongly, in the way that ``kind`` says."""
    if kind in _REFUSALS:
        await _refuse(kind, weather, scope, send)
    elif kind == "timeout":
        await asyncio.sleep(weather.faults.timeout_s)
        await send_plain(send, 504, [_HTML], html("Gateway Timeout"))
    elif kind == "cut":
        await answer(_Cut(send))
    elif kind == "wrong_type":
        await _wrong_type(scope, send)
    elif kind == "placeholder" and is_picture(scope["path"]):
        await send_file(scope, send, served(placeholder(), "image/jpeg"))
    elif kind == "schema":
        body = b'{"results": [], "count": 0, "api_version": "2.0"}'
        await send_plain(send, 200, [(b"content-type", b"application/json")], body)
    else:
        await answer(send)


def is_picture(path: str) -> bool:
    """Whether a path is that of a picture file or a drawn cutout."""
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


async def _refuse(kind: str, weather: Weather, scope: Scope, send: Send) -> None:
    status, text = _REFUSALS[kind]
    headers = [(b"content-type", b"application/json")]
    body = f'{{"reason": "{text}"}}'.encode()
    if is_picture(scope["path"]):
        headers, body = [_HTML], html(text)
    wait = weather.retry_after() if kind == "429" else None
    if wait is not None:
        headers.append((b"retry-after", wait))
    await send_plain(send, status, headers, body)


async def _wrong_type(scope: Scope, send: Send) -> None:
    """A page instead of the thing; the header lies for half of the paths."""
    said = _HTML
    if chance("lying header", scope["path"]) < 0.5:
        picture = is_picture(scope["path"])
        said = (b"content-type", b"image/jpeg" if picture else b"application/json")
    body = html("Please sign in")
    await send_plain(send, 200, [said, (b"content-length", str(len(body)).encode())], body)
