"""Small irregular bodies: shape by implicit surfaces, then craters, boulders and hard light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cosmic_morphology.synthesize.fields.noise import Field, between, power_law
from cosmic_morphology.synthesize.scene import Frame, RenderParameters, smoothstep
from cosmic_morphology.synthesize.surfaces.relief import (
    Normal,
    bumped,
    crater_sizes,
    lunar_lambert,
    shadows,
    sink,
    sun_vector,
)
from cosmic_morphology.synthesize.surfaces.shapes import REACH, front, implicit


@dataclass(frozen=True)
class Body:
    """A shaded body: reflected light and its silhouette, both ``(H, W)``, and the truth."""

    light: Field
    mask: Field
    truth: RenderParameters


def render_body(
    rng: np.random.Generator,
    frame: Frame,
    *,
    shape: str,
    radius: float,
    centre: tuple[float, float] = (0.0, 0.0),
    phase: float,
    craters: int,
    boulders: int,
    roughness: float,
) -> Body:
    """Shade one small body.

    Axis ratios follow the shapes seen by spacecraft: Eros 34 x 11 x 11 km, Itokawa
    0.54 x 0.29 x 0.21 km, Bennu and Ryugu nearly round with an equatorial ridge (Lauretta et
    al. 2019, Nature 568, 55), 67P two lobes (Sierks et al. 2015, Science 347, aaa1044).

    Parameters
    ----------
    shape : str
        One of ``SHAPES``.
    radius : float
        Largest radius in units of the longer side.
    phase : float
        Sun-body-camera angle in radians.
    craters, boulders : int
        How many to place over the visible side.
    roughness : float
        Strength of the fine relief; 1 is a rubble surface.
    """
    inside = implicit(rng, shape)
    z, mask, normal = _on_frame(rng, frame, front(inside), radius, centre)
    azimuth = float(rng.uniform(0, 2 * np.pi))
    sun = sun_vector(phase, azimuth)
    relief = _relief(rng, frame, normal, mask, radius, (craters, boulders), roughness)
    tilted = bumped(normal, relief, frame.side)
    light = lunar_lambert(tilted, sun, mix=float(rng.uniform(0.3, 0.8)))
    ground = np.where(mask > 0.5, z + relief, -1.0).astype(np.float32)
    # Near the limb a pixel spans a steep slope: what looks like a shadow there is a step.
    light = light * shadows(ground, sun, frame.side, slack_px=1.0 + 3.0 * (1 - normal[2]))
    patches = 1 + 0.10 * power_law(rng, frame.shape, 3.0, outer=4.0)
    shaded = np.asarray(light * patches * mask, dtype=np.float32)
    truth: RenderParameters = {
        "shape": shape,
        "phase_deg": round(float(np.rad2deg(phase)), 1),
        "craters": craters,
        "boulders": boulders,
    }
    return Body(shaded, mask, truth)


def _on_frame(
    rng: np.random.Generator,
    frame: Frame,
    coarse: tuple[Field, Field, Field],
    radius: float,
    centre: tuple[float, float],
) -> tuple[Field, Field, Normal]:
    """Depth in units of the longer side, silhouette, and normals, each ``(H, W)``."""
    depth, margin, normal = coarse
    x, y = frame.grid(*centre)
    cells = (depth.shape[0] - 1) / (2 * REACH)
    col = (x / np.float32(radius) + np.float32(REACH)) * np.float32(cells)
    row = (y / np.float32(radius) + np.float32(REACH)) * np.float32(cells)
    at = [row, col]
    # The frame is not turned: its rows and columns can be interpolated one after the other.
    down, across = between(row[:, 0], len(depth)), between(col[0], depth.shape[1]).T
    z = down @ depth @ across * np.float32(radius)
    edge = ndimage.map_coordinates(margin, at, order=3, mode="constant", cval=-1.0)
    nx, ny, nz = (down @ n @ across for n in normal)
    norm = np.sqrt(nx**2 + ny**2 + nz**2) + 1e-6
    ragged = 0.005 * power_law(rng, frame.shape, 3.0, outer=3.0)
    # One pixel of the frame in the units of the margin, roughly: softens the outline.
    pixel = 1.2 / (radius * frame.side)
    mask = smoothstep(-pixel, pixel, edge + ragged)
    return np.asarray(z, dtype=np.float32), mask, (nx / norm, ny / norm, nz / norm)


def _relief(
    rng: np.random.Generator,
    frame: Frame,
    normal: Normal,
    mask: Field,
    radius: float,
    counts: tuple[int, int],
    roughness: float,
) -> Field:
    """Fine height over the smooth shape: rubble, craters foreshortened to the limb, boulders."""
    rubble = power_law(rng, frame.shape, 3.4, outer=0.8 / radius)
    fine = power_law(rng, frame.shape, 2.6, outer=10.0)
    rough = np.float32(radius * roughness)
    ground = np.asarray(rough * (0.010 * rubble + 0.0016 * fine), dtype=np.float32)
    rows, cols = np.nonzero(mask > 0.6)
    if rows.size == 0:
        return ground
    craters, boulders = counts
    sizes = crater_sizes(
        rng, craters, smallest=0.035, largest=float(rng.uniform(0.2, 0.6)), slope=1.9
    )
    for diameter in sorted(sizes.tolist(), reverse=True):
        pick = int(rng.integers(rows.size))
        row, col = int(rows[pick]), int(cols[pick])
        nx, ny, nz = (float(n[row, col]) for n in normal)
        squash = (max(0.3, nz), 1.0, float(np.arctan2(-ny, nx)))
        sink(
            ground, col, row, diameter * radius * frame.side, unit_px=1 / frame.side,
            depth=float(rng.uniform(0.05, 0.17)), squash=squash,
        )  # fmt: skip
    for diameter in crater_sizes(rng, boulders, smallest=0.015, largest=0.12, slope=2.6):
        pick = int(rng.integers(rows.size))
        _boulder(
            rng, ground, int(rows[pick]), int(cols[pick]), float(diameter) * radius, frame.side
        )
    return ground


def _boulder(
    rng: np.random.Generator, ground: Field, row: int, col: int, size: float, side: int
) -> None:
    """Put one boulder, a squashed half-sphere, on the ground, in place."""
    reach = int(np.ceil(size * side)) + 1
    top, left = max(0, row - reach), max(0, col - reach)
    box = ground[top : row + reach + 1, left : col + reach + 1]
    dy = np.arange(top, top + box.shape[0], dtype=np.float32)[:, None] - row
    dx = np.arange(left, left + box.shape[1], dtype=np.float32)[None, :] - col
    r2 = (dx * dx * np.float32(rng.uniform(0.7, 1.6)) + dy * dy) / np.float32(
        (0.5 * size * side) ** 2
    )
    box += np.sqrt(np.clip(1 - r2, 0, 1)) * np.float32(0.45 * size)
