"""Detail maps: what the exhaustive comparison sees of an image; pure functions.

Every image is pressed into a square and told as its details relative to those around them. A
bright background, another stretch and a grey version then change little, and the faint stars of a
sparse field count beside the bright ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import fft

from cosmic_morphology.imaging.resample import blurring

# Side of the square, px, and of the small version that all images are compared by.
SIDE_PX = 128
CELLS = 20
# Parts of an image that whole images are compared with: their share of each side, and how many
# places along a side. Copies that were cut to less are not looked for.
PARTS = ((0.9, 3), (0.8, 4), (0.7, 5))
# Scale of the finest details (px of the square), and of those in the small version.
_FINE_PX, _COARSE_PX = 1.0, 3.2
# The surroundings reach so many times as far.
_AROUND = 4.0
# Less than this beside the strongest details, or in grey levels, is what compression leaves.
_FAINT, _FAINT_LEVELS = 0.05, 0.05
_WIDEST = 3.0

# Exchange of rows and columns, mirroring left to right, mirroring top to bottom.
ORIENTATIONS = tuple((a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1))


def parts_of_image() -> list[tuple[float, float, float]]:
    """Share of each side, and left and upper end, in units of the sides; the whole comes first."""
    parts = [(1.0, 0.0, 0.0)]
    for share, places in PARTS:
        ends = np.linspace(0, 1 - share, places).tolist()
        parts += [(share, left, top) for top in ends for left in ends]
    return parts


def pressed(pixels: np.ndarray) -> np.ndarray:
    """Mean of the channels in a square, float32 of shape ``(128, 128)``.

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(height, width, 3)``
    """
    grey = pixels.mean(axis=2, dtype=np.float32)
    return np.asarray(_pressing(grey.shape[0]) @ grey @ _pressing(grey.shape[1]).T)


def details(grey: np.ndarray, size_px: float = _FINE_PX) -> np.ndarray:
    """Details of one size, relative to those around them, in about [-3, 3].

    Parameters
    ----------
    grey : ndarray of float32, shape ``(128, 128)``
    size_px : float
        Standard deviation of the finest details that are kept.
    """
    return _details_of_waves(waves(grey), size_px)


def waves(grey: np.ndarray) -> np.ndarray:
    """The cosine transform of an image: a Gaussian blur only weakens each wave in it.

    Beyond its edges an image is mirrored, as ``scipy.ndimage`` has it.
    """
    return np.asarray(fft.dctn(grey))


def _details_of_waves(of_image: np.ndarray, size_px: float) -> np.ndarray:
    kept = np.asarray(fft.idctn(of_image * _kept_in_band(len(of_image), size_px)))
    around = fft.dctn(kept * kept) * _kept_by_blur(len(kept), _AROUND * size_px)
    strength = np.sqrt(np.maximum(fft.idctn(around), 0))
    floor = _FAINT * float(np.quantile(strength, 0.95)) + _FAINT_LEVELS
    return np.asarray(np.clip(kept / (strength + floor), -_WIDEST, _WIDEST), np.float32)


def band(grey: np.ndarray, size_px: float = _FINE_PX) -> np.ndarray:
    """Grey levels without what is smaller than this or four times as large."""
    return np.asarray(fft.idctn(waves(grey) * _kept_in_band(len(grey), size_px)))


@lru_cache(maxsize=64)
def _kept_in_band(side_px: int, size_px: float) -> np.ndarray:
    fine, wide = (_kept_by_blur(side_px, sigma) for sigma in (size_px, _AROUND * size_px))
    return _constant(fine - wide)


@lru_cache(maxsize=64)
def _kept_by_blur(side_px: int, sigma_px: float) -> np.ndarray:
    """What a blur leaves of each wave: the eigenvalues of its matrix, along both sides."""
    of_first = fft.dct(blurring(side_px, round(sigma_px, 1))[0].astype(float))
    along = of_first / fft.dct(np.eye(1, side_px)[0])
    return _constant(np.outer(along, along))


def _constant(made: np.ndarray) -> np.ndarray:
    made = made.astype(np.float32)
    made.flags.writeable = False
    return made


def small_versions(
    grey: np.ndarray, parts: Sequence[tuple[float, float, float]] | None = None
) -> np.ndarray:
    """The image and its parts, float32 of shape ``(P, 400)``, each with mean 0 and length 1.

    Parameters
    ----------
    grey : ndarray of float32, shape ``(128, 128)``
    parts : sequence, optional
        Some of :func:`parts_of_image`.
    """
    chosen = parts_of_image() if parts is None else parts
    of_image, squares = waves(grey), np.empty((len(chosen), CELLS, CELLS), np.float32)
    for share in {share for share, _, _ in chosen}:
        at = [number for number, part in enumerate(chosen) if part[0] == share]
        lefts, tops = (sorted({chosen[number][axis] for number in at}) for axis in (1, 2))
        # One product has the cells of every part of that size.
        cells = _cells(tuple(tops), share) @ _details_of_waves(of_image, _COARSE_PX * share)
        cells = (cells @ _cells(tuple(lefts), share).T).reshape(len(tops), CELLS, -1, CELLS)
        for number in at:
            _, left, top = chosen[number]
            squares[number] = cells[tops.index(top), :, lefts.index(left)]
    out = squares.reshape(-1, CELLS * CELLS)
    out -= out.mean(axis=1, keepdims=True)
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-3, out / np.maximum(length, 1e-3), 0), np.float32)


def oriented(squares: np.ndarray, orientation: tuple[int, int, int]) -> np.ndarray:
    """Squares ``(…, S, S)`` mirrored, then with rows and columns exchanged."""
    exchanged, left_right, top_bottom = orientation
    out = squares[..., :: -1 if top_bottom else 1, :: -1 if left_right else 1]
    return np.asarray(out.swapaxes(-1, -2) if exchanged else out)


def turned_back(orientation: tuple[int, int, int]) -> tuple[int, int, int]:
    """The orientation that undoes another: what one image is turned by, both are turned back by."""
    exchanged, left_right, top_bottom = orientation
    return (exchanged, top_bottom, left_right) if exchanged else orientation


def part_of(square: np.ndarray, part: tuple[float, float, float]) -> np.ndarray:
    """A part of a square, enlarged to the whole square."""
    share, left, top = part
    return np.asarray(_window(top, share) @ square @ _window(left, share).T, np.float32)


@lru_cache(maxsize=4096)
def _pressing(length: int) -> np.ndarray:
    return _averaging(length, SIDE_PX, 0.0, 1.0)


@lru_cache(maxsize=64)
def _cells(starts: tuple[float, ...], share: float) -> np.ndarray:
    return np.concatenate([_averaging(SIDE_PX, CELLS, start, share) for start in starts])


@lru_cache(maxsize=64)
def _window(start: float, share: float) -> np.ndarray:
    return _averaging(SIDE_PX, SIDE_PX, start, share)


def _averaging(length: int, cells: int, start: float, share: float) -> np.ndarray:
    """Means over ``cells`` equal parts of a line of pixels; between pixels where there are fewer.

    The same from both ends: a mirrored image has exactly the mirrored means.
    """
    edges = (start + share * np.arange(cells + 1) / cells) * length
    # At least one pixel wide around the middle of the cell.
    middle, half = (edges[1:] + edges[:-1]) / 2, max(share * length / cells, 1.0) / 2
    low, high = (middle - half)[:, None], (middle + half)[:, None]
    at = np.arange(length)[None]
    # The first and the last pixel reach as far as the cells do.
    upper = np.where(at == length - 1, np.inf, at + 1.0)
    lower = np.where(at == 0, -np.inf, at.astype(float))
    made = np.maximum(np.minimum(high, upper) - np.maximum(low, lower), 0).astype(np.float32)
    made /= made.sum(axis=1, keepdims=True)
    made.flags.writeable = False
    return np.asarray(made)
