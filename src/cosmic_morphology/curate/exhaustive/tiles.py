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
from scipy import fft

from cosmic_morphology.curate.exhaustive.maps import SIDE_PX, band, details, oriented

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


@dataclass(frozen=True, slots=True)
class DetailMap:
    """The details of an image, and what its tiles are compared by: made once for many pairs.

    Attributes
    ----------
    map_ : ndarray of float32, shape ``(S, S)``
        What :func:`~cosmic_morphology.curate.exhaustive.maps.details` gave.
    good : ndarray of bool, shape ``(S / 16, S / 16)``
        Tiles with details in two directions.
    sums, power : ndarray of float32, shape ``(S / 16, S / 16)``
        Of each tile: the sum, and that of the squares around the mean.
    """

    map_: np.ndarray
    good: np.ndarray
    sums: np.ndarray
    power: np.ndarray

    @classmethod
    def of(cls, grey: np.ndarray) -> DetailMap:
        """Made of the grey levels, float32 of shape ``(S, S)``."""
        map_ = details(grey)
        return cls(map_, _has_details(map_), *_sums_and_power(map_))

    def oriented(self, orientation: tuple[int, int, int]) -> DetailMap:
        """Of the image that was mirrored and transposed."""
        every = (self.map_, self.good, self.sums, self.power)
        return DetailMap(*(oriented(each, orientation) for each in every))


def compare_tiles(one: DetailMap, other: DetailMap, *, search: bool) -> Tiles:
    """Look for the tiles of one detail map in another.

    Parameters
    ----------
    one, other : DetailMap
        Of images that lie over each other.
    search : bool
        Whether they may be off by more than a pixel: the best shift is found first.
    """
    good = other.good.copy()
    shift = (0, 0)
    if search:
        shift = _best_shift(one.map_, other.map_)
        moved, room = _shifted(one.map_, *shift)
        good &= _sums(room) >= _AREA
        one = DetailMap(moved, _has_details(moved), *_sums_and_power(moved))
    good &= one.good
    number = int(good.sum())
    if not number:
        return Tiles(0, 0.0, good.size, moved=search, shift=shift)
    best = _in_place(one, other)[good]
    if best.mean() >= _HOPELESS:
        best = _near_place(one, other, _SEARCHED_PX if search else _NEAR_PX)[good]
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
    reach = len(one) // 8
    # With so much room, what comes around the edge is farther off than is looked for.
    size = (len(one) + reach,) * 2
    product = np.conj(fft.rfft2(one, size)) * fft.rfft2(other, size)
    alike = fft.irfft2(product, size)
    steps = np.arange(-reach, reach + 1)
    near = alike[steps[:, None], steps]
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


def _sums_and_power(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sums = _sums(maps)
    return sums, _sums(maps * maps) - sums**2 / _AREA


def _in_place(one: DetailMap, other: DetailMap) -> np.ndarray:
    """The correlation of each tile with the one in its place, shape ``(8, 8)``."""
    both = _sums(one.map_ * other.map_) - one.sums * other.sums / _AREA
    return np.asarray(both / np.sqrt(np.maximum(one.power * other.power, 1e-6)))


def _near_place(one: DetailMap, other: DetailMap, near_px: int) -> np.ndarray:
    """The best correlation of each tile near its place, shape ``(8, 8)``."""
    padded = np.pad(other.map_, near_px, mode="edge")
    steps, side = range(2 * near_px + 1), len(one.map_)
    moved = np.stack([padded[y : y + side, x : x + side] for y in steps for x in steps])
    sums, power = _sums_and_power(moved)
    both = _sums(one.map_ * moved) - one.sums * sums / _AREA
    return np.asarray((both / np.sqrt(np.maximum(one.power * power, 1e-6))).max(axis=0))
