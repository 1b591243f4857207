"""Random fields: the raw material of clouds, surfaces and spiral arms.

All fields are drawn in Fourier space, which costs one inverse FFT whatever the number of
octaves, and are float32.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

Field = npt.NDArray[np.floating]
VOLUME_SIDE = 64


def power_law(
    rng: np.random.Generator, shape: tuple[int, int], beta: float, *, outer: float = 1.0
) -> Field:
    """A Gaussian random field with a power-law spectrum.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : tuple of int
        Height and width of the field in pixels.
    beta : float
        Slope: ``P(k) ~ k**-beta``. Projected interstellar clouds have 2.5 to 3.1
        (Hennebelle & Falgarone 2012, A&A Rev 20, 55); larger is smoother.
    outer : float, optional
        Largest structures, as cycles over the longer side; lower frequencies are damped.

    Returns
    -------
    numpy.ndarray
        Float32 array of shape ``shape``, mean 0, standard deviation 1, periodic.
    """
    height, width = shape
    spectrum = _amplitude(height, width, round(float(beta), 2), round(float(outer), 2))
    white = rng.standard_normal((*spectrum.shape, 2), dtype=np.float32)
    waves = (white[..., 0] + 1j * white[..., 1]) * spectrum
    field = np.asarray(fft.irfft2(waves, s=shape), dtype=np.float32)
    return standardised(field)


def standardised(field: Field) -> Field:
    """The field shifted and scaled to mean 0 and standard deviation 1."""
    centred = np.asarray(field - field.mean(), dtype=np.float32)
    # One pass over the field, where ``std`` takes four.
    spread = float(np.sqrt(np.vdot(centred, centred) / centred.size))
    if spread > 0:
        centred /= np.float32(spread)
    return centred


def unit(field: Field) -> Field:
    """The field squeezed smoothly into 0 to 1, with its mean at one half."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.8 * field), dtype=np.float32)


def ridges(field: Field, width: float) -> Field:
    """Bright thin lines where ``field`` crosses zero: sheets seen edge-on, as in shock fronts.

    Parameters
    ----------
    field : numpy.ndarray
        A standardised field of shape ``(H, W)``.
    width : float
        Half-width of the lines, in units of the field's standard deviation.
    """
    return np.asarray(1.0 / (1.0 + (field / width) ** 2), dtype=np.float32)


def billow(rng: np.random.Generator, shape: tuple[int, int], *, octaves: int = 4) -> Field:
    """Puffy cloud tops: summed absolute values of ever finer smooth fields, mean 0, std 1."""
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        smooth = power_law(rng, shape, 5.0, outer=3.0 * 2.0**octave)
        total += np.abs(smooth) * 0.55**octave
    return standardised(total)


def warped(field: Field, dx: Field, dy: Field) -> Field:
    """The field read at places moved by ``(dx, dy)`` pixels, which draws out wisps."""
    height, width = field.shape
    rows, cols = np.indices((height, width), dtype=np.float32)
    moved = ndimage.map_coordinates(field, [rows + dy, cols + dx], order=1, mode="grid-wrap")
    return np.asarray(moved, dtype=np.float32)


def blurred(field: Field, sigma_px: float) -> Field:
    """Gaussian blur of a ``(H, W)`` or ``(H, W, C)`` array over its first two axes."""
    if sigma_px <= 0:
        return field
    sigmas = (sigma_px, sigma_px) + (0,) * (field.ndim - 2)
    smooth = ndimage.gaussian_filter(field, sigmas, truncate=3.0, mode="nearest")
    return np.asarray(smooth, dtype=np.float32)


def between(positions: Field, count: int) -> Field:
    """Weights of linear interpolation: a matrix of shape ``(N, count)`` for a regular axis.

    On a grid whose axes can be parted, two or three small products of matrices give what
    ``map_coordinates`` (order 1, nearest) gives, several times faster.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape ``(N,)``, in units of cells; beyond the ends the end counts.
    count : int
        Cells of the axis.
    """
    at = np.clip(np.asarray(positions, dtype=np.float32), 0, count - 1)
    low = np.minimum(at.astype(np.int64), count - 2)
    share = (at - low).astype(np.float32)
    weights = np.zeros((len(at), count), dtype=np.float32)
    rows = np.arange(len(at))
    weights[rows, low] = 1 - share
    weights[rows, low + 1] = share
    return weights


@lru_cache(maxsize=4)
def volume(index: int, beta: float = 3.7) -> Field:
    """A periodic cube of power-law noise, made once per process for solid bodies.

    Parameters
    ----------
    index : int
        Which cube; the same number always gives the same cube.
    beta : float, optional
        Slope of its three-dimensional spectrum (11/3 is Kolmogorov's).

    Returns
    -------
    numpy.ndarray
        Float32 array of shape ``(64, 64, 64)``, mean 0, standard deviation 1.
    """
    side = VOLUME_SIDE
    rng = np.random.default_rng([977, index])
    kz, ky = (fft.fftfreq(side) * side for _ in range(2))
    kx = fft.rfftfreq(side) * side
    k = np.sqrt(kz[:, None, None] ** 2 + ky[None, :, None] ** 2 + kx[None, None, :] ** 2)
    k[0, 0, 0] = np.inf
    white = rng.standard_normal((*k.shape, 2), dtype=np.float32)
    waves = (white[..., 0] + 1j * white[..., 1]) * k ** (-beta / 2)
    return standardised(np.asarray(fft.irfftn(waves, s=(side,) * 3), dtype=np.float32))


def solid(
    points: npt.NDArray[np.float32], *, index: int, scale: float, shift: float = 0.0
) -> Field:
    """Noise at points in space, so that a texture sits on a body without seams or poles.

    Parameters
    ----------
    points : numpy.ndarray
        Positions of shape ``(N, 3)``, in units of the body's radius.
    index : int
        Which of the noise cubes.
    scale : float
        Cube lengths per radius: larger means finer grain.
    shift : float, optional
        Moves the body through the cube, in cube lengths.
    """
    at = (points.T * scale + shift) * VOLUME_SIDE
    values = ndimage.map_coordinates(volume(index % 4), at, order=1, mode="grid-wrap")
    return np.asarray(values, dtype=np.float32)


@lru_cache(maxsize=128)
def _amplitude(height: int, width: int, beta: float, outer: float) -> Field:
    """Square root of the wanted power on the half-plane of an ``irfft2``."""
    side = max(height, width)
    ky = fft.fftfreq(height)[:, None] * side
    kx = fft.rfftfreq(width)[None, :] * side
    k2 = ky**2 + kx**2
    return np.asarray((k2 + outer**2) ** (-beta / 4) * (k2 > 0), dtype=np.float32)
