"""Hostile answers, so that a collector can be shown to survive them. All are bounded here.

Under ``/__attacks__`` stand two hostile libraries (``hostile/search``, ``endless/search``:
give ``{url}/__attacks__/hostile`` as the root of a collector) and single files.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send

from cosmic_morphology.replica.drawing import blank
from cosmic_morphology.replica.responses import base_url, reason

ROOT = "/__attacks__"
WRONG_CONTENT_LENGTH = f"{ROOT}/liar.jpg"
BOMB_BYTES = 10 * 1024**3
"""What a bomb unpacks to, and what an endless body ends at, in bytes."""

REDIRECTS = {
    "other-host": "http://elsewhere.example.org/image.jpg",
    "private": "http://10.0.0.1/image.jpg",
    "metadata-service": "http://169.254.169.254/latest/meta-data/",
    "file": "file:///etc/hostname",
    "other-scheme": "ftp://elsewhere.example.org/image.jpg",
    "other-port": "http://127.0.0.1:1/image.jpg",
}
"""Where ``redirect/{kind}`` leads; ``redirect/loop`` leads to itself."""

_BLOCK = 1024**2
_PAUSE_S = 0.02
_PATIENCE = 500
_PNG_SIDE_PX = 30_000
_HTML_BOMB_TITLE = "<script>alert('x')</script>" + "Galaxy " * 150_000
_FILES = ("endless.jpg", "gzip-bomb.jpg", "png-bomb.png", "liar.jpg", "page.svg")
_HOSTILE_IDS = (
    "../../x",
    "..\\..\\x",
    "/etc/passwd",
    "line\nbreak",
    "null\0byte",
    "a" * 5_000,
    "%2e%2e%2fx",
    " ",
)


def routes() -> list[BaseRoute]:
    """The endpoints under ``/__attacks__``."""
    return [
        Route(f"{ROOT}/hostile/search", _hostile),
        Route(f"{ROOT}/endless/search", _endless),
        Route(f"{ROOT}/redirect/{{kind}}", _redirect),
        Route(f"{ROOT}/image.jpg", _image),
        Route(f"{ROOT}/endless.jpg", _unending),
        Route(f"{ROOT}/gzip-bomb.jpg", _gzip_bomb),
        Route(f"{ROOT}/png-bomb.png", _png_bomb),
        Route(f"{ROOT}/page.svg", _svg),
    ]


async def _hostile(request: Request) -> Response:
    """One page of records that mean harm: ids, titles, links, types."""
    root = f"{base_url(request)}{ROOT}"
    items = [_item(i, "Galaxy", f"{root}/image.jpg") for i in _HOSTILE_IDS]
    items.append(_item("long-title", _HTML_BOMB_TITLE, f"{root}/image.jpg"))
    items.append(_item("html", "Galaxy <img src=x onerror=alert(1)>", f"{root}/image.jpg"))
    for kind in (*REDIRECTS, "loop"):
        items.append(_item(f"redirect-{kind}", "Galaxy", f"{root}/redirect/{kind}"))
        if kind != "loop":
            items.append(_item(f"link-{kind}", "Galaxy", REDIRECTS[kind]))
    items += [_item(name.replace(".", "-"), "Galaxy", f"{root}/{name}") for name in _FILES]
    items += [{}, {"data": None, "links": 3}, {"data": [{"nasa_id": 7, "title": ["x"]}]}]
    collection = {"version": "1.0", "items": items, "metadata": {"total_hits": len(items)}}
    return JSONResponse({"collection": collection})


async def _endless(request: Request) -> Response:
    """The same page for ever, each time with another ``next``."""
    root = f"{base_url(request)}{ROOT}"
    page = request.query_params.get("page", "1")
    if not page.isdigit():
        return reason(400, "Invalid parameter value: page")
    items = [_item(f"again-{i}", "Galaxy", f"{root}/image.jpg") for i in range(10)]
    following = f"{root}/endless/search?q=galaxy&page={int(page) + 1}"
    collection = {
        "version": "1.0",
        "items": items,
        "metadata": {"total_hits": 1_000_000},
        "links": [{"rel": "next", "prompt": "Next", "href": following}],
    }
    return JSONResponse({"collection": collection})


def _item(nasa_id: str, title: str, href: str) -> dict[str, Any]:
    link = {"href": href, "rel": "canonical", "render": "image"}
    data = {"nasa_id": nasa_id, "title": title, "media_type": "image"}
    return {"href": href, "data": [data], "links": [link]}


async def _redirect(request: Request) -> Response:
    kind = request.path_params["kind"]
    here = f"{base_url(request)}{ROOT}/redirect/loop"
    to = request.query_params.get("to") or REDIRECTS.get(kind, here)
    return RedirectResponse(to, status_code=302)


async def _image(request: Request) -> Response:  # noqa: ARG001
    return Response(blank(64, 64), media_type="image/jpeg")


async def _unending(request: Request) -> Response:  # noqa: ARG001
    """A body without a length that only ends at :data:`BOMB_BYTES`."""
    return StreamingResponse(_zeros(), media_type="image/jpeg")


async def _gzip_bomb(request: Request) -> Response:
    """A small body with a true ``Content-Length`` that unpacks to :data:`BOMB_BYTES`."""
    head, block, blocks = _packed(BOMB_BYTES)
    length = len(head) + blocks * len(block)
    headers = {"Content-Encoding": "gzip", "Content-Length": str(length)}

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(blocks):
            yield block

    if request.method == "HEAD":
        return Response(None, headers=headers, media_type="image/jpeg")
    return StreamingResponse(body(), headers=headers, media_type="image/jpeg")


async def _png_bomb(request: Request) -> Response:  # noqa: ARG001
    """A PNG of a few hundred kB that decodes to 30,000 by 30,000 px."""
    return Response(_huge_png(), media_type="image/png")


async def _svg(request: Request) -> Response:  # noqa: ARG001
    body = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    return Response(body, media_type="image/svg+xml")


async def wrong_content_length(receive: Receive, send: Send) -> None:
    """Send a body of :data:`BOMB_BYTES` behind a ``Content-Length`` of a hundred bytes.

    No server writes such an answer on purpose, so it goes to uvicorn's transport directly;
    ``send`` must be uvicorn's own. Whoever keeps the connection reads the rest as an answer.
    """
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: 100\r\n\r\n"
    transport.write(head)
    async for piece in _zeros():
        for _ in range(_PATIENCE):
            if transport.get_write_buffer_size() < _BLOCK or transport.is_closing():
                break
            await asyncio.sleep(_PAUSE_S)
        if transport.is_closing() or transport.get_write_buffer_size() >= _BLOCK:
            break
        transport.write(piece)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue


async def _zeros() -> AsyncIterator[bytes]:
    piece = bytes(_BLOCK // 16)
    yield blank(64, 64)
    for _ in range(BOMB_BYTES // len(piece)):
        yield piece


def _packed(size: int) -> tuple[bytes, bytes, int]:
    """The head of a gzip stream, one block that can be repeated, and how often."""
    head = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush the next block needs nothing of what came before.
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head, block, size // _BLOCK


@lru_cache(maxsize=1)
def _huge_png() -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + _PNG_SIDE_PX // 8)
    rows = 500
    packed = b"".join(packer.compress(row * rows) for _ in range(_PNG_SIDE_PX // rows))
    header = struct.pack(">IIBBBBB", _PNG_SIDE_PX, _PNG_SIDE_PX, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", packed + packer.flush())
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
