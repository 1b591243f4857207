"""Counts of any range as 8-bit levels.

Images of up to 8 bits are made for the eye: their levels stay as they are. What is deeper (12, 16
or 32 bits, signed numbers, floating point) holds counts, of which a camera seldom fills the whole
range; their top byte alone is black. Counts are clipped to what most pixels have and scaled.
"""

from __future__ import annotations

import numpy as np

# Values outside these percentiles are clipped: a few hot pixels of a 16-bit or float image
# would otherwise leave all the rest black.
STRETCH_PERCENTILES = (0.5, 99.8)
STRETCH_SAMPLE_PX = 1_000_000
# Work in double precision goes on over so many values at a time.
_VALUES_AT_A_TIME = 2_000_000


def stretched(values: np.ndarray, *, known: np.ndarray | None = None) -> np.ndarray:
    """Counts of any range as 8 bits, linear between two robust percentiles.

    The limits are the same for all samples of a pixel, so that colours stay.

    Parameters
    ----------
    values : ndarray of shape ``(height, width)`` or ``(height, width, samples)``
        Integers or floats of any size; values that are not finite become black.
    known : ndarray of bool, shape ``(height, width)``, optional
        The pixels that count for the limits (those that can be seen).

    Returns
    -------
    ndarray of uint8, of the same shape

    Examples
    --------
    >>> stretched(np.array([[0.0, 1000.0], [2000.0, 3000.0]])).dtype
    dtype('uint8')
    """
    pixels = values.reshape(values.shape[0] * values.shape[1], -1)
    seen = None if known is None else known.reshape(-1)
    low, high = _limits(pixels, seen)
    out = np.zeros(pixels.shape, np.uint8)
    if high > low:
        unit = max(abs(low), abs(high))  # floats may span more than their own largest number
        scale = 255 / (high / unit - low / unit)
        for part in _parts(pixels):
            counts = pixels[part].astype(np.float64)
            inside = np.clip(np.where(np.isfinite(counts), counts, low), low, high) / unit
            out[part] = np.rint((inside - low / unit) * scale)
    return out.reshape(values.shape)


def _limits(pixels: np.ndarray, seen: np.ndarray | None) -> tuple[float, float]:
    """Counts that become black and white; equal where nothing differs."""
    # Whole pixels are sampled, so that grey counts in three samples get the limits of one.
    step = 1 + len(pixels) // STRETCH_SAMPLE_PX
    sample = _finite(pixels[::step], None if seen is None else seen[::step])
    if sample.size:
        # Without interpolation, so that values that all come three times have the same ones.
        ends = np.percentile(sample, STRETCH_PERCENTILES, method="inverted_cdf")
        low, high = (float(v) for v in ends)
        if high > low:
            return low, high
    # Almost all pixels are equal: what differs is the image.
    lows, highs = [], []
    for part in _parts(pixels):
        counts = _finite(pixels[part], None if seen is None else seen[part])
        if counts.size:
            lows.append(float(counts.min()))
            highs.append(float(counts.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def _finite(pixels: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    counts = (pixels if seen is None else pixels[seen]).astype(np.float64).ravel()
    return counts[np.isfinite(counts)]


def _parts(pixels: np.ndarray) -> list[slice]:
    step = max(1, _VALUES_AT_A_TIME // pixels.shape[1])
    return [slice(at, at + step) for at in range(0, len(pixels), step)]
