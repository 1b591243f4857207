"""Whether two images that may be one really are: tile by tile, at eight times the detail.

Pure functions. Tiles in which something stands out in two directions are looked for in the other
image, each within a few pixels of where it should be. Copies have nearly all of them; two star
fields share few. Planets of one size on black share their limbs and little else: where few tiles
have details, the coarser shapes of the whole images must agree, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cosmic_morphology.curate.exhaustive.maps import SIDE_PX, band, details

TILE_PX = 16
_TILES = SIDE_PX // TILE_PX
_AREA = TILE_PX * TILE_PX
# A tile is looked for so far from its place, px: turning loses up to one, cutting a part more.
_NEAR_PX, _SEARCHED_PX = 1, 3
# Where tiles correlate less than this in their places, they are not looked for beside them.
_HOPELESS = 0.15
# Details in a tile: their variance, and how much less they change in one direction than in the
# other, at least.
_LEAST_VARIANCE, _LEAST_CORNER = 0.02, 0.1
# Tiles of copies correlate so well, where there are so many of them. Chosen on the half for tuning
# and on rendered images of other seeds: noise that compression took away leaves 0.61 in dark
# frames, and the limbs of two planets of one size make 0.67 of few tiles.
MIN_CORRELATION, MIN_TILES = 0.75, 1 / 8
MANY_ALIKE, MANY_TILES = 0.5, 1 / 2
# Where all tiles but a few have details, half of them decide: strong compression takes most noise
# from dark frames, at quality 40 the middle one keeps 0.28 to 0.5. Between different images it
# stays below 0.26, on rendered ones of other seeds and on pairs of real ones; only limbs and flanks
# of discs of one size make 0.37, of 52 tiles at most.
MIDDLE_ALIKE, MIDDLE_TILES = 0.3, 15 / 16
# Parts are moved about until they fit, which brings discs of one size to 0.79 of 11 tiles.
PARTS_ALIKE, PARTS_TILES = 0.8, 3 / 16
# Grey levels that correlate so well need less of the tiles: the grain between the details may be
# gone. Two different images stay below 0.8.
MIN_LEVELS, LEVELS_ALIKE = 0.95, 0.3
# Where fewer than MANY_TILES have details they are mostly limbs and rings. The shapes of the whole
# must correlate so well with those of a part. Chosen on simulated bodies of other seeds and the
# half for tuning.
MIN_SHAPES, _SHAPES_PX = 0.98, 2.0


@dataclass(frozen=True, slots=True)
class Tiles:
    """How far the tiles of one image are found in another.

    Attributes
    ----------
    compared : int
        Tiles with details in two directions.
    correlation : float
        Their mean correlation.
    of : int
        Tiles in all.
    middle : float
        Their median correlation.
    moved : bool
        Whether the best shift was looked for first.
    shift : tuple of (int, int)
        Down and right, px of the square.
    """

    compared: int
    correlation: float
    of: int = _TILES**2
    middle: float = 0.0
    moved: bool = False
    shift: tuple[int, int] = (0, 0)

    @property
    def few(self) -> bool:
        """Whether so few tiles have details that they may all be limbs."""
        return self.compared < MANY_TILES * self.of

    @property
    def enough(self) -> bool:
        """Whether so many tiles have details that they can tell images apart."""
        return self.compared >= (PARTS_TILES if self.moved else MIN_TILES) * self.of

    @property
    def agree(self) -> bool:
        """Whether nearly all tiles of one image are in the other."""
        return self.enough and self.correlation >= (PARTS_ALIKE if self.moved else MIN_CORRELATION)

    @property
    def alike(self) -> bool:
        """Whether the tiles are as alike as those of copies that lost their grain."""
        return self.correlation >= MANY_ALIKE or (
            self.compared >= MIDDLE_TILES * self.of and self.middle >= MIDDLE_ALIKE
        )


def compare_tiles(one: np.ndarray, other: np.ndarray, *, search: bool) -> Tiles:
    """Look for the tiles of one detail map in another.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Detail maps that lie over each other.
    search : bool
        Whether they may be off by more than a pixel: the best shift is found first.
    """
    good = _has_details(other)
    shift = (0, 0)
    if search:
        shift = _best_shift(one, other)
        one, room = _shifted(one, *shift)
        good &= _sums(room) >= _AREA
    good &= _has_details(one)
    number = int(good.sum())
    if not number:
        return Tiles(0, 0.0, good.size, moved=search, shift=shift)
    best = _correlations(one, other, 0)[good]
    if best.mean() >= _HOPELESS:
        best = _correlations(one, other, _SEARCHED_PX if search else _NEAR_PX)[good]
    middle = float(np.median(best))
    return Tiles(number, float(best.mean()), good.size, middle, moved=search, shift=shift)


def shapes_alike(one: np.ndarray, other: np.ndarray, shift: tuple[int, int]) -> float:
    """Correlation of two images' coarser details, within a pixel of a shift.

    Each is relative to those around it, so that a band counts as much as the limb.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels.
    shift : tuple of (int, int)
        By which the first is moved, down and right.
    """
    a, b = details(one, _SHAPES_PX), details(other, _SHAPES_PX)
    best = 0.0
    for down in range(shift[0] - _NEAR_PX, shift[0] + _NEAR_PX + 1):
        for right in range(shift[1] - _NEAR_PX, shift[1] + _NEAR_PX + 1):
            moved, room = _shifted(a, down, right)
            there = room > 0
            x, y = moved[there] - moved[there].mean(), b[there] - b[there].mean()
            power = float((x * x).sum()) * float((y * y).sum())
            best = max(best, float((x * y).sum()) / np.sqrt(power + 1e-6))
    return best


def levels_alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two images' grey levels, large shapes left out, within a pixel of each other.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels.
    """
    a, b = band(one), band(other)
    padded, side = np.pad(b, _NEAR_PX, mode="edge"), len(b)
    power = float((a * a).sum())
    best = 0.0
    for down in range(2 * _NEAR_PX + 1):
        for right in range(2 * _NEAR_PX + 1):
            moved = padded[down : down + side, right : right + side]
            both = float((a * moved).sum())
            best = max(best, both / np.sqrt(power * float((moved * moved).sum()) + 1e-6))
    return best


def _best_shift(one: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    size = 2 * len(one)
    product = np.conj(np.fft.rfft2(one, (size, size))) * np.fft.rfft2(other, (size, size))
    alike = np.fft.irfft2(product, (size, size))
    reach = len(one) // 8
    near = np.roll(alike, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    down, right = np.unravel_index(int(near.argmax()), near.shape)
    return int(down) - reach, int(right) - reach


def _shifted(map_: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    out, room = np.zeros_like(map_), np.zeros_like(map_)
    side = len(map_)
    to = tuple(slice(max(s, 0), side + min(s, 0)) for s in (down, right))
    of = tuple(slice(max(-s, 0), side + min(-s, 0)) for s in (down, right))
    out[to], room[to] = map_[of], 1.0
    return out, room


def _sums(maps: np.ndarray) -> np.ndarray:
    """Sums over tiles, shape ``(…, 8, 8)``."""
    in_tile = _in_tile(maps.shape[-1])
    return np.asarray(in_tile @ maps @ in_tile.T)


@lru_cache(maxsize=8)
def _in_tile(side_px: int) -> np.ndarray:
    made = np.repeat(np.eye(side_px // TILE_PX, dtype=np.float32), TILE_PX, axis=1)
    made.flags.writeable = False
    return made


def _has_details(map_: np.ndarray) -> np.ndarray:
    """Tiles with details in two directions, bool of shape ``(8, 8)``."""
    down, right = np.gradient(map_)
    xx, yy, xy, power, mean = _sums(
        np.stack([right * right, down * down, right * down, map_ * map_, map_])
    )
    middle, off = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    variance = power / _AREA - (mean / _AREA) ** 2
    corner = middle - off >= _LEAST_CORNER * (middle + off)
    return np.asarray((variance >= _LEAST_VARIANCE) & corner)


def _correlations(one: np.ndarray, other: np.ndarray, near_px: int) -> np.ndarray:
    """The best correlation of each tile near its place, shape ``(8, 8)``."""
    padded = np.pad(other, near_px, mode="edge")
    steps, side = range(2 * near_px + 1), len(one)
    moved = np.stack([padded[y : y + side, x : x + side] for y in steps for x in steps])
    sums, sum_one = _sums(moved), _sums(one)
    both = _sums(one * moved) - sum_one * sums / _AREA
    power_one = _sums(one * one) - sum_one**2 / _AREA
    power = power_one * (_sums(moved * moved) - sums**2 / _AREA)
    return np.asarray((both / np.sqrt(np.maximum(power, 1e-6))).max(axis=0))
