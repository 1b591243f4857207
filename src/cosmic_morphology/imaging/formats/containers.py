"""Walks through the containers of image files, before and beside the decoder.

Decoders forgive: Pillow accepts a PNG whose data fail their checksum, and libjpeg fills the
missing rest of a scan with grey. An image that is half grey is not the image that the archive
has, so the containers are checked here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, reject

_REFETCH = "Fetch it again."


def check_structure(data: bytes, media_type: str, limits: ImageLimits, *, where: str = "") -> None:
    """Refuse containers that end early, fail their checksums or hide a bomb.

    Raises
    ------
    ImageError
        ``truncated``, ``corrupt`` or ``too_large`` (compressed texts that unpack to more than
        ``limits.max_metadata_bytes``).
    """
    if media_type == "image/png":
        _check_png(data, limits, where)
    elif media_type == "image/webp":
        _check_webp(data, where)


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Canvas size of a WebP in pixels, from its header (RFC 9649, section 2.7).

    libwebp allocates the canvas when the decoder is made, so the size is needed before.
    """
    head, chunk = data[:30].ljust(30, b"\0"), data[12:16]
    if chunk == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        return width, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def count_frames(data: bytes, media_type: str, at_most: int) -> int:
    """Frames of a GIF, pages of a TIFF, frames of an animated PNG or WebP; 1 for all others.

    Parameters
    ----------
    at_most : int
        Where counting stops: a body may hold millions of empty frames.
    """
    counters = {
        "image/gif": _gif_frames,
        "image/tiff": _tiff_pages,
        "image/png": _png_frames,
        "image/webp": _webp_frames,
    }
    frames = counters.get(media_type)
    if frames is None:
        return 1
    n_frames = 0
    for _ in frames(data):
        n_frames += 1
        if n_frames >= at_most:
            break
    return max(n_frames, 1)


def _check_png(data: bytes, limits: ImageLimits, where: str) -> None:
    unpacked = 0
    for kind, body, checksum in _png_chunks(data):
        if kind == b"" or (kind == b"IEND" and checksum is None):
            break
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            what = f"the checksum of the PNG's {kind.decode('latin-1')!r} chunk is wrong"
            raise reject(RejectionKind.CORRUPT, what, where, _REFETCH)
        if kind in {b"iCCP", b"zTXt", b"iTXt"}:
            unpacked += _unpacked_bytes(kind, body, limits.max_metadata_bytes)
            if unpacked > limits.max_metadata_bytes:
                what = f"compressed texts unpack to more than {limits.max_metadata_bytes:,} bytes"
                raise reject(RejectionKind.TOO_LARGE, what, where, "Strip the metadata.")
        if kind == b"IEND":
            return
    what = f"the PNG stops after {len(data):,} bytes without its end chunk"
    raise reject(RejectionKind.TRUNCATED, what, where, _REFETCH)


def _check_webp(data: bytes, where: str) -> None:
    declared = int.from_bytes(data[4:8], "little") + 8
    if declared > len(data):
        what = f"the WebP declares {declared:,} bytes and has {len(data):,}"
        raise reject(RejectionKind.TRUNCATED, what, where, _REFETCH)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int | None]]:
    """Kind, body and checksum of each chunk; kind ``b""`` where the body ends too early."""
    view, at = memoryview(data), 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        if end > len(data):
            break
        yield data[at + 4 : at + 8], view[at + 8 : end - 4], int.from_bytes(data[end - 4 : end])
        at = end
    yield b"", view[:0], None


def _unpacked_bytes(kind: bytes, body: memoryview, at_most: int) -> int:
    """Bytes that a compressed PNG text unpacks to; stops as soon as it is too many."""
    name, _, rest = bytes(body).partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\x01":
            return len(body)
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    try:
        return len(name) + len(zlib.decompressobj().decompress(rest, at_most + 1))
    except zlib.error:
        return len(body)  # an unreadable text is no reason to refuse the image


def _png_frames(data: bytes) -> Iterator[None]:
    for kind, body, _ in _png_chunks(data):
        if kind == b"acTL" and len(body) >= 4:
            for _ in range(int.from_bytes(body[:4], "big")):
                yield
        if kind in {b"IDAT", b""}:
            return


def _webp_frames(data: bytes) -> Iterator[None]:
    at = 12
    while at + 8 <= len(data):
        if data[at : at + 4] == b"ANMF":
            yield
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + (length & 1)


def _gif_frames(data: bytes) -> Iterator[None]:
    """One item for each image descriptor (GIF89a specification, section 20)."""
    at = 13 + _colour_table_bytes(data, 10)
    while at < len(data):
        block = data[at]
        if block == 0x2C:
            yield
            at = _after_sub_blocks(data, at + 11 + _colour_table_bytes(data, at + 9))
        elif block == 0x21:
            at = _after_sub_blocks(data, at + 2)
        else:
            return


def _colour_table_bytes(data: bytes, flags_at: int) -> int:
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


def _tiff_pages(data: bytes) -> Iterator[None]:
    """One item for each image file directory (TIFF 6.0, section 2; BigTIFF with 8-byte offsets)."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in {b"+\x00", b"\x00+"}
    offset, count, entry, first = ("Q", "Q", 20, 8) if big else ("I", "H", 12, 4)
    seen: set[int] = set()
    at = _number(data, first, order + offset)
    while at and at not in seen:
        seen.add(at)
        n_entries = _number(data, at, order + count)
        if not n_entries:
            return
        yield
        at = _number(data, at + struct.calcsize(order + count) + entry * n_entries, order + offset)


def _number(data: bytes, at: int, code: str) -> int:
    """The number at an offset, 0 where the bytes end before it."""
    if at + struct.calcsize(code) > len(data):
        return 0
    return int(struct.unpack_from(code, data, at)[0])
