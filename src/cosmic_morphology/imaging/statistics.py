"""Simple numbers that say what an image is like, measured on its thumbnail's pixels.

All are measured at the thumbnail's scale, so that they can be compared between originals of very
different sizes. Dark images and images of little detail are normal here: no number by itself
is a reason to drop an image of the sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

BLANK_SPREAD_LEVELS = 32
OUTLIERS_IGNORED = 3
PROBE_ROWS = 64
COLOUR_SIDE_PX = 128
# Squares of so many levels, counted from the middle one, add up to less than 2**24.
_EXACT_PX, _MIDDLE_LEVEL = 1_000, 128


@dataclass(frozen=True)
class ImageStatistics:
    """Numbers of one image.

    Attributes
    ----------
    brightness : float
        Mean of the grey levels, in [0, 1].
    contrast : float
        Standard deviation of the grey levels, in [0, 0.5].
    sharpness : float
        Variance of the Laplacian of the grey levels, in levels (0 to 255) squared, 0 or more
        (J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000).
    blankness : float
        In [0, 1]; 1 is a constant frame. It falls to 0 as soon as more than three pixels of any
        channel lie 32 levels or more from the median: a black sky with a handful of stars is not
        blank, the noise of a JPEG over an empty cutout is.
    colourfulness : float
        0 for grey images, about 0.4 for very colourful ones (D. Hasler and S. Süsstrunk,
        "Measuring colourfulness in natural images", 2003, divided by 255).
    """

    brightness: float
    contrast: float
    sharpness: float
    blankness: float
    colourfulness: float


def measure(image: Image.Image, *, grey: Image.Image | None = None) -> ImageStatistics:
    """Measure an image at the thumbnail's scale.

    Parameters
    ----------
    image : PIL.Image.Image
        Upright 8-bit image, grey (``L``) or ``RGB``.
    grey : PIL.Image.Image, optional
        The same image in mode ``L``, where it is there already.
    """
    grey = image.convert("L") if grey is None else grey
    levels = np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)
    mean, variance = _moments(levels)
    return ImageStatistics(
        brightness=mean / 255,
        contrast=variance**0.5 / 255,
        sharpness=_sharpness(levels),
        blankness=_blankness(image),
        colourfulness=_colourfulness(image),
    )


def _moments(levels: np.ndarray) -> tuple[float, float]:
    """Mean and variance, from sums without any rounding: single precision holds those of a row."""
    total = squares = 0.0
    for first in range(0, levels.shape[1], _EXACT_PX):
        part = levels[:, first : first + _EXACT_PX].astype(np.float32)
        part -= _MIDDLE_LEVEL
        total += _sum(part)
        squares += _sum_of_squares(part)
    n = levels.size
    return (total + _MIDDLE_LEVEL * n) / n, (squares * n - total**2) / n**2


def _sharpness(levels: np.ndarray) -> float:
    height, width = levels.shape
    if min(height, width) < 3:
        return 0.0
    # One line of pixels, one row after the other, is quicker to walk along than many rows. What
    # it says of the first and the last pixel of a row is wrong and left out.
    pixels = levels.reshape(-1).astype(np.int16)
    laplacian = 4 * pixels[width:-width]
    laplacian -= pixels[: -2 * width]
    laplacian -= pixels[2 * width :]
    laplacian -= pixels[width - 1 : -width - 1]
    laplacian -= pixels[width + 1 : -width + 1]
    inside = laplacian.reshape(-1, width)[:, 1:-1].astype(np.float32)
    return max(_sum_of_squares(inside) / inside.size - (_sum(inside) / inside.size) ** 2, 0.0)


def _sum(rows: np.ndarray) -> float:
    return float(rows.sum(axis=1).sum(dtype=np.float64))


def _sum_of_squares(rows: np.ndarray) -> float:
    # Not a product of vectors: it is shared out to threads, and rounds as many times as there are.
    return float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64))


def _blankness(image: Image.Image) -> float:
    if _is_surely_not_blank(image):
        return 0.0
    histograms = np.asarray(image.histogram()).reshape(-1, 256)
    spread = max(_spread(counts) for counts in histograms)
    return max(0.0, 1.0 - spread / BLANK_SPREAD_LEVELS)


def _is_surely_not_blank(image: Image.Image) -> bool:
    """Whether a small part settles it: nearly every image, at a tenth of the cost.

    The pixels that are left after the outliers reach at least as far in the whole image as in
    any part of it, and one of their ends lies at least half of that from the median.
    """
    left, top = image.width // 4, image.height // 4
    part = image.crop((left, top, image.width - left, min(image.height, top + PROBE_ROWS)))
    for counts in np.asarray(part.histogram()).reshape(-1, 256):
        below = np.cumsum(counts)
        ends = np.searchsorted(below, [OUTLIERS_IGNORED + 1, below[-1] - OUTLIERS_IGNORED])
        if below[-1] > 2 * OUTLIERS_IGNORED and ends[1] - ends[0] >= 2 * BLANK_SPREAD_LEVELS:
            return True
    return False


def _spread(counts: np.ndarray) -> int:
    """Largest distance from the median, in levels, that more than a few pixels have."""
    below = np.cumsum(counts)
    median, low, high = np.searchsorted(
        below, [below[-1] / 2, OUTLIERS_IGNORED + 1, below[-1] - OUTLIERS_IGNORED]
    )
    return int(max(high - median, median - low))


def _colourfulness(image: Image.Image) -> float:
    if image.mode != "RGB":
        return 0.0
    factor = max(1, max(image.size) // COLOUR_SIDE_PX)
    pixels = np.asarray(image.reduce(factor), dtype=np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    mean = float(np.hypot(red_green.mean(), yellow_blue.mean()))
    return (spread + 0.3 * mean) / 255
