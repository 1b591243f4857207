"""What each world looks like: colour and relief at points of its unit sphere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, solid
from cosmic_morphology.synthesize.scene import Colour, mixed, rgb, smoothstep


@dataclass(frozen=True)
class Globe:
    """Points on the visible side, shape ``(N, 3)``, y to the north pole; radius in pixels."""

    points: Field
    radius_px: float


@dataclass(frozen=True)
class Surface:
    """What is seen of a world.

    Attributes
    ----------
    colour : numpy.ndarray
        Shape ``(N, 3)``.
    height : numpy.ndarray, optional
        Relief in radii, shape ``(N,)``, of a world with solid ground.
    craters : tuple of float
        How many on the visible half, largest diameter in radii, depth over diameter.
    haze : colour, optional
        Of the thin bright line of its air.
    """

    colour: Field
    height: Field | None = None
    craters: tuple[int, float, float] = (0, 0.0, 0.0)
    haze: Colour | None = None


def _noise(rng: np.random.Generator, globe: Globe, scale: float) -> Field:
    return solid(
        globe.points, index=int(rng.integers(4)), scale=scale, shift=float(rng.uniform(0, 1))
    )


def _mercury(rng: np.random.Generator, globe: Globe) -> Surface:
    plains = _noise(rng, globe, 0.35)
    fine = _noise(rng, globe, 1.3)
    tone = np.clip(0.62 + 0.07 * plains + 0.06 * fine, 0.2, 1.2)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 5))):
            at = rng.standard_normal(3)
            away = np.linalg.norm(globe.points - at / np.linalg.norm(at), axis=1)
            tone = tone + 0.25 * np.exp(-away / 0.12) + 0.1 * np.exp(-away / 0.5) * (fine > 0.6)
    many = int(np.clip(globe.radius_px * rng.uniform(1.0, 4.0), 60, 500))
    craters = (many, float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.05, 0.14)))
    tint = [1.0, 0.99, 0.97] if rng.random() < 0.8 else [1.05, 0.97, 0.85]
    return Surface((tone[:, None] * rgb(tint)).astype(np.float32), 0.003 * fine, craters)


def _pluto(rng: np.random.Generator, globe: Globe) -> Surface:
    patches = _noise(rng, globe, 0.3)
    colour = mixed(smoothstep(-0.6, 0.6, patches), [0.34, 0.21, 0.14], [0.70, 0.65, 0.57])
    height = 0.004 * _noise(rng, globe, 1.0)
    return Surface(colour, height, (60, 0.3, 0.08), [0.05, 0.08, 0.12])


def _mars(rng: np.random.Generator, globe: Globe) -> Surface:
    albedo = _noise(rng, globe, 0.28) + 0.35 * _noise(rng, globe, 0.9)
    dark = smoothstep(0.0, 1.4, albedo)
    hue = rng.uniform(0, 1)
    bright = np.array([0.95, 0.50 + 0.08 * hue, 0.26 + 0.08 * hue])
    low = np.array([0.42, 0.27, 0.20]) if rng.random() < 0.6 else np.array([0.3, 0.3, 0.34])
    colour = mixed(dark, bright, low)
    north = globe.points[:, 1]
    edge = 0.06 * _noise(rng, globe, 0.8)
    for sign, at in ((1, rng.uniform(0.86, 1.05)), (-1, rng.uniform(0.88, 1.1))):
        cap = smoothstep(at - 0.02, at + 0.03, sign * north + edge)
        colour = colour * (1 - cap[:, None]) + cap[:, None] * rgb([1.0, 0.98, 0.95])
    if rng.random() < 0.5:
        cloud = smoothstep(0.8, 2.2, _noise(rng, globe, 0.5))[:, None] * 0.6
        colour = colour * (1 - cloud) + cloud * rgb([0.85, 0.9, 1.0])
    haze = [0.12, 0.14, 0.2]
    if rng.random() < 0.4:
        ground = 0.004 * _noise(rng, globe, 1.4)
        return Surface(colour.astype(np.float32), ground, (60, 0.25, 0.05), haze)
    return Surface(colour.astype(np.float32), haze=haze)


def _venus(rng: np.random.Generator, globe: Globe) -> Surface:
    if rng.random() < 0.2:
        # Radar maps of the ground are shown in orange.
        ground = _noise(rng, globe, 0.4) + 0.5 * np.abs(_noise(rng, globe, 1.2))
        return Surface(mixed(smoothstep(-1.5, 2.0, ground), [0.25, 0.08, 0.02], [1.0, 0.68, 0.25]))
    y = globe.points[:, 1]
    swirl = _noise(rng, globe, 0.22)
    streaks = np.sin(9 * (np.abs(y) + 0.25 * swirl) + 2 * globe.points[:, 0])
    tone = smoothstep(-1.6, 1.6, streaks + 0.4 * swirl)
    contrast = float(rng.uniform(0.02, 0.3))
    pairs = [([1.0, 0.93, 0.78], [0.8, 0.66, 0.45]), ([0.9, 0.9, 0.95], [0.6, 0.6, 0.7])]
    light, dark = pairs[int(rng.integers(2))]
    return Surface(mixed(tone * contrast, light, dark), haze=[0.15, 0.13, 0.1])


def _earth(rng: np.random.Generator, globe: Globe) -> Surface:
    land = smoothstep(0.2, 0.35, _noise(rng, globe, 0.3))
    dry = smoothstep(-0.5, 0.8, _noise(rng, globe, 0.4))
    ground = mixed(dry, [0.12, 0.24, 0.08], [0.62, 0.48, 0.3])
    colour = mixed(land, [0.02, 0.07, 0.22], [1, 1, 1])
    colour = colour * (1 - land[:, None]) + ground * land[:, None]
    cap = smoothstep(0.85, 0.93, np.abs(globe.points[:, 1]))[:, None]
    colour = colour * (1 - cap) + cap
    clouds = smoothstep(0.2, 1.6, _noise(rng, globe, 0.5) + 0.5 * _noise(rng, globe, 1.6))
    colour = colour * (1 - clouds[:, None]) + clouds[:, None] * rgb([0.95, 0.97, 1.0])
    return Surface(colour.astype(np.float32), haze=[0.25, 0.45, 0.9])


def _bands(
    rng: np.random.Generator, globe: Globe, colours: list[Colour], *, swirl: float, contrast: float
) -> Field:
    """Zonal bands: a random profile in latitude, stirred by turbulence along it."""
    y = globe.points[:, 1]
    stretch = globe.points * np.array([0.5, 2.0, 0.5], dtype=np.float32)
    eddies = solid(stretch, index=int(rng.integers(4)), scale=0.5, shift=float(rng.random()))
    fine = solid(stretch, index=int(rng.integers(4)), scale=1.7, shift=float(rng.random()))
    profile = np.cumsum(rng.standard_normal(40))
    profile -= np.linspace(profile[0], profile[-1], 40)
    waves = rng.standard_normal(40) + 0.25 * profile
    latitude = np.arcsin(np.clip(y, -1, 1)) / np.pi + 0.5 + swirl * (0.5 * eddies + 0.4 * fine)
    band = np.interp(latitude, np.linspace(0, 1, 40), waves).astype(np.float32)
    mixing = smoothstep(-1.8, 1.8, band * np.float32(contrast) + 0.15 * fine)
    place = mixing * (len(colours) - 1)
    table = np.array([rgb(c) for c in colours])
    channels = [np.interp(place, np.arange(len(colours)), table[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def _storm(rng: np.random.Generator, globe: Globe, colour: Field, tint: Colour) -> Field:
    """An oval storm on the visible side."""
    at = np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.5), 0.0])
    at[2] = np.sqrt(1 - at[0] ** 2 - at[1] ** 2)
    d = globe.points - at.astype(np.float32)
    wide = float(rng.uniform(0.08, 0.2))
    r = np.sqrt((d[:, 0] / wide) ** 2 + (d[:, 1] / (0.55 * wide)) ** 2 + (d[:, 2] / wide) ** 2)
    collar = np.exp(-(((r - 1.1) / 0.2) ** 2))[:, None] * 0.5
    oval = smoothstep(1.0, 0.6, r)[:, None]
    colour = colour * (1 - collar) + collar * rgb([0.95, 0.92, 0.88])
    return np.asarray(colour * (1 - oval) + oval * rgb(tint), dtype=np.float32)


def _jupiter(rng: np.random.Generator, globe: Globe) -> Surface:
    colours: list[Colour] = [
        [0.55, 0.34, 0.22], [0.78, 0.58, 0.42], [0.92, 0.84, 0.72], [0.95, 0.93, 0.9]
    ]  # fmt: skip
    colour = _bands(rng, globe, colours, swirl=float(rng.uniform(0.006, 0.016)), contrast=1.1)
    if rng.random() < 0.6:
        colour = _storm(rng, globe, colour, [0.78, 0.36, 0.24])
    for _ in range(int(rng.poisson(1.0))):
        colour = _storm(rng, globe, colour, [0.95, 0.92, 0.86])
    return Surface(colour)


def _saturn(rng: np.random.Generator, globe: Globe) -> Surface:
    colours: list[Colour] = [[0.68, 0.54, 0.36], [0.85, 0.72, 0.5], [0.95, 0.87, 0.68]]
    if rng.random() < 0.2:
        colours = [[0.55, 0.6, 0.65], [0.85, 0.8, 0.65], [0.95, 0.9, 0.75]]
    return Surface(_bands(rng, globe, colours, swirl=0.002, contrast=float(rng.uniform(0.3, 0.9))))


def _uranus(rng: np.random.Generator, globe: Globe) -> Surface:
    base = rgb([0.62, 0.86, 0.9]) if rng.random() < 0.7 else rgb([0.5, 0.72, 0.95])
    colours: list[Colour] = [base * np.float32(0.9), base, base * np.float32(1.07)]
    colour = _bands(rng, globe, colours, swirl=0.001, contrast=float(rng.uniform(0.1, 0.7)))
    if rng.random() < 0.4:
        cap = smoothstep(0.3, 0.8, globe.points[:, 1])[:, None] * np.float32(0.4)
        colour = colour * (1 - cap) + cap * rgb([1.0, 0.97, 0.95])
    return Surface(colour)


def _neptune(rng: np.random.Generator, globe: Globe) -> Surface:
    base = rgb([0.22, 0.42, 0.95]) if rng.random() < 0.6 else rgb([0.55, 0.72, 0.95])
    colours: list[Colour] = [base * np.float32(0.8), base, base * np.float32(1.15)]
    colour = _bands(rng, globe, colours, swirl=0.003, contrast=float(rng.uniform(0.3, 1.0)))
    if rng.random() < 0.5:
        colour = _storm(rng, globe, colour, base * np.float32(0.55))
    streaks = solid(globe.points * rgb([0.4, 3.0, 0.4]), index=1, scale=0.8, shift=rng.random())
    cirrus = smoothstep(1.6, 2.6, streaks)[:, None]
    return Surface((colour * (1 - cirrus) + cirrus).astype(np.float32))


GLOBES: dict[str, Callable[[np.random.Generator, Globe], Surface]] = {
    "mercury": _mercury,
    "venus": _venus,
    "earth": _earth,
    "mars": _mars,
    "jupiter": _jupiter,
    "saturn": _saturn,
    "uranus": _uranus,
    "neptune": _neptune,
    "pluto": _pluto,
}
