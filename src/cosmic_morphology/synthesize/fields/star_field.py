"""The sky around every target: stars, small galaxies in the distance, thin dust."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_morphology.synthesize.fields.noise import Field, power_law, unit
from cosmic_morphology.synthesize.scene import Frame, blackbody, tinted

Floats = npt.NDArray[np.floating]


def deposit(light: Field, frame: Frame, x: Floats, y: Floats, flux: Floats) -> None:
    """Add point sources to the light in place, shared between the four nearest pixels.

    Parameters
    ----------
    light : numpy.ndarray
        Float32 canvas, shape ``(H, W, 3)``.
    frame : Frame
        Its frame.
    x, y : numpy.ndarray
        Positions of shape ``(N,)`` in units of the longer side, from the middle.
    flux : numpy.ndarray
        Flux by channel, shape ``(N, 3)``.
    """
    cols, rows = frame.pixels(x, y)
    col0, row0 = np.floor(cols).astype(np.int64), np.floor(rows).astype(np.int64)
    fx, fy = cols - col0, rows - row0
    height, width = frame.shape
    for dr, dc, share in (
        (0, 0, (1 - fx) * (1 - fy)),
        (0, 1, fx * (1 - fy)),
        (1, 0, (1 - fx) * fy),
        (1, 1, fx * fy),
    ):
        row, col = row0 + dr, col0 + dc
        inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
        place = (row * width + col)[inside]
        for channel in range(3):
            weight = (share * flux[:, channel])[inside]
            added = np.bincount(place, weights=weight, minlength=height * width)
            light[..., channel] += added.reshape(height, width).astype(np.float32)


def star_fluxes(
    rng: np.random.Generator, count: int, *, faintest: float, slope: float = 1.0, top: float = 3e3
) -> Floats:
    """Fluxes with cumulative counts ``N(>f) ~ f**-slope``, shape ``(count,)``.

    A uniform Euclidean population has slope 1.5; counts towards the Galactic plane flatten to
    about 0.8 to 1.1 (Bahcall & Soneira 1980, ApJS 44, 73).
    """
    uniform = 1.0 - rng.random(count, dtype=np.float32)
    flux = np.minimum(faintest * uniform ** (-1.0 / slope), faintest * top)
    return np.asarray(flux, dtype=np.float32)


_RED_SHARE = 0.35


def star_temperatures(rng: np.random.Generator, count: int) -> Floats:
    """Effective temperatures in kelvin of a mixed field: red giants and dwarfs, few hot stars."""
    cool = rng.normal(4200, 500, count)
    warm = rng.lognormal(np.log(6800), 0.28, count)
    kelvin = np.where(rng.random(count) < _RED_SHARE, cool, warm)
    return np.clip(kelvin, 2900, 24000).astype(np.float32)


def add_field_stars(
    rng: np.random.Generator,
    light: Field,
    frame: Frame,
    *,
    density: float,
    faintest: float,
    slope: float = 1.0,
    trail: tuple[float, float] = (0.0, 0.0),
    mask: Field | None = None,
) -> int:
    """Scatter a random star field over the light in place.

    Parameters
    ----------
    density : float
        Expected number of stars in a square of the longer side.
    faintest : float
        Flux of the faintest star, in the light's units times pixels.
    slope : float, optional
        Slope of the cumulative counts.
    trail : tuple of float, optional
        Length and angle (radians) by which the telescope moved, in units of the longer side.
    mask : numpy.ndarray, optional
        Transparency of shape ``(H, W)``: stars behind dark dust are dimmed.

    Returns
    -------
    int
        How many stars were placed.
    """
    half_x, half_y = frame.half
    count = int(rng.poisson(density * 4 * half_x * half_y))
    x = rng.uniform(-half_x, half_x, count).astype(np.float32)
    y = rng.uniform(-half_y, half_y, count).astype(np.float32)
    scale = (frame.side / 256) ** 2
    flux = star_fluxes(rng, count, faintest=faintest * scale, slope=slope)
    colours = blackbody(star_temperatures(rng, count))
    if mask is not None and count:
        cols, rows = frame.pixels(x, y)
        seen = mask[
            np.clip(rows.astype(int), 0, frame.height - 1),
            np.clip(cols.astype(int), 0, frame.width - 1),
        ]
        flux = flux * seen
    place_stars(light, frame, x, y, flux[:, None] * colours, trail=trail)
    return count


def place_stars(
    light: Field,
    frame: Frame,
    x: Floats,
    y: Floats,
    flux: Floats,
    *,
    trail: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Deposit stars, each drawn out along a line where the telescope followed something else."""
    length, angle = trail
    steps = max(1, int(np.ceil(length * frame.side * 1.5)))
    if steps == 1:
        deposit(light, frame, x, y, flux)
        return
    along = ((np.arange(steps) / (steps - 1)) - 0.5).astype(np.float32) * np.float32(length)
    xs = (x[:, None] + along * np.float32(np.cos(angle))).ravel()
    ys = (y[:, None] + along * np.float32(np.sin(angle))).ravel()
    # A trailed star lays down the same light over more pixels.
    deposit(light, frame, xs, ys, np.repeat(flux / np.float32(steps), steps, axis=0))


def add_distant_galaxies(
    rng: np.random.Generator, light: Field, frame: Frame, *, density: float, brightness: float
) -> None:
    """Small smudges with exponential profiles, red and blue, as in any deep field, in place."""
    half_x, half_y = frame.half
    side = frame.side
    for _ in range(int(rng.poisson(density))):
        scale_px = float(np.clip(rng.lognormal(np.log(1.1), 0.45), 0.5, 5.0)) * side / 256
        x0, y0 = rng.uniform(-half_x, half_x), rng.uniform(-half_y, half_y)
        reach = int(np.ceil(5 * scale_px)) + 1
        cols, rows = frame.pixels(np.array([x0]), np.array([y0]))
        col, row = int(cols[0]), int(rows[0])
        left, right = max(0, col - reach), min(frame.width, col + reach + 1)
        top, bottom = max(0, row - reach), min(frame.height, row + reach + 1)
        if left >= right or top >= bottom:
            continue
        dy, dx = np.mgrid[top - row : bottom - row, left - col : right - col].astype(np.float32)
        phi, q = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0)
        u = dx * np.cos(phi) + dy * np.sin(phi)
        v = (dy * np.cos(phi) - dx * np.sin(phi)) / q
        profile = np.exp(-np.hypot(u, v) / scale_px).astype(np.float32)
        colour = blackbody(float(rng.uniform(3800, 8500)))
        level = brightness * float(rng.lognormal(0, 0.7))
        light[top:bottom, left:right] += tinted(profile * np.float32(level), colour)


def thin_dust(rng: np.random.Generator, frame: Frame, *, strength: float) -> tuple[Field, Field]:
    """Faint clouds across a field: their light ``(H, W, 3)`` and transparency ``(H, W)``."""
    cloud = unit(power_law(rng, frame.shape, 3.4) * 1.2)
    hue = unit(power_law(rng, frame.shape, 3.6))
    warm, cold = np.array([1.0, 0.55, 0.35]), np.array([0.45, 0.6, 1.0])
    if rng.random() < 0.25:
        cold = np.array([1.0, 0.25, 0.3])
    colours = hue[..., None] * warm + (1 - hue[..., None]) * cold
    light = (strength * cloud[..., None] ** 2 * colours).astype(np.float32)
    opacity = np.asarray(np.exp(-2.0 * np.clip(power_law(rng, frame.shape, 3.0) - 0.7, 0, None)))
    return light, opacity.astype(np.float32)
