"""The galaxies of the replica's sky: at each position one whose true shape is known.

Shapes: a de Vaucouleurs profile for ellipticals (1948), exponential discs (Freeman 1970), arms
that are logarithmic spirals of 12 to 30 degrees (Savchenko & Reshetnikov 2013), two galaxies with
a tidal tail for mergers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHAPES = {
    "elliptical": 0.34,
    "clockwise-spiral": 0.19,
    "anticlockwise-spiral": 0.19,
    "edge-on": 0.2,
    "merger": 0.08,
}
"""The shapes, by the words of Galaxy Zoo 1, and how frequent they are."""

Light = NDArray[np.float32]


@dataclass(frozen=True)
class ReplicaGalaxy:
    """What is truly there.

    Attributes
    ----------
    shape : str
        One of ``SHAPES``.
    radius_arcsec : float
        Scale of its light.
    magnitude : float
        Apparent, in r: 14 to 17.77, the limit of SDSS's main sample.
    flatness : float
        Axis ratio, in (0, 1].
    angle : float
        Of its long axis, radians.
    seed : int
        Of what is drawn beside it.
    """

    shape: str
    radius_arcsec: float
    magnitude: float
    flatness: float
    angle: float
    seed: int

    @property
    def peak(self) -> float:
        """Brightness of its middle, of 255."""
        return 235.0 * 10 ** (-0.16 * (self.magnitude - 14.0))


def galaxy_at(ra_deg: float, dec_deg: float) -> ReplicaGalaxy:
    """The galaxy at a position: the same each time, to 0.0001 degrees.

    Examples
    --------
    >>> galaxy_at(180.0, 40.0) == galaxy_at(180.00001, 40.00001)
    True
    >>> galaxy_at(180.0, 40.0).shape in SHAPES
    True
    """
    cell = [int((ra_deg % 360 + 0.00005) * 1e4), int((dec_deg + 90.00005) * 1e4)]
    rng = np.random.default_rng(cell)
    shape = str(rng.choice([*SHAPES], p=[*SHAPES.values()]))
    # Faint ones are many: e times as many for each magnitude.
    magnitude = 17.77 + math.log(rng.uniform(math.exp(-3.77), 1))
    usual = 3.2 * 10 ** (0.13 * (17.77 - magnitude))
    radius = float(np.clip(usual * rng.lognormal(0, 0.3), 1.5, 9))
    flatness = 0.14 if shape == "edge-on" else float(rng.uniform(0.6, 1.0))
    angle, seed = float(rng.uniform(0, math.pi)), int(rng.integers(2**31))
    return ReplicaGalaxy(shape, radius, magnitude, flatness, angle, seed)


def light_of(galaxy: ReplicaGalaxy, width: int, height: int, scale_arcsec: float) -> Light:
    """Its light in 0..255 on a grid with it in the middle, shape ``(height, width)``."""
    y = -(np.arange(height, dtype=np.float32)[:, None] - height / 2) * scale_arcsec
    x = (np.arange(width, dtype=np.float32)[None, :] - width / 2) * scale_arcsec
    rng = np.random.default_rng(galaxy.seed)
    size = galaxy.radius_arcsec
    if galaxy.shape == "merger":
        away = rng.uniform(0, 2 * math.pi)
        gap = 1.6 * size
        others = ((0.8, 0.0), (rng.uniform(0.4, 0.8), 1.0))
        light = sum(
            _disc(x - far * gap * math.cos(away), y - far * gap * math.sin(away),
                  galaxy.angle + far, 0.7, 0.6 * size) * bright
            for bright, far in others
        )  # fmt: skip
        light = light + 0.35 * _tail(x, y, away, size)
    elif galaxy.shape == "elliptical":
        r = _radius(x, y, galaxy.angle, galaxy.flatness) / size
        light = np.minimum(1.0, np.exp(-2.2 * (np.sqrt(r) - 0.35)))
    else:
        light = _disc(x, y, galaxy.angle, galaxy.flatness, size)
        if galaxy.shape.endswith("spiral"):
            turn = 1 if galaxy.shape == "clockwise-spiral" else -1
            light = light * _arms(x, y, galaxy, turn, rng) + 0.5 * _bulge(x, y, size)
    return np.asarray(galaxy.peak * np.minimum(light, 1.05), np.float32)


def _radius(x: Light, y: Light, angle: float, flatness: float) -> Light:
    along = x * math.cos(angle) + y * math.sin(angle)
    across = (y * math.cos(angle) - x * math.sin(angle)) / flatness
    return np.asarray(np.hypot(along, across), np.float32)


def _disc(x: Light, y: Light, angle: float, flatness: float, size: float) -> Light:
    return np.asarray(np.exp(-_radius(x, y, angle, flatness) / (0.6 * size)), np.float32)


def _bulge(x: Light, y: Light, size: float) -> Light:
    return np.asarray(np.exp(-((np.hypot(x, y) / (0.3 * size)) ** 2)), np.float32)


def _arms(x: Light, y: Light, galaxy: ReplicaGalaxy, turn: int, rng: np.random.Generator) -> Light:
    """Two arms that trail: a galaxy that turns clockwise has tips that lag anticlockwise."""
    along = x * math.cos(galaxy.angle) + y * math.sin(galaxy.angle)
    across = (y * math.cos(galaxy.angle) - x * math.sin(galaxy.angle)) / galaxy.flatness
    r = np.hypot(along, across) / galaxy.radius_arcsec
    pitch = math.radians(rng.uniform(12, 30))
    ridge = np.arctan2(across, along) - turn * np.log(np.maximum(r, 0.05)) / math.tan(pitch)
    phase = np.cos(2 * ridge + rng.uniform(0, 2 * math.pi))
    strong = np.clip((r - 0.25) / 0.4, 0, 1)
    return np.asarray(1 + strong * (0.85 * phase + 0.5), np.float32)


def _tail(x: Light, y: Light, away: float, size: float) -> Light:
    """An arc that leaves the pair: tidal debris."""
    r = np.hypot(x, y) / size
    theta = np.arctan2(y, x) - away - 0.9 * r
    on = np.exp(-((np.sin(theta / 2) / 0.12) ** 2))
    return np.asarray(on * ((r > 0.8) & (r < 3.2)) * np.exp(-0.5 * r), np.float32)
