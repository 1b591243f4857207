"""Reading the body of an answer: never more than allowed, packed or not."""

from __future__ import annotations

import asyncio
import zlib

import aiohttp

from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState
from cosmic_morphology.collect.sources.text import whole_number

# Slower than this for a whole body is no download but a trap (or a line that nobody can use).
SLOWEST_BYTES_PER_S = 10_000
_PIECE = 1 << 20


async def read_body(answer: aiohttp.ClientResponse, max_bytes: int, patience_s: float) -> bytes:
    """The unpacked body.

    Parameters
    ----------
    answer : aiohttp.ClientResponse
        Its head has come, its body not yet; it is not unpacked by itself.
    max_bytes : int
        Limit of the body as sent and as unpacked, bytes.
    patience_s : float
        A body may take so long, and longer where it is large, whatever comes in the meantime.

    Raises
    ------
    FetchFailedError
        ``too_large``; ``cut`` (shorter than announced); ``slow``; ``encoding``.
    """
    url = str(answer.url)
    announced = whole_number(answer.headers.get("content-length", ""))
    if announced is not None and announced > max_bytes:
        raise _too_large(url, f"{announced:,} bytes are announced", max_bytes)
    unpack = _unpacker(answer, url)
    body, received, clock = bytearray(), 0, asyncio.get_running_loop().time
    started = clock()
    try:
        # Not only between pieces: a server may keep the line alive and send none.
        async with asyncio.timeout_at(started + patience_s) as deadline:
            async for piece in answer.content.iter_any():
                received += len(piece)
                room = max_bytes - len(body)
                body += piece if unpack is None else _unpacked(unpack, piece, room, url)
                if received > max_bytes or len(body) > max_bytes:
                    raise _too_large(
                        url, f"the body continues after {len(body):,} bytes", max_bytes
                    )
                deadline.reschedule(started + patience_s + received / SLOWEST_BYTES_PER_S)
    except aiohttp.ClientPayloadError as error:
        raise _again("cut", f"the body ends after {received:,} bytes", url) from error
    except TimeoutError as error:
        raise _again("slow", f"only {received:,} bytes came in time", url) from error
    if announced is not None and received < announced:
        raise _again("cut", f"{received:,} of {announced:,} bytes came", url)
    if unpack is not None and received and not unpack.eof:
        raise _again("cut", f"the packed body ends after {received:,} bytes", url)
    return bytes(body)


def _unpacker(answer: aiohttp.ClientResponse, url: str) -> zlib._Decompress | None:
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise _again("encoding", f"the body is packed as {encoding!r}, which was not asked for", url)


def _unpacked(unpack: zlib._Decompress, piece: bytes, room: int, url: str) -> bytes:
    """At most one byte more than there is room for: a bomb never unfolds in memory."""
    try:
        out = bytearray(unpack.decompress(piece, min(room + 1, _PIECE)))
        while unpack.unconsumed_tail and len(out) <= room:
            out += unpack.decompress(unpack.unconsumed_tail, min(room + 1 - len(out), _PIECE))
    except zlib.error as error:
        raise _again("encoding", f"the packed body is broken ({error})", url) from error
    return bytes(out)


def _too_large(url: str, what: str, max_bytes: int) -> FetchFailedError:
    text = f"{what}; at most {max_bytes:,} are taken"
    return FetchFailedError(FetchState.TOO_LARGE, "too_large", text, where=url)


def _again(kind: str, what: str, url: str) -> FetchFailedError:
    return FetchFailedError(FetchState.FAILED, kind, what, where=url, tries=99)
