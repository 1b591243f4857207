"""Writers of images that no library writes: every depth, sign, polarity and layout."""

from __future__ import annotations

import struct
import zlib

import numpy as np

FORMATS = {"u": 1, "i": 2, "f": 3}
PACKINGS = {"none": 1, "lzw": 5, "deflate": 8, "old_deflate": 32946, "packbits": 32773}


def bits_of(numbers: list[int], width: int) -> bytes:
    text = "".join(f"{number:0{width}b}" for number in numbers)
    text += "0" * (-len(text) % 8)
    return int(text or "0", 2).to_bytes(len(text) // 8, "big")


def lzw(data: bytes) -> bytes:
    """Literals alone, the table cleared before codes grow to ten bits."""
    codes = []
    for at in range(0, len(data), 200):
        codes += [256, *data[at : at + 200]]
    return bits_of([*codes, 257], 9)


def packbits(data: bytes) -> bytes:
    parts = (data[at : at + 128] for at in range(0, len(data), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


PACKERS = {
    "none": bytes,
    "lzw": lzw,
    "deflate": zlib.compress,
    "old_deflate": zlib.compress,
    "packbits": packbits,
}


def predicted(rows: np.ndarray, predictor: int, order: str) -> bytes:
    """Bytes of an array ``(height, width, samples)`` as a TIFF predictor stores them."""
    size = rows.dtype.itemsize
    if predictor == 2:
        steps = rows.view(f"u{size}").copy()
        steps[:, 1:] -= rows.view(f"u{size}")[:, :-1]
        return steps.astype(f"{order}u{size}").tobytes()
    if predictor == 3:
        height, _, samples = rows.shape
        high_first = np.ascontiguousarray(rows.astype(f">f{size}")).view(np.uint8)
        by_weight = high_first.reshape(height, -1, size).swapaxes(1, 2).reshape(height, -1)
        grouped = by_weight.reshape(height, -1, samples)
        steps = grouped.copy()
        steps[:, 1:] -= grouped[:, :-1]
        return steps.tobytes()
    return rows.astype(rows.dtype.newbyteorder(order)).tobytes()


def tiff(
    counts: np.ndarray,
    *,
    photometric: int = 1,
    bits: int = 0,
    order: str = "<",
    big: bool = False,
    tile: int = 0,
    strip: int = 0,
    planar: bool = False,
    packing: str = "none",
    predictor: int = 1,
    extra: tuple[int, ...] = (),
    tags: dict[int, tuple[int, list[int] | bytes]] | None = None,
) -> bytes:
    """A TIFF of an array ``(height, width)`` or ``(height, width, samples)`` as it stands."""
    pixels = counts if counts.ndim == 3 else counts[..., None]
    height, width, samples = pixels.shape
    bits = bits or 8 * pixels.dtype.itemsize
    planes = [pixels[..., n : n + 1] for n in range(samples)] if planar else [pixels]
    step_y, step_x = (tile, tile) if tile else (strip or height, width)
    pieces = []
    for plane in planes:
        for y in range(0, height, step_y):
            for x in range(0, width, step_x):
                part = plane[y : y + step_y, x : x + step_x]
                if tile:
                    missing = (step_y - part.shape[0], step_x - part.shape[1])
                    part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
                if bits % 8:
                    body = b"".join(bits_of(row.ravel().tolist(), bits) for row in part)
                else:
                    body = predicted(part, predictor, order)
                pieces.append(PACKERS[packing](body))
    head = 16 if big else 8
    at, offsets = head, []
    for piece in pieces:
        offsets.append(at)
        at += len(piece)
    lengths = [len(piece) for piece in pieces]
    directory: dict[int, tuple[int, list[int] | bytes]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * samples),
        259: (3, [PACKINGS[packing]]),
        262: (3, [photometric]),
        277: (3, [samples]),
        284: (3, [2 if planar else 1]),
        317: (3, [predictor]),
        339: (3, [FORMATS[pixels.dtype.kind]] * samples),
    }
    if extra:
        directory[338] = (3, list(extra))
    if tile:
        directory |= {322: (4, [tile]), 323: (4, [tile]), 324: (4, offsets), 325: (4, lengths)}
    else:
        directory |= {273: (4, offsets), 278: (4, [step_y]), 279: (4, lengths)}
    directory |= tags or {}
    return _file(b"".join(pieces), directory, order, big=big)


def _file(body: bytes, directory: dict, order: str, *, big: bool) -> bytes:
    mark = b"II" if order == "<" else b"MM"
    head_bytes, inline, number = (16, 8, "Q") if big else (8, 4, "I")
    values_at = head_bytes + len(body)
    values, entries = b"", b""
    for tag, (kind, said) in sorted(directory.items()):
        letter = {1: "B", 3: "H", 4: "I", 7: "B"}[kind]
        packed = (
            said if isinstance(said, bytes) else struct.pack(f"{order}{len(said)}{letter}", *said)
        )
        if len(packed) > inline:
            place = struct.pack(order + number, values_at + len(values))
            values += packed
        else:
            place = packed.ljust(inline, b"\0")
        entries += struct.pack(f"{order}HH{number}", tag, kind, len(said)) + place
    first = values_at + len(values)
    if big:
        header = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, first)
    else:
        header = mark + struct.pack(f"{order}HI", 42, first)
    count = struct.pack(order + ("Q" if big else "H"), len(directory))
    return header + body + values + count + entries + bytes(inline)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    pixels: np.ndarray, colour_type: int, *, depth: int = 16, chunks: bytes = b"", up: bool = False
) -> bytes:
    """A PNG of an array ``(height, width, samples)``; ``up`` filters each row by the one above."""
    height, width = pixels.shape[:2]
    if depth < 8:
        rows = np.packbits(
            np.unpackbits(pixels.astype(np.uint8).reshape(height, width, 1), axis=2)[
                ..., 8 - depth :
            ].reshape(height, -1),
            axis=1,
        )
    else:
        stored = pixels.astype(">u2" if depth == 16 else "u1")
        rows = np.ascontiguousarray(stored.reshape(height, -1)).view(np.uint8)
    filtered = rows.copy()
    if up:
        filtered[1:] -= rows[:-1]
    lines = b"".join(bytes([2 if up else 0]) + row.tobytes() for row in filtered)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + chunks + png_chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")
