"""What is left of one image when another is taken from it: noise, or something of its own.

Pure functions. Smooth bodies on black have few details, and share their limbs with every other of
their size. A copy differs from its original by brightness, sharpness, a fraction of a pixel, and
what compression rounds away. Rounding has no large shapes: blurred, it is a level or less,
whatever the image shows. Other bands, phases and shadows stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.curate.exhaustive.maps import oriented
from cosmic_morphology.imaging.resample import blurring

# Pixels are compared behind the first blur, and what is left of them is looked at behind the
# second: blocks of compression are 4 px of the square in an image of 256 px.
_SHARP_PX, _BLOCKS_PX = 1.0, 3.0
# Quality 60 rounds the mean of a block to 1.6 grey levels, which is 0.5 of them on average. Behind
# the blur 0.25 are left of that and of the colours; no place of an image has seven times as much.
NOISE_LEVELS = 1.75
# Share of the contrast that may be left: of dimmer images too many look alike.
_SHARE, _LEAST_CONTRAST = 0.07, 4.0
# Contrast from which on no compression leaves too large a share.
CLEAR_LEVELS = NOISE_LEVELS / _SHARE
# Copies are at most half as bright again, softer or sharper by the first blur, and so far off, px
# of the square. A shift that is fitted hides how two bodies differ.
_GAIN, _SOFTER, _SHIFT_PX = 1.5, 1.0, 0.15
# Where the levels may have another curve: share of the contrast that may be left of images whose
# few details agree, and shift; and of images with many details, some of which agree. Copies of
# quality 40 and half the size leave 0.06; different images whose grain, rings or lines of text
# correlate leave 0.2 and more.
SAME_SHARE, ALIKE_SHARE = 0.025, 0.15
CURVED_SHIFT_PX, _WORSE = 0.35, 3.0
_LEVELS = 48


@dataclass(frozen=True, slots=True)
class Residual:
    """How one image differs from another.

    Attributes
    ----------
    levels : float
        The largest difference, small shapes left out, in grey levels.
    contrast : float
        Between the darkest and the brightest place of the image, small shapes left out.
    gain : float
        Brightness of the image, in units of that of the other.
    shift_px : float
        How far it is off, px of the square.
    softer : float
        How much softer it is, in units of the first blur.
    """

    levels: float
    contrast: float
    gain: float
    shift_px: float
    softer: float

    @property
    def is_noise(self) -> bool:
        """Whether compression explains all that differs, and could not explain another image."""
        return (
            self.contrast >= _LEAST_CONTRAST
            and self.levels <= min(NOISE_LEVELS, _SHARE * self.contrast)
            and 1 / _GAIN <= self.gain <= _GAIN
            and self.shift_px <= _SHIFT_PX
            and abs(self.softer) <= _SOFTER
        )


@dataclass(frozen=True, slots=True)
class Sharpened:
    """An image as it is compared with what others leave of it.

    Attributes
    ----------
    pixels : ndarray of float32, shape ``(S, S)``
        Grey levels behind the first blur.
    contrast : float
        As :class:`Residual` has it.
    """

    pixels: np.ndarray
    contrast: float

    @classmethod
    def of(cls, grey: np.ndarray) -> Sharpened:
        """Made of the grey levels."""
        pixels = _blurred(grey, _SHARP_PX)
        return cls(pixels, float(np.ptp(_blurred(pixels, _BLOCKS_PX))))

    def oriented(self, orientation: tuple[int, int, int]) -> Sharpened:
        """Of the image that was mirrored and transposed."""
        return Sharpened(oriented(self.pixels, orientation), self.contrast)


class Model:
    """What a copy of an image may be made of: its levels, shifts and blurs.

    Parameters
    ----------
    one : Sharpened
        The image.
    """

    def __init__(self, one: Sharpened) -> None:
        down, right = np.gradient(one.pixels)
        softer = _blurred(one.pixels, _SHARP_PX) - one.pixels
        terms = [np.ones_like(one.pixels), one.pixels, down, right, softer]
        self._terms = np.stack(terms).reshape(5, -1)
        products = (self._terms @ self._terms.T).astype(float)
        self._inverse = np.linalg.pinv(products, rcond=5 * np.finfo(float).eps, hermitian=True)

    def residual(self, other: Sharpened) -> Residual:
        """What is left of another image; the terms are fitted by least squares."""
        weights = self._weights(other)
        return self._residual(other, weights, self._levels_left(other, weights))

    def leaves_noise(self, other: Sharpened) -> bool:
        """Whether it is noise, as :attr:`Residual.is_noise` says; cheap where the fit says no."""
        weights = self._weights(other)
        return (
            self._residual(other, weights, 0.0).is_noise
            and self._residual(other, weights, self._levels_left(other, weights)).is_noise
        )

    def _weights(self, other: Sharpened) -> np.ndarray:
        return np.asarray(self._inverse @ (self._terms @ other.pixels.ravel()))

    def _levels_left(self, other: Sharpened, weights: np.ndarray) -> float:
        left = other.pixels.ravel() - weights.astype(np.float32) @ self._terms
        return float(np.abs(_blurred(left.reshape(other.pixels.shape), _BLOCKS_PX)).max())

    @staticmethod
    def _residual(other: Sharpened, weights: np.ndarray, levels: float) -> Residual:
        gain = float(weights[1])
        down, right, softer = (weights[2:] / max(abs(gain), 1e-3)).tolist()
        return Residual(levels, other.contrast, gain, float(np.hypot(down, right)), softer)


def residual_of(one: np.ndarray, other: np.ndarray) -> Residual:
    """What is left of an image without another.

    Brightness, offset, sharpness and a small shift are fitted by least squares.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels that lie over each other.
    """
    return Model(Sharpened.of(one)).residual(Sharpened.of(other))


def with_levels_of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """An image with each grey level replaced by the mean of another where it stands.

    So what was stretched, or cut off at white, is no difference.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels that lie over each other.
    """
    ends = np.linspace(one.min(), one.max() + 1e-3, _LEVELS + 1)
    at = np.clip(np.searchsorted(ends, one.ravel(), "right") - 1, 0, _LEVELS - 1)
    count = np.bincount(at, minlength=_LEVELS)
    there = count > 0
    was, now = (
        np.bincount(at, each.ravel(), _LEVELS)[there] / count[there] for each in (one, other)
    )
    return np.asarray(np.interp(one, was, now), np.float32)


def one_up_to_levels(
    one: np.ndarray,
    other: np.ndarray,
    share: float,
    least_levels: float = 0.0,
    shift_px: float = CURVED_SHIFT_PX,
) -> bool:
    """Whether two images show the same, but for a curve of their levels.

    Asked both ways, since a curve makes any image an empty one; a curve that cut levels off fits
    worse when it is undone.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(S, S)``
        Grey levels that lie over each other.
    share : float
        Of the contrast, which may be left; three times as much the other way.
    least_levels : float
        Grey levels that may be left, however small the contrast is.
    shift_px : float
        How far one may be off, px.
    """
    ways = [residual_of(with_levels_of(a, b), b) for a, b in ((one, other), (other, one))]
    better, worse = sorted(ways, key=lambda rest: rest.levels)
    return (
        better.levels <= max(share * better.contrast, least_levels)
        and worse.levels <= max(_WORSE * share * worse.contrast, least_levels)
        and min(rest.shift_px for rest in ways) <= shift_px
    )


def _blurred(values: np.ndarray, sigma_px: float) -> np.ndarray:
    blur = blurring(len(values), sigma_px)
    return np.asarray(blur @ values @ blur.T)
