"""Point-spread functions, drawn by GalSim once per process and kept as transforms."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import galsim
import numpy as np
import numpy.typing as npt
from scipy import fft, optimize

from cosmic_morphology.synthesize.fields.noise import Field

PAD_PX = 24
NARROWEST_PX = 0.8
# Share of the light in the aureole.
AUREOLE = {"moffat": 0.04, "kolmogorov": 0.03, "newton": 0.08}


def convolved(light: Field, kind: str, fwhm_px: float, angle_deg: float) -> Field:
    """The light as a telescope spreads it.

    Parameters
    ----------
    light : numpy.ndarray
        Float32, shape ``(H, W, 3)``.
    kind : str
        ``moffat``, ``kolmogorov``, ``newton``, ``hubble`` or ``webb``.
    fwhm_px : float
        Full width at half maximum in pixels, drawn as :func:`drawn_width` says.
    angle_deg : float
        Angle of the spider, for the kinds that have one, in degrees.

    Returns
    -------
    numpy.ndarray
        Float32, shape ``(H, W, 3)``.
    """
    height, width = light.shape[:2]
    shape = (fft.next_fast_len(height + PAD_PX, True), fft.next_fast_len(width + PAD_PX, True))
    width_step = drawn_width(fwhm_px)
    angle_step = round(angle_deg / 15) * 15 % 90 if kind in {"newton", "hubble", "webb"} else 0
    transfer = _transfer(kind, width_step, angle_step, shape)
    planes = np.moveaxis(light, 2, 0)
    # The sky goes on beyond the edges: with nothing there, they would be dark.
    beyond = [(each - side) for each, side in zip(shape, (height, width), strict=True)]
    before = [each // 2 for each in beyond]
    around = [(0, 0), *((b, all_ - b) for b, all_ in zip(before, beyond, strict=True))]
    waves = fft.rfft2(np.pad(planes, around, mode="symmetric")) * transfer
    top, left = before
    spread = fft.irfft2(waves, s=shape)[:, top : top + height, left : left + width]
    return np.asarray(np.maximum(np.moveaxis(spread, 0, 2), 0), dtype=np.float32)


def drawn_width(fwhm_px: float) -> float:
    """The width that is drawn for ``fwhm_px``: few distinct ones, so that each is made once.

    Examples
    --------
    >>> drawn_width(2.06), drawn_width(0.3)
    (2.0, 0.8)
    """
    return max(NARROWEST_PX, round(fwhm_px * 4) / 4)


@lru_cache(maxsize=96)
def _transfer(
    kind: str, fwhm_px: float, angle_deg: int, shape: tuple[int, int]
) -> npt.NDArray[np.complex64]:
    side = min(min(shape) // 2 * 2 - 1, 255)
    kernel = _kernel(kind, fwhm_px, angle_deg, side)
    plane = np.zeros(shape, dtype=np.float32)
    plane[:side, :side] = kernel
    plane = np.roll(plane, (-(side // 2), -(side // 2)), axis=(0, 1))
    return np.asarray(fft.rfft2(plane), dtype=np.complex64)


@lru_cache(maxsize=96)
def _kernel(kind: str, fwhm_px: float, angle_deg: int, side: int) -> Field:
    """The kernel itself, shape ``(side, side)``, sum 1."""
    image = galsim.ImageF(side, side, scale=1.0)
    _profile(kind, fwhm_px, angle_deg).drawImage(image=image, method="no_pixel")
    kernel = np.maximum(np.asarray(image.array, dtype=np.float32), 0)
    if kind in {"newton", "hubble", "webb"}:
        kernel = kernel + _spikes(kind, fwhm_px, angle_deg, side)
    if kind in AUREOLE:
        kernel = kernel / kernel.sum() * (1 - AUREOLE[kind]) + AUREOLE[kind] * _aureole(
            fwhm_px, side
        )
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _profile(kind: str, fwhm_px: float, angle_deg: int) -> Any:
    """A GalSim profile of the wanted width.

    Seeing-limited cores follow Moffat with beta 2.5 to 4.765 (Trujillo et al. 2001, MNRAS
    328, 977) or Kolmogorov; space telescopes an obscured Airy pattern.
    """
    del angle_deg
    if kind == "kolmogorov":
        return galsim.Kolmogorov(fwhm=fwhm_px)
    if kind in {"hubble", "webb"}:
        obscuration = 0.33 if kind == "hubble" else 0.2
        return galsim.Airy(
            lam_over_diam=fwhm_px / _airy_width(obscuration), obscuration=obscuration
        )
    return galsim.Moffat(beta=2.8 if kind == "moffat" else 3.2, fwhm=fwhm_px)


@lru_cache(maxsize=4)
def _airy_width(obscuration: float) -> float:
    """Width at half maximum of an obscured Airy pattern, in wavelengths over diameter."""
    pattern = galsim.Airy(lam_over_diam=1.0, obscuration=obscuration)
    half = pattern.xValue(0, 0) / 2
    return 2 * float(optimize.brentq(lambda r: pattern.xValue(r, 0) - half, 0.1, 1.0))


def _aureole(fwhm_px: float, side: int) -> Field:
    """The wide faint glow of a star by air and glass, inverse-square (King 1971, PASP 83, 199)."""
    rows, cols = np.indices((side, side), dtype=np.float32) - side // 2
    r = np.hypot(rows, cols)
    glow = 1.0 / (1.0 + (r / (3 * fwhm_px)) ** 2) * np.clip(1 - 2 * r / side, 0, 1)
    return np.asarray(glow / glow.sum(), dtype=np.float32)


def _spikes(kind: str, fwhm_px: float, angle_deg: int, side: int) -> Field:
    """Diffraction by straight edges: light along a line falls off as the distance squared.

    A spider of four vanes gives four spikes; the hexagonal mirror of Webb gives six, and its
    struts two short horizontal ones (Rigby et al. 2023, PASP 135, 048001).
    """
    half = side // 2
    rows, cols = np.indices((side, side), dtype=np.float32) - half
    total = np.zeros((side, side), dtype=np.float32)
    if kind == "webb":
        lines = [(30.0, 1.0), (90.0, 1.0), (150.0, 1.0), (0.0, 0.25)]
        strength = 0.0033
    else:
        lines = [(0.0, 1.0), (90.0, 1.0)]
        strength = 0.0012 if kind == "hubble" else 0.0018
    # Spikes grow with the pattern in both directions; their share of the light is the mirror's.
    strength /= fwhm_px**2
    for line_deg, weight in lines:
        phi = np.deg2rad(line_deg + (angle_deg if kind != "webb" else angle_deg / 3))
        along = cols * np.cos(phi) + rows * np.sin(phi)
        across = rows * np.cos(phi) - cols * np.sin(phi)
        fade = 1.0 / (1.0 + (np.abs(along) / (4.0 * fwhm_px)) ** 1.7)
        total += weight * fade * np.exp(-0.5 * (across / (0.42 * max(fwhm_px, 1.0))) ** 2)
    taper = np.clip(1.0 - np.hypot(rows, cols) / half, 0, 1) ** 0.5
    return np.asarray(strength * total * taper, dtype=np.float32)
