"""TIFFs deeper than 8 bits: every count as the file has it.

Pillow decodes TIFFs of 8 bits a sample; of deeper ones it knows few, and of those it takes the
top byte, the wrong sign or the wrong polarity. But its libtiff unpacks the bytes of any of them:
they are read as those of a grey 8-bit image that has as many columns as a row has bytes, and what
the bytes mean is settled here (TIFF 6.0; Adobe Photoshop TIFF Technical Note 3 for floats).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import TiffImagePlugin

from cosmic_morphology.imaging.formats.samples import Samples, check_decoded_bytes
from cosmic_morphology.imaging.formats.tiff_tags import Tags
from cosmic_morphology.imaging.orientation import UPRIGHT, orientation_in_xmp, valid
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, check_size, reject

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _ORIENTATION, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 284, 317, 322, 323, 324, 325
_EXTRA, _FORMAT, _XMP, _ICC = 338, 339, 700, 34675
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_COUNTED = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
# None, LZW, deflate (two numbers), PackBits, LZMA, Zstandard: what packs bytes, whatever they mean.
_PACKINGS = {1, 5, 8, 32946, 32773, 34925, 50000}
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_NO_PREDICTOR, _DIFFERENCES, _FLOAT_BYTES = 1, 2, 3
_SEPARATE = 2
_MAX_SAMPLES = 16
_SHORT, _LONG = 3, 4
_LONGS = {_WIDTH, _HEIGHT, _STRIPS, _STRIP_ROWS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT}
_LONGS |= {_TILES, _TILE_BYTES}
_BITS_AT_A_TIME = 16_000_000


@dataclass(frozen=True)
class _Layout:
    """How the samples of a TIFF lie in its bytes."""

    width: int
    height: int
    bits: int
    kind: str
    order: str
    samples: int
    photometric: int
    predictor: int
    planes: int
    column_px: int  # of a tile; of a strip the whole width
    piece_rows: int

    @property
    def in_a_row(self) -> int:
        """Samples in a row of one plane and one tile."""
        return self.column_px * (self.samples // self.planes)

    @property
    def row_bytes(self) -> int:
        """Bytes in a row of one plane and one tile."""
        return (self.in_a_row * self.bits + 7) // 8

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return -(-self.width // self.column_px)


def is_read_here(data: bytes, tags: Tags) -> bool:
    """Whether the samples are counts (more than 8 bits, signed, floats), or Pillow cannot read."""
    if tags.get(_PHOTOMETRIC, (_WHITE_IS_ZERO,))[0] not in _COUNTED:
        return False
    bits = max(tags.get(_BITS, (1,)))
    is_deep = bits > 8 or max(tags.get(_FORMAT, (1,))) in {2, 3}
    return is_deep or data[:4] == b"MM\0+" or (bits < 8 and tags.get(_PHOTOMETRIC) == (_RGB,))


def read_samples(
    data: bytes,
    tags: Tags,
    limits: ImageLimits,
    *,
    where: str = "",
) -> Samples:
    """Counts of the first image of a TIFF.

    Raises
    ------
    ImageError
        ``unsupported`` (a layout that is not read here, by name), ``too_many_pixels``,
        ``too_small``, ``truncated``, ``corrupt``.
    """
    layout = _layout(tags, "<" if data[:1] == b"I" else ">", where)
    check_size(layout.width, layout.height, limits, where=where)
    unpacked = layout.row_bytes * layout.across * layout.height * layout.planes
    check_decoded_bytes(unpacked, limits, where=where)
    pieces = _pieces(data, tags, layout, where)
    planes = [
        _counts(_unpacked(data, tags, layout, part), layout)
        for part in np.split(pieces, layout.planes)
    ]
    counts = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
    return _sorted_out(counts, layout, tags)


def _layout(tags: Tags, order: str, where: str) -> _Layout:
    def number(tag: int, default: int | None = None) -> int:
        value = tags.get(tag, () if default is None else (default,))
        if not value or not isinstance(value, tuple):
            what = f"the TIFF's tag {tag} is missing or no number"
            raise reject(RejectionKind.CORRUPT, what, where, "Fetch it again.")
        return int(value[0])

    bits, formats = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (1,)))
    samples, planar = number(_SAMPLES, 1), number(_PLANAR, 1)
    packing, predictor = number(_COMPRESSION, 1), number(_PREDICTOR, _NO_PREDICTOR)
    photometric = number(_PHOTOMETRIC, _WHITE_IS_ZERO)
    kind = _KINDS.get(min(formats), "")
    known = (
        len(bits) == len(formats) == 1
        and _is_read(kind, min(bits), predictor if packing != 1 else _NO_PREDICTOR)
        and packing in _PACKINGS
        and (3 if photometric == _RGB else 1) <= samples <= _MAX_SAMPLES
        and planar in {1, 2}
    )
    if not known:
        what = (
            f"a TIFF of {samples} samples of {_listed(bits)} bits, sample format "
            f"{_listed(formats)}, compression {packing}, predictor {predictor} is not read here"
        )
        raise reject(RejectionKind.UNSUPPORTED, what, where, "Export it as 16-bit TIFF, or FITS.")
    width, height = number(_WIDTH), number(_HEIGHT)
    return _Layout(
        width=width,
        height=height,
        bits=min(bits),
        kind=kind,
        order=order,
        samples=samples,
        photometric=photometric,
        predictor=predictor if packing != 1 else _NO_PREDICTOR,
        planes=samples if planar == _SEPARATE else 1,
        column_px=max(1, number(_TILE_WIDTH) if _TILES in tags else width),
        piece_rows=max(1, number(_TILE_HEIGHT) if _TILES in tags else number(_STRIP_ROWS, height)),
    )


def _is_read(kind: str, bits: int, predictor: int) -> bool:
    if kind == "f":
        return bits in {16, 32, 64} and predictor in {1, 2, 3}
    if bits in {8, 16, 32, 64}:
        return kind in {"u", "i"} and predictor in {1, 2}
    return kind == "u" and 0 < bits < 16 and predictor == 1


def _listed(numbers: set[int]) -> str:
    return " and ".join(str(n) for n in sorted(numbers))


def _pieces(data: bytes, tags: Tags, layout: _Layout, where: str) -> np.ndarray:
    """Offset and length of each strip or tile, shape ``(planes * pieces, 2)``."""
    tiled = _TILES in tags
    wanted = layout.planes * layout.across * -(-layout.height // layout.piece_rows)
    offsets = np.array(tags.get(_TILES if tiled else _STRIPS, ()), np.int64)
    lengths = np.array(tags.get(_TILE_BYTES if tiled else _STRIP_BYTES, ()), np.int64)
    if not lengths.size and wanted == 1 == offsets.size:
        lengths = len(data) - offsets  # some programs leave out what is plain
    if min(offsets.size, lengths.size) < wanted:
        what = f"the TIFF lists {min(offsets.size, lengths.size):,} of its {wanted:,} pieces"
        raise reject(RejectionKind.CORRUPT, what, where, "Fetch it again.")
    pieces = np.stack([offsets[:wanted], lengths[:wanted]], axis=1)
    end = int(pieces.sum(axis=1).max())
    if pieces.min() < 0 or end > len(data):
        what = f"the TIFF declares data up to byte {end:,}, there are {len(data):,}"
        raise reject(RejectionKind.TRUNCATED, what, where, "Fetch it again.")
    return pieces


def _unpacked(data: bytes, tags: Tags, layout: _Layout, pieces: np.ndarray) -> np.ndarray:
    """Bytes of one plane, shape ``(height, tiles across, bytes in a row of a tile)``."""
    offsets, lengths = (column.tolist() for column in pieces.T)
    as_bytes = {
        _WIDTH: [layout.row_bytes * layout.across],
        _HEIGHT: [layout.height],
        _BITS: [8],
        _COMPRESSION: list(tags.get(_COMPRESSION, (1,))),
        _PHOTOMETRIC: [_BLACK_IS_ZERO],
        _FILL_ORDER: list(tags.get(_FILL_ORDER, (1,))),
        _SAMPLES: [1],
    }
    if _TILES in tags:
        as_bytes |= {_TILE_WIDTH: [layout.row_bytes], _TILE_HEIGHT: [layout.piece_rows]}
        as_bytes |= {_TILES: offsets, _TILE_BYTES: lengths}
    else:
        as_bytes |= {_STRIP_ROWS: [min(layout.piece_rows, layout.height)]}
        as_bytes |= {_STRIPS: offsets, _STRIP_BYTES: lengths}
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(_with_tags(data, as_bytes)))
    return np.asarray(image).reshape(layout.height, layout.across, layout.row_bytes)


def _with_tags(data: bytes, tags: dict[int, list[int]]) -> bytes:
    """The body under other tags: a directory behind it, and a header that leads there."""
    values_at = len(data) + len(data) % 2
    values, entries = bytearray(), bytearray()
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place = struct.pack("<I", values_at + len(values))
            values += packed
            packed = place
        kind = _LONG if tag in _LONGS else _SHORT
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + packed
    header = struct.pack("<2sHI", b"II", 42, values_at + len(values))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return header + data[8:].ljust(values_at - 8, b"\0") + values + directory


def _counts(rows: np.ndarray, layout: _Layout) -> np.ndarray:
    """Counts of one plane from its bytes, shape ``(height, width, samples)``."""
    height, across, _ = rows.shape
    each = layout.samples // layout.planes
    if layout.bits % 8:
        values = _from_bits(rows, layout)
    elif layout.predictor == _FLOAT_BYTES:
        # The bytes are sorted by their weight, highest first, and stored as differences.
        size = layout.bits // 8
        bytes_ = rows.reshape(height, across, -1, each).cumsum(axis=2, dtype=np.uint8)
        by_weight = bytes_.reshape(height, across, size, -1).swapaxes(2, 3)
        values = np.ascontiguousarray(by_weight).view(f">f{size}")
    elif layout.predictor == _DIFFERENCES:
        size = layout.bits // 8
        steps = rows.view(f"{layout.order}u{size}").reshape(height, across, -1, each)
        values = steps.cumsum(axis=2, dtype=f"u{size}").view(f"{layout.kind}{size}")
    else:
        values = rows.view(f"{layout.order}{layout.kind}{layout.bits // 8}")
    return values.reshape(height, across * layout.column_px, each)[:, : layout.width]


def _from_bits(rows: np.ndarray, layout: _Layout) -> np.ndarray:
    """Numbers of 1 to 15 bits, the highest bit first, rows beginning at whole bytes."""
    weights = (1 << np.arange(layout.bits)[::-1]).astype(np.uint16)
    flat = rows.reshape(-1, layout.row_bytes)
    out = np.empty((len(flat), layout.in_a_row), np.uint16)
    step = max(1, _BITS_AT_A_TIME // (8 * layout.row_bytes))
    for at in range(0, len(flat), step):
        bits = np.unpackbits(flat[at : at + step], axis=1)[:, : layout.in_a_row * layout.bits]
        out[at : at + step] = bits.reshape(len(bits), -1, layout.bits) @ weights
    return out


def _sorted_out(counts: np.ndarray, layout: _Layout, tags: Tags) -> Samples:
    """Colours, polarity and opacity, told apart by what the tags say."""
    colours = 3 if layout.photometric == _RGB else 1
    opacity, extra = None, tags.get(_EXTRA, ())
    for number, kind in enumerate(extra[: layout.samples - colours]):
        if kind in {_ASSOCIATED, _UNASSOCIATED}:
            opacity = _opacity(counts[..., colours + number], layout)
            break
    counts = counts[..., :colours]
    if layout.photometric == _WHITE_IS_ZERO:
        # Counts only mean more or less: for floats and signed numbers zero stays in the middle.
        counts = -counts if layout.kind == "f" else ~counts
        if layout.bits % 8:
            counts &= (1 << layout.bits) - 1
    is_level = layout.kind == "u" and layout.bits <= 8
    if is_level:
        counts = np.rint(counts * np.float32(255 / ((1 << layout.bits) - 1))).astype(np.uint8)
    orientation = valid(tags.get(_ORIENTATION)) or orientation_in_xmp(bytes(tags.get(_XMP, b"")))
    return Samples(
        counts=counts,
        opacity=opacity,
        premultiplied=opacity is not None and _ASSOCIATED in extra,
        orientation=orientation or UPRIGHT,
        said={"icc_profile": bytes(tags[_ICC]) if _ICC in tags else None},
        levels=is_level,
    )


def _opacity(values: np.ndarray, layout: _Layout) -> np.ndarray:
    full = 1 if layout.kind == "f" else (1 << (layout.bits - (layout.kind == "i"))) - 1
    shares = np.clip(values.astype(np.float32) / np.float32(full), 0, 1)
    return np.where(np.isfinite(shares), shares, np.float32(0))
