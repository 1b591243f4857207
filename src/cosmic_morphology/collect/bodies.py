"""Reading the body of an answer: never more than allowed, packed or not."""

from __future__ import annotations

import time
import zlib

import httpx2

from cosmic_morphology.collect.states import FetchState, Trouble

# Slower than this for a whole body is no download but a trap (or a line that nobody can use).
SLOWEST_BYTES_PER_S = 10_000
_PIECE = 1 << 20


async def read_body(answer: httpx2.Response, max_bytes: int, patience_s: float) -> bytes:
    """The unpacked body.

    Parameters
    ----------
    answer : httpx2.Response
        Opened as a stream, nothing read yet.
    max_bytes : int
        Limit of the body as sent and as unpacked, bytes.
    patience_s : float
        A body may take so long, and longer where it is large.

    Raises
    ------
    Trouble
        ``too_large``; ``cut`` (shorter than announced); ``slow``; ``encoding``.
    """
    url = str(answer.url)
    announced = answer.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(url, f"{int(announced):,} bytes are announced", max_bytes)
    unpack = _unpacker(answer, url)
    body, received, started = bytearray(), 0, time.monotonic()
    async for piece in answer.aiter_raw():
        received += len(piece)
        body += piece if unpack is None else _unpacked(unpack, piece, max_bytes - len(body), url)
        if received > max_bytes or len(body) > max_bytes:
            raise _too_large(url, f"the body goes on after {len(body):,} bytes", max_bytes)
        if time.monotonic() - started > patience_s + received / SLOWEST_BYTES_PER_S:
            raise _again("slow", f"only {received:,} bytes came in time", url)
    if announced.isdigit() and received < int(announced) and answer.request.method != "HEAD":
        raise _again("cut", f"{received:,} of {int(announced):,} bytes came", url)
    return bytes(body)


def _unpacker(answer: httpx2.Response, url: str) -> zlib._Decompress | None:
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


def _too_large(url: str, what: str, max_bytes: int) -> Trouble:
    text = f"{what}; at most {max_bytes:,} are taken"
    return Trouble(FetchState.TOO_LARGE, "too_large", text, where=url)


def _again(kind: str, what: str, url: str) -> Trouble:
    return Trouble(FetchState.FAILED, kind, what, where=url, tries=99)
