"""Sunlit solid surfaces: craters, boulders, how rock reflects, and hard shadows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.scene import Frame

Floats = npt.NDArray[np.floating]
Normal = tuple[Field, Field, Field]
"""Components x to the right, y up, z to the camera."""


def crater_sizes(
    rng: np.random.Generator, count: int, *, smallest: float, largest: float, slope: float = 2.0
) -> Floats:
    """Diameters with cumulative counts ``N(>D) ~ D**-slope``, shape ``(count,)``.

    Slopes of 1.8 to 3 are observed between saturated and production surfaces (Neukum, Ivanov &
    Hartmann 2001, Space Sci. Rev. 96, 55).
    """
    u = rng.random(count)
    low, high = smallest**-slope, largest**-slope
    return np.asarray((low - u * (low - high)) ** (-1 / slope), dtype=np.float32)


def add_crater(
    height: Field, distance: Field, diameter: float, *, depth: float, peak: bool = False
) -> None:
    """Sink one crater into a height field, in place.

    Parameters
    ----------
    height : numpy.ndarray
        Heights, same unit as ``distance``.
    distance : numpy.ndarray
        Distance of every point from the crater's middle.
    diameter : float
        Rim-to-rim diameter.
    depth : float
        Depth over diameter: 0.2 for fresh simple craters, less when old or large (Pike 1977).
    peak : bool, optional
        Whether it is a complex crater with a flat floor and a central peak.
    """
    r = distance / np.float32(diameter / 2)
    bowl = depth * (r**2 - 1.0)
    if peak:
        bowl = np.maximum(bowl, -0.75 * depth) + 0.35 * depth * np.exp(-((r / 0.16) ** 2))
    rim = 0.22 * depth * np.exp(-(((r - 1.02) / 0.2) ** 2))
    apron = np.where(r < 1, bowl, 0.0) + rim
    height += np.where(r < 2.2, apron, 0.0).astype(np.float32) * np.float32(diameter)


def cratered_plain(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    count: int,
    smallest: float,
    largest: float,
    slope: float,
    depth: tuple[float, float] = (0.05, 0.2),
) -> Field:
    """Heights of a cratered plain in units of the longer side, shape ``(H, W)``."""
    height, width = shape
    side = max(shape)
    ground: Field = np.zeros(shape, dtype=np.float32)
    sizes = np.sort(crater_sizes(rng, count, smallest=smallest, largest=largest, slope=slope))
    for diameter in sizes[::-1]:
        col, row = rng.uniform(0, width), rng.uniform(0, height)
        sink(
            ground, col, row, float(diameter) * side, unit_px=1.0 / side,
            depth=float(rng.uniform(*depth)), peak=diameter > 0.16 and rng.random() < 0.5,
        )  # fmt: skip
    return ground


def sink(
    ground: Field, col: float, row: float, diameter_px: float, *, unit_px: float, depth: float,
    peak: bool = False, squash: tuple[float, float, float] = (1.0, 1.0, 0.0),
) -> None:  # fmt: skip
    """Sink a crater at a pixel, touching only the box that it reaches, in place.

    ``squash`` is the foreshortening: factor along and across a direction in radians.
    """
    height, width = ground.shape
    reach = int(np.ceil(1.15 * diameter_px)) + 1
    left, right = max(0, int(col) - reach), min(width, int(col) + reach + 1)
    top, bottom = max(0, int(row) - reach), min(height, int(row) + reach + 1)
    if left >= right or top >= bottom:
        return
    dx: Field = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(col)
    dy: Field = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(row)
    along, across, phi = squash
    if along != 1.0 or across != 1.0:
        cos, sin = np.float32(np.cos(phi)), np.float32(np.sin(phi))
        dx, dy = (dx * cos + dy * sin) / along, (dy * cos - dx * sin) / across
    distance = np.hypot(dx, dy) * np.float32(unit_px)
    box = ground[top:bottom, left:right]
    add_crater(box, distance, diameter_px * unit_px, depth=depth, peak=peak)


def slopes(height: Field, side: int) -> tuple[Field, Field]:
    """Gradient of heights given in units of the longer side: per x to the right, per y up."""
    right = np.asarray(np.gradient(height, axis=1), dtype=np.float32)
    down = np.asarray(np.gradient(height, axis=0), dtype=np.float32)
    return right * side, -down * side


def bumped(normal: Normal, relief: Field, side: int) -> Normal:
    """Normals tilted by relief given in units of the longer side."""
    nx = normal[0] - np.gradient(relief, axis=1) * side
    ny = normal[1] + np.gradient(relief, axis=0) * side
    nz = np.maximum(normal[2], 0.05)
    norm = np.sqrt(nx**2 + ny**2 + nz**2)
    return nx / norm, ny / norm, nz / norm


def crater_globe(
    rng: np.random.Generator,
    ground: Field,
    frame: Frame,
    centre: tuple[float, float],
    radius: float,
    *,
    count: int,
    largest: float,
    depth: float,
) -> None:
    """Craters all over the visible half of a globe, foreshortened to the limb, in place.

    Parameters
    ----------
    ground : numpy.ndarray
        Heights in units of the longer side, shape ``(H, W)``.
    centre, radius : tuple of float, float
        The globe, in units of the longer side.
    count : int
        Craters on the visible half.
    largest : float
        Largest diameter, in radii.
    depth : float
        Depth over diameter of the freshest.
    """
    radius_px = radius * frame.side
    smallest = max(0.02, 3.0 / radius_px)
    if smallest >= largest:
        return
    sizes = crater_sizes(rng, count, smallest=smallest, largest=largest, slope=1.9)
    z = rng.uniform(0.06, 1.0, count)
    phi = rng.uniform(0, 2 * np.pi, count)
    flat = np.sqrt(1 - z**2)
    x, y = flat * np.cos(phi), flat * np.sin(phi)
    cols, rows = frame.pixels(centre[0] + radius * x, centre[1] + radius * y)
    for k in np.argsort(-sizes):
        sink(
            ground, float(cols[k]), float(rows[k]), float(sizes[k]) * radius_px,
            unit_px=1 / frame.side, depth=depth * float(rng.uniform(0.3, 1.0)),
            peak=sizes[k] > 0.2, squash=(max(0.15, float(z[k])), 1.0, float(-phi[k])),
        )  # fmt: skip


def lunar_lambert(normal: Normal, sun: tuple[float, float, float], *, mix: float) -> Field:
    """Reflectance of dusty rock seen from +z (McEwen 1991, Icarus 92, 298).

    Parameters
    ----------
    normal : tuple of numpy.ndarray
        Unit normals, each of shape ``(H, W)``.
    sun : tuple of float
        Unit vector towards the Sun.
    mix : float
        1 is Lommel-Seeliger (the flat disc of the full Moon), 0 is Lambert.
    """
    nx, ny, nz = normal
    mu0 = np.clip(nx * sun[0] + ny * sun[1] + nz * sun[2], 0, 1)
    mu = np.clip(nz, 0.02, 1)
    return np.asarray(2 * mix * mu0 / (mu + mu0 + 1e-4) + (1 - mix) * mu0, dtype=np.float32)


def shadows(
    height: Field,
    sun: tuple[float, float, float],
    side: int,
    *,
    steps: int = 20,
    slack_px: Field | float = 0.0,
) -> Field:
    """Sunlit fraction, 0 in cast shadow, for heights in units of the longer side.

    Walks from every pixel towards the Sun with growing steps and asks whether the ground
    rises above the ray by more than ``slack_px``.
    """
    sx, sy, sz = sun
    flat = float(np.hypot(sx, sy))
    if flat < 1e-3:
        return np.ones(height.shape, dtype=np.float32)
    rise = sz / flat
    lit = np.full(height.shape, 1.0, dtype=np.float32)
    rows, cols = height.shape
    for step_px in np.unique(np.geomspace(1, 0.3 * side, steps).astype(int)):
        dc, dr = round(step_px * sx / flat), round(-step_px * sy / flat)
        over = np.full(height.shape, -np.inf, dtype=np.float32)
        r0, r1 = max(0, -dr), min(rows, rows - dr)
        c0, c1 = max(0, -dc), min(cols, cols - dc)
        if r0 >= r1 or c0 >= c1:
            continue
        over[r0:r1, c0:c1] = height[r0 + dr : r1 + dr, c0 + dc : c1 + dc]
        excess = (over - height - np.float32(rise * step_px / side)) * side
        np.minimum(lit, np.clip(1.0 + slack_px - excess, 0, 1), out=lit)
    return lit


def sun_vector(phase: float, azimuth: float) -> tuple[float, float, float]:
    """Direction of the Sun for a phase angle (0 is full) and its azimuth, radians."""
    sin = float(np.sin(phase))
    return float(sin * np.cos(azimuth)), float(sin * np.sin(azimuth)), float(np.cos(phase))
