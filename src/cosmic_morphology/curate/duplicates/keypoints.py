"""Keypoints of an image and what is around each, described so that copies can be found.

A whole-image hash changes when the image is cropped, rotated, mirrored or framed. The
surroundings of a star, a knot or a crater do not: they are described here, each by the lowest
frequencies of a patch whose size follows that of the keypoint.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import fft, ndimage
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.engine import (
    ApplyResult,
    ColumnFunction,
    ColumnWork,
    Engine,
    apply,
    threads_here,
)
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import read_thumbnail

COLUMN = "keypoints"
STAGE = "keypoints"
CODE = "1"

SIDE_PX = 192
MAX_KEYPOINTS = 96
# Keypoints are peaks of a difference of Gaussians: three scales an octave (Lowe, IJCV 2004).
_SCALES = 3
_OCTAVES = 4
_SIGMA_PX = 1.6
_MIN_CONTRAST = 0.1
# The patch reaches so many keypoint sizes to each side, and so far (in its radius) over the edge.
_REACH = 5.0
_OVER_EDGE = 0.4
_PATCH_PX = 16
# A row of a frame differs by so little, in grey levels; less inside than this is no image.
_EVEN_LEVELS = 12.0
_LEAST_INSIDE = 0.3
_STEP_LEVELS = 8.0
# Frequencies (v, u) of a patch that are kept, lowest first: those with v + u up to this.
MAX_ORDER = 7
FREQUENCIES: tuple[tuple[int, int], ...] = tuple(
    sorted(
        ((v, u) for v in range(8) for u in range(8) if 0 < v + u <= MAX_ORDER),
        key=lambda each: (each[0] + each[1], each),
    )
)
_ROW = np.dtype(
    [("x", "<u2"), ("y", "<u2"), ("size", "<u2"), ("descriptor", "i1", (len(FREQUENCIES),))]
)
_PLACE = ("x", "y", "size")
_UNIT = 1 / 32768
_WIDEST = 127.0


@dataclass(frozen=True, slots=True)
class Keypoints:
    """The keypoints of one image, strongest first.

    Attributes
    ----------
    x, y : ndarray of float32, shape ``(K,)``
        Centre from the upper left corner, in units of the longer side.
    size : ndarray of float32, shape ``(K,)``
        Standard deviation of the keypoint, in units of the longer side.
    descriptor : ndarray of float32, shape ``(K, F)``
        Unit vectors: the :data:`FREQUENCIES` of the patch around the keypoint.
    """

    x: np.ndarray
    y: np.ndarray
    size: np.ndarray
    descriptor: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def part(self, first: int, last: int) -> Keypoints:
        """Keypoints ``first`` to ``last`` - 1."""
        here = slice(first, last)
        return Keypoints(self.x[here], self.y[here], self.size[here], self.descriptor[here])

    def packed(self) -> bytes:
        """As stored in the atlas, 41 bytes a keypoint."""
        rows = np.zeros(len(self), _ROW)
        for name in _PLACE:
            scaled = getattr(self, name) / _UNIT
            rows[name] = np.clip(np.round(scaled), 0, 65535)
        rows["descriptor"] = np.clip(np.round(self.descriptor * _WIDEST), -127, 127)
        return rows.tobytes()

    @classmethod
    def unpacked(cls, data: bytes) -> Keypoints:
        """From what :meth:`pack_pairs` gave."""
        rows = np.frombuffer(data, _ROW)
        descriptor = rows["descriptor"].astype(np.float32)
        descriptor /= np.maximum(np.linalg.norm(descriptor, axis=1, keepdims=True), 1e-6)
        x, y, size = (rows[name].astype(np.float32) * np.float32(_UNIT) for name in _PLACE)
        return cls(x, y, size, descriptor)


def fill_keypoints(atlas: Atlas, *, engine: Engine | None = None) -> ApplyResult:
    """Fill the column of keypoints of the images that lack it."""
    return apply(
        atlas,
        ColumnWork(
            STAGE,
            detector,
            reads=("thumbnail",),
            writes=(pa.field(COLUMN, pa.binary()),),
            task_rows=512,
            worth_processes=512,
        ),
        stamp=ColumnProvenance(STAGE, {"keypoints": MAX_KEYPOINTS, "side_px": SIDE_PX}, CODE),
        engine=engine,
    )


def detector() -> ColumnFunction:
    """The pure column function, for a worker."""
    return detect_in_images


def detect_in_images(batch: pa.Table) -> pa.Table:
    """The pure column function: ``thumbnail`` in, ``keypoints`` out."""
    # The filters and the decoder let other threads run; those of products would be in their way.
    with threadpool_limits(1), ThreadPoolExecutor(threads_here()) as threads:
        packed = list(threads.map(_detect, batch.column("thumbnail").to_pylist()))
    return pa.table({COLUMN: pa.array(packed, pa.binary())})


def _detect(thumbnail: bytes) -> bytes:
    try:
        pixels = read_thumbnail(thumbnail, size=SIDE_PX)
    except ImageError:
        return b""  # training and predicting name it; here it is like nothing
    return detect_keypoints(pixels).packed()


def unpack_all(column: pa.ChunkedArray) -> tuple[Keypoints, np.ndarray]:
    """The keypoints of all rows of a column together, and where those of each row begin.

    Returns
    -------
    Keypoints
        Of all rows, M together.
    ndarray of int64, shape ``(N + 1,)``
        The keypoints of row i are those from the i-th number on, up to the next.
    """
    data = column.to_pylist()
    starts = np.zeros(len(data) + 1, np.int64)
    np.cumsum([len(each or b"") // _ROW.itemsize for each in data], out=starts[1:])
    return Keypoints.unpacked(b"".join(each or b"" for each in data)), starts


def detect_keypoints(pixels: np.ndarray) -> Keypoints:
    """The strongest keypoints of an image and their surroundings.

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(height, width, 3)``
        At most :data:`SIDE_PX` on the longer side.
    """
    # The mean of the channels, not the luminance: exchanged colours then change nothing.
    grey = pixels.mean(axis=2, dtype=np.float32)
    longest = max(grey.shape)
    top, left, grey = without_frame(grey)
    found = _chosen(_peaks(grey), grey.shape)
    descriptor = _descriptors(_patches(grey, found))
    return Keypoints(
        ((found[:, 0] + left + 0.5) / longest).astype(np.float32),
        ((found[:, 1] + top + 0.5) / longest).astype(np.float32),
        (found[:, 2] / longest).astype(np.float32),
        descriptor,
    )


def without_frame(grey: np.ndarray) -> tuple[int, int, np.ndarray]:
    """The image without an even frame around it, and where its upper left corner was (px).

    The edges of a frame are stronger keypoints than anything inside it.
    """
    top, bottom = _edges(grey)
    left, right = _edges(grey.T)
    if bottom - top < _LEAST_INSIDE * grey.shape[0] or right - left < _LEAST_INSIDE * grey.shape[1]:
        return 0, 0, grey
    return top, left, grey[top:bottom, left:right]


def _edges(grey: np.ndarray) -> tuple[int, int]:
    """First and last row (exclusive) that are not even and of the colour of the first or last."""
    even = np.ptp(grey, axis=1) < _EVEN_LEVELS
    mean = grey.mean(axis=1)
    first, last = 0, len(grey)
    while first < last and even[first] and abs(mean[first] - mean[0]) < _EVEN_LEVELS:
        first += 1
    while last > first and even[last - 1] and abs(mean[last - 1] - mean[-1]) < _EVEN_LEVELS:
        last -= 1
    # A frame ends in a step along all its length; a dark sky fades into what is in it.
    if first and (first + 1 >= last or np.median(np.abs(grey[first + 1] - mean[0])) < _STEP_LEVELS):
        first = 0
    if last < len(grey) and (
        last - 2 <= first or np.median(np.abs(grey[last - 2] - mean[-1])) < _STEP_LEVELS
    ):
        last = len(grey)
    # The row beside the frame is a mixture of both.
    return (first + (first > 0), last - (last < len(grey)))


def _peaks(grey: np.ndarray) -> np.ndarray:
    """Peaks in place and scale: x, y, size (px) and contrast, shape ``(K, 4)``."""
    found = [np.empty((0, 4))]
    base = _blurred(grey, np.sqrt(_SIGMA_PX**2 - 0.25))
    for octave in range(_OCTAVES):
        if min(base.shape) < 8:
            break
        levels, sigma = [base], _SIGMA_PX
        for step in range(1, _SCALES + 3):
            wider = _SIGMA_PX * 2 ** (step / _SCALES)
            levels.append(_blurred(levels[-1], np.sqrt(wider**2 - sigma**2)))
            sigma = wider
        stack = np.diff(np.stack(levels), axis=0)
        inner = stack[1:-1, 1:-1, 1:-1]
        high = (inner == _around(stack, np.maximum)) & (inner > 0)
        low = (inner == _around(stack, np.minimum)) & (inner < 0)
        z, y, x = np.nonzero((high | low) & (np.abs(inner) > _MIN_CONTRAST))
        zoom = 2.0**octave
        size = _SIGMA_PX * 2 ** ((z + 1) / _SCALES) * zoom
        contrast = np.abs(inner[z, y, x])
        found.append(np.stack([(x + 1) * zoom, (y + 1) * zoom, size, contrast], axis=1))
        base = levels[_SCALES][::2, ::2]
    return np.concatenate(found)


def _around(stack: np.ndarray, most: np.ufunc) -> np.ndarray:
    """The largest or smallest of each inner value and its 26 neighbours."""
    for axis in range(3):
        # Ten times as fast as a filter that walks over the values.
        before, here, after = (
            stack[(slice(None),) * axis + (part,)]
            for part in (slice(None, -2), slice(1, -1), slice(2, None))
        )
        stack = most(most(before, here), after)
    return stack


def _blurred(grey: np.ndarray, sigma: float) -> np.ndarray:
    blurred: np.ndarray = ndimage.gaussian_filter(grey, sigma, mode="nearest", truncate=3.0)
    return blurred


def _chosen(peaks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    reach = peaks[:, 2] * _REACH * (1 - _OVER_EDGE)
    x, y = peaks[:, 0], peaks[:, 1]
    inside = (x >= reach) & (x < shape[1] - reach) & (y >= reach) & (y < shape[0] - reach)
    peaks = peaks[inside]
    # Large keypoints are few and last through every resizing: they count for more.
    strength = peaks[:, 3] * np.sqrt(peaks[:, 2])
    order = np.lexsort((peaks[:, 0], peaks[:, 1], -strength))
    return peaks[order[:MAX_KEYPOINTS]]


_AT = ((np.arange(_PATCH_PX) - (_PATCH_PX - 1) / 2) / (_PATCH_PX / 2)).astype(np.float32)
_AT_Y, _AT_X = np.meshgrid(_AT, _AT, indexing="ij")
_WINDOW = np.exp(-(_AT_X**2 + _AT_Y**2) / (2 * 0.7**2))


def _patches(grey: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Patches around the keypoints, float32 of shape ``(K, 16, 16)``."""
    out = np.zeros((len(found), _PATCH_PX, _PATCH_PX), np.float32)
    step = found[:, 2] * _REACH * 2 / _PATCH_PX
    # From a level of the pyramid whose pixels are about as far apart as the samples.
    level = np.floor(np.log2(np.maximum(step, 1))).astype(int)
    current = _blurred(grey, 0.6)
    for each in range(int(level.max(initial=-1)) + 1):
        here = np.flatnonzero(level == each)
        zoom = 2.0**each
        reach = (found[here, 2] * _REACH / zoom)[:, None, None]
        x = found[here, 0][:, None, None] / zoom + _AT_X * reach
        y = found[here, 1][:, None, None] / zoom + _AT_Y * reach
        out[here] = ndimage.map_coordinates(current, [y, x], order=1, mode="nearest")
        current = _blurred(current, 1.0)[::2, ::2]
    return out


def _descriptors(patches: np.ndarray) -> np.ndarray:
    mean = (patches * _WINDOW).sum(axis=(1, 2), keepdims=True) / _WINDOW.sum()
    waves = fft.dctn((patches - mean) * _WINDOW, axes=(1, 2), norm="ortho")
    rows, columns = np.array(FREQUENCIES).T
    descriptor = waves[:, rows, columns]
    descriptor = descriptor / np.maximum(np.linalg.norm(descriptor, axis=1, keepdims=True), 1e-6)
    return np.asarray(descriptor, dtype=np.float32)
