"""What is left of one image when another is taken from it: noise, or something of its own.

Pure functions. Smooth bodies on black have few details, and share their limbs with every other of
their size. A copy differs from its original by brightness, sharpness, a fraction of a pixel, and
what compression rounds away. Rounding has no large shapes: blurred, it is a level or less,
whatever the image shows. Other bands, phases and shadows stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


def residual_of(one: np.ndarray, other: np.ndarray) -> Residual:
    """What is left of an image without another.

    Brightness, offset, sharpness and a small shift are fitted by least squares.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels that lie over each other.
    """
    model, seen = _blurred(one, _SHARP_PX), _blurred(other, _SHARP_PX)
    down, right = np.gradient(model)
    softer = _blurred(model, _SHARP_PX) - model
    terms = np.stack([np.ones_like(model), model, down, right, softer]).reshape(5, -1)
    weights = np.linalg.lstsq((terms @ terms.T).astype(float), terms @ seen.ravel(), rcond=None)[0]
    left = seen - (weights @ terms).reshape(seen.shape)
    levels = float(np.abs(_blurred(left, _BLOCKS_PX)).max())
    contrast = float(np.ptp(_blurred(seen, _BLOCKS_PX)))
    gain = float(weights[1])
    fine = weights[2:] / max(abs(gain), 1e-3)
    return Residual(levels, contrast, gain, float(np.hypot(fine[0], fine[1])), float(fine[2]))


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
