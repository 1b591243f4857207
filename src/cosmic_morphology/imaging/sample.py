"""Grey images reduced to 32 x 32 px, level for level as Pillow's Lanczos filter gives them.

Pillow counts its weights in whole 4,194,304ths and adds up one product after the other. Here the
same sums are products of matrices, which take a third of the time. They are exact: a weight is
split into two whole numbers, so small that single precision rounds no sum of theirs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

SAMPLE_SIDE_PX = 32
# Pillow's fixed point: 32 bits less 8 of a level and 2 that the filter's overshoot needs.
_ONE = 1 << 22
_SPLIT = 256
_REACH = 3
# Weights of neighbours overlap: a product for so many columns of the sample wastes the least time.
_COLUMNS = 8
# So few rows at once that no product is shared out to threads, which would cost more than it is.
_ROWS = 64
# Of smaller images there is nothing to gain, of larger ones the sums would no longer be exact. Of
# tall ones Pillow may reduce the height first, which rounds otherwise.
_SIDES_PX = (128, 2_688)
_TALLEST = 1.5


def sample_levels(grey: Image.Image) -> np.ndarray:
    """The levels of ``grey.resize((32, 32), Image.Resampling.LANCZOS)``.

    Parameters
    ----------
    grey : PIL.Image.Image
        Mode ``L``.

    Returns
    -------
    ndarray of shape ``(32, 32)``
        Whole numbers from 0 to 255.

    Examples
    --------
    >>> from PIL import Image
    >>> int(sample_levels(Image.new("L", (200, 150), 9)).max())
    9
    """
    width, height = grey.size
    least, most = _SIDES_PX
    if min(width, height) < least or max(width, height) > most or height > _TALLEST * width:
        sample = grey.resize((SAMPLE_SIDE_PX, SAMPLE_SIDE_PX), Image.Resampling.LANCZOS)
        # Through bytes: numpy asks Pillow for more than it needs.
        return _levels(sample)
    pixels = np.empty((-(-height // _ROWS) * _ROWS, width), np.float32)
    pixels[:height], pixels[height:] = _levels(grey), 0
    groups = pixels.reshape(-1, _ROWS, width)
    sums = [groups[:, :, each.start : each.stop] @ each.weights for each in _bands(width)]
    # Blocks of the upper and the lower numbers stand side by side.
    parts = np.concatenate(sums, axis=2).reshape(-1, 2, _COLUMNS).astype(np.float64)
    rows = _rounded(parts[:, 0] * _SPLIT + parts[:, 1]).reshape(-1, SAMPLE_SIDE_PX)
    sample = _weights(height).reshape(-1, 2, height) @ rows[:height]
    return _rounded(sample.reshape(SAMPLE_SIDE_PX, SAMPLE_SIDE_PX))


class _Band(NamedTuple):
    """Weights of neighbouring columns of the sample: none has pixels outside ``start:stop``."""

    start: int
    stop: int
    weights: np.ndarray


def _levels(grey: Image.Image) -> np.ndarray:
    return np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)


def _rounded(sums: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(sums / _ONE + 0.5), 0, 255)


@lru_cache(maxsize=64)
def _weights(length: int) -> np.ndarray:
    """Weights of a side's pixels in each pixel of the sample, shape ``(32, length)``."""
    scale = length / SAMPLE_SIDE_PX
    weights = np.zeros((SAMPLE_SIDE_PX, length))
    for number, row in enumerate(weights):
        centre = (number + 0.5) * scale
        first = max(int(centre - _REACH * scale + 0.5), 0)
        last = min(int(centre + _REACH * scale + 0.5), length)
        away = (np.arange(first, last) - centre + 0.5) / scale
        lanczos = np.sinc(away) * np.sinc(away / _REACH) * (np.abs(away) < _REACH)
        parts = lanczos / lanczos.sum() * _ONE
        row[first:last] = np.trunc(parts + np.copysign(0.5, parts))
    return weights


@lru_cache(maxsize=64)
def _bands(length: int) -> tuple[_Band, ...]:
    bands = []
    for weights in np.split(_weights(length), SAMPLE_SIDE_PX // _COLUMNS):
        used = np.flatnonzero(weights.any(axis=0))
        start, stop = int(used[0]), int(used[-1]) + 1
        upper = np.rint(weights[:, start:stop] / _SPLIT)
        lower = weights[:, start:stop] - _SPLIT * upper
        split = np.concatenate([upper, lower]).T.astype(np.float32)
        bands.append(_Band(start, stop, np.ascontiguousarray(split)))
    return tuple(bands)
