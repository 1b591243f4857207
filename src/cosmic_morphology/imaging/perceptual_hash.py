"""The fingerprint of an image that survives re-encoding and resizing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cosmic_morphology.imaging.sample import SAMPLE_SIDE_PX, sample_levels

HASH_SIDE = 8


def perceptual_hash(image: Image.Image, *, grey: Image.Image | None = None) -> bytes:
    """64-bit perceptual hash, bit for bit that of ``imagehash.phash``.

    The image is reduced to 32 x 32 grey pixels; each of the 8 x 8 lowest frequencies of its
    cosine transform gives one bit: above their median or not.

    Parameters
    ----------
    image : PIL.Image.Image
        Upright 8-bit image, grey or RGB.
    grey : PIL.Image.Image, optional
        The same image in mode ``L``, where it is there already.

    Returns
    -------
    bytes
        8 bytes, the first frequency in the highest bit (as ``imagehash`` prints it in hex).

    Notes
    -----
    Method: N. Krawetz, "Looks like it" (hackerfactor.com, 2011). The few frequencies that bits
    depend on are products with a small matrix, which is faster than the whole transform.

    Examples
    --------
    >>> from PIL import Image
    >>> flat = Image.new("L", (64, 64), 9)
    >>> len(perceptual_hash(flat))
    8
    """
    levels = sample_levels(image.convert("L") if grey is None else grey)
    lowest = _COSINES @ levels @ _COSINES.T
    lower, upper = np.partition(lowest, _MIDDLE, axis=None)[_MIDDLE]
    if upper - lower < _TOLD_APART:
        from scipy import fft  # seldom needed, and half a second to import

        rows = fft.dct(np.asarray(levels, dtype=np.float64), axis=0)[:HASH_SIDE]
        lowest = fft.dct(rows, axis=1)[:, :HASH_SIDE]
        return np.packbits(lowest > np.median(lowest)).tobytes()
    return np.packbits(lowest > (lower + upper) / 2).tobytes()


_COSINES = 2 * np.cos(
    np.pi / (2 * SAMPLE_SIDE_PX) * np.outer(np.arange(HASH_SIDE), 2 * np.arange(SAMPLE_SIDE_PX) + 1)
)
_MIDDLE = [HASH_SIDE**2 // 2 - 1, HASH_SIDE**2 // 2]
# Rounding changes these sums by less than a millionth. Where the two in the middle are as near as
# this (an even image, or one that is its own mirror image), it decides: then the same transform
# as that of ``imagehash`` is taken.
_TOLD_APART = 1e-3
