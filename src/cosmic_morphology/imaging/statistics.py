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
    levels = np.arange(256)
    counts = np.asarray(grey.histogram(), dtype=np.float64)
    mean = float(counts @ levels / counts.sum())
    variance = float(counts @ (levels - mean) ** 2 / counts.sum())
    return ImageStatistics(
        brightness=mean / 255,
        contrast=variance**0.5 / 255,
        sharpness=_sharpness(grey),
        blankness=_blankness(image),
        colourfulness=_colourfulness(image),
    )


def _sharpness(grey: Image.Image) -> float:
    pixels = np.asarray(grey).astype(np.int16)
    if min(pixels.shape) < 3:
        return 0.0
    laplacian = 4 * pixels[1:-1, 1:-1]
    laplacian -= pixels[:-2, 1:-1]
    laplacian -= pixels[2:, 1:-1]
    laplacian -= pixels[1:-1, :-2]
    laplacian -= pixels[1:-1, 2:]
    flat = laplacian.ravel().astype(np.float32)
    mean = float(flat.mean())
    return max(float(flat @ flat) / flat.size - mean**2, 0.0)


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
