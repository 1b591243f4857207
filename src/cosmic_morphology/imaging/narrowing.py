"""Pillow's Lanczos reduction of rows, bit for bit, at a quarter of its cost.

Pillow reduces grey rows one weight at a time, which takes longer than all the rest of a
perceptual hash. The same sums are products of matrices; in double precision they are exact,
because Pillow's weights are whole numbers below 2**23 and grey levels are below 2**8.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image

# Pillow's ``PRECISION_BITS`` for 8-bit bands (src/libImaging/Resample.c).
_BITS = 22
_LOBES = 3.0
_COLUMNS = 8
# OpenBLAS sends larger products to threads, which costs more than these products do.
_MAX_PRODUCT = 262_144
_LEAST_WIDTH_PX = 256
_MOST_WIDTH_PX = 4_096
# The weights of a width take longer than they save in one picture, and a few kilobytes.
_WORTH_FROM = 8
_MAX_TABLES = 64


@dataclass(frozen=True, slots=True)
class _Block:
    """Weights of a few columns of the answer: they see only a part of each row."""

    column: int
    first: int
    last: int
    weights: np.ndarray


_tables: dict[tuple[int, int], tuple[_Block, ...]] = {}
_met: Counter[tuple[int, int]] = Counter()


def narrowed(grey: Image.Image, width_px: int) -> Image.Image:
    """A grey picture at another width, as ``resize((width_px, height), LANCZOS)`` gives it.

    Parameters
    ----------
    grey : PIL.Image.Image
        Mode ``L``.
    width_px : int
        Width of the answer in pixels, smaller than the picture's.
    """
    blocks = _table(grey.width, width_px)
    if blocks is None:
        return grey.resize((width_px, grey.height), Image.Resampling.LANCZOS)
    levels = np.asarray(grey).astype(np.float64)
    sums = np.empty((grey.height, width_px))
    for block in blocks:
        rows = max(1, _MAX_PRODUCT // block.weights.size)
        for top in range(0, grey.height, rows):
            part = levels[top : top + rows, block.first : block.last]
            np.matmul(
                part,
                block.weights,
                out=sums[top : top + rows, block.column : block.column + _COLUMNS],
            )
    sums += 1 << (_BITS - 1)
    sums *= 2.0**-_BITS
    np.floor(sums, out=sums)
    np.clip(sums, 0, 255, out=sums)
    return Image.fromarray(sums.astype(np.uint8))


def _table(width: int, width_px: int) -> tuple[_Block, ...] | None:
    """The weights for a width that is common; None for the others."""
    key = (width, width_px)
    if (table := _tables.get(key)) is not None:
        return table
    if not _LEAST_WIDTH_PX <= width <= _MOST_WIDTH_PX or len(_tables) >= _MAX_TABLES:
        return None
    _met[key] += 1
    if _met[key] < _WORTH_FROM:
        return None
    table = _tables[key] = _blocks(width, width_px)
    return table


def _blocks(width: int, width_px: int) -> tuple[_Block, ...]:
    weights = _weights(width, width_px)
    blocks = []
    for column in range(0, width_px, _COLUMNS):
        part = weights[:, column : column + _COLUMNS]
        used = np.flatnonzero(part.any(axis=1))
        first, last = int(used[0]), int(used[-1]) + 1
        blocks.append(_Block(column, first, last, np.ascontiguousarray(part[first:last])))
    return tuple(blocks)


def _weights(width: int, width_px: int) -> np.ndarray:
    """Pillow's whole-number weights, shape ``(width, width_px)``, as doubles."""
    scale = width / width_px
    reach = _LOBES * scale
    weights = np.zeros((width, width_px))
    for column in range(width_px):
        centre = (column + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        last = min(width, int(centre + reach + 0.5))
        found = [_lanczos((at - centre + 0.5) / scale) for at in range(first, last)]
        total = sum(found)
        weights[first:last, column] = [
            int(math.copysign(0.5, each) + each / total * (1 << _BITS)) for each in found
        ]
    return weights


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / _LOBES) if -_LOBES <= x < _LOBES else 0.0


def _sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(x * math.pi) / (x * math.pi)
