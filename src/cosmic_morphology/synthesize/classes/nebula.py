"""Nebulae: emission, pillars, reflection, dark, planetary shells, bubbles, remnants.

Turbulent gas has a log-normal density (Federrath et al. 2010, A&A 512, A81); it glows as the
square of its density where light reaches it, doubly ionised oxygen nearest to the hot stars,
hydrogen and sulphur further out, and dust in front of it reddens and hides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.fields.noise import (
    Field,
    blurred,
    power_law,
    ridges,
    unit,
    warped,
)
from cosmic_morphology.synthesize.fields.shells import planetary, remnant, wind_bubble
from cosmic_morphology.synthesize.fields.star_field import add_field_stars, place_stars
from cosmic_morphology.synthesize.scene import (
    Colour,
    Frame,
    RenderParameters,
    Scene,
    blackbody,
    choose,
    rgb,
    smoothstep,
    tinted,
)

SUBTYPES = {
    "emission": 0.34,
    "pillars": 0.10,
    "reflection": 0.10,
    "dark": 0.08,
    "planetary": 0.17,
    "supernova remnant": 0.13,
    "bubble": 0.08,
}
# Colours given to the lines [O III], H-alpha, [S II]: as the eye would, and narrow-band.
PALETTES: dict[str, tuple[Colour, Colour, Colour]] = {
    "natural": ([0.25, 0.75, 0.8], [1.0, 0.14, 0.2], [0.8, 0.1, 0.08]),
    "red": ([0.75, 0.3, 0.55], [1.0, 0.16, 0.24], [0.7, 0.12, 0.1]),
    "magenta": ([0.45, 0.35, 1.0], [1.0, 0.15, 0.5], [0.7, 0.12, 0.35]),
    "bicolour": ([0.1, 0.7, 0.95], [1.0, 0.28, 0.12], [1.0, 0.3, 0.1]),
    "hubble": ([0.1, 0.5, 0.95], [0.75, 0.7, 0.15], [1.0, 0.4, 0.08]),
    "gold": ([0.15, 0.4, 0.65], [1.0, 0.62, 0.16], [0.85, 0.35, 0.08]),
    "green": ([0.2, 0.45, 0.9], [0.35, 0.9, 0.25], [1.0, 0.35, 0.15]),
    "infrared": ([0.3, 0.55, 0.85], [0.95, 0.55, 0.3], [0.7, 0.22, 0.15]),
}


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """A nebula among its stars."""
    subtype = choose(rng, SUBTYPES)
    gas = PAINTERS[subtype](rng, frame)
    area = min(1.0, gas.size**2 / (4 * frame.half[0] * frame.half[1]))
    highlight = float(np.percentile(gas.light.max(axis=2), 100 * (1 - 0.012 * area)))
    target = gas.light / np.float32(max(highlight, 1e-6))
    dim = 0.15 if subtype == "dark" else 0.35
    target *= np.float32(np.exp(rng.uniform(np.log(dim), np.log(4 * dim))))
    light = target.copy()
    density = float(np.exp(rng.uniform(np.log(60), np.log(2500))))
    stars = add_field_stars(
        rng, light, frame, density=density, faintest=float(rng.uniform(0.05, 0.3)),
        slope=float(rng.uniform(0.8, 1.2)), mask=gas.clear,
    )  # fmt: skip
    _hot_stars(rng, light, frame, gas.stars)
    cameras: tuple[str, ...] = ("amateur", "amateur", "space")
    if subtype in {"planetary", "supernova remnant"}:
        cameras = ("amateur", "smart", "plate", "space")
    return Scene(
        light=light,
        target=target.mean(axis=2),
        subtype=subtype,
        object_px=gas.size * frame.side,
        look="deep",
        cameras=cameras,
        truth={**gas.truth, "field_stars": stars},
    )


@dataclass
class Gas:
    """A painted cloud: its light, what shines through it, where its hot stars are."""

    light: Field
    clear: Field
    size: float
    stars: list[tuple[float, float, float]]
    truth: RenderParameters


def _lognormal(rng: np.random.Generator, frame: Frame, *, spread: float, beta: float) -> Field:
    """Turbulent density, drawn out into wisps by a flow, median 1."""
    field = power_law(rng, frame.shape, beta)
    reach = np.float32(rng.uniform(0.01, 0.05) * frame.side)
    flow = power_law(rng, frame.shape, 3.4), power_law(rng, frame.shape, 3.4)
    wisps = warped(field, reach * flow[0], reach * flow[1])
    return np.asarray(np.exp(spread * wisps), dtype=np.float32)


def _palette(rng: np.random.Generator) -> str:
    weights = {"natural": 3, "red": 4, "magenta": 2, "bicolour": 2.5, "hubble": 2.5}
    return choose(rng, weights | {"gold": 2, "green": 0.6, "infrared": 1.0})


def _lines(density: Field, hardness: Field, palette: str, *, mix: float = 1.0) -> Field:
    """Light of three ions for a gas density and how hard its light is (1 near the stars)."""
    oxygen, hydrogen, sulphur = PALETTES[palette]
    o3 = np.clip(hardness - 0.35, 0, 1) * 1.6 * mix
    s2 = np.clip(0.55 - hardness, 0, 1) * 1.4
    emission = density**1.5
    # Where oxygen is doubly ionised, narrow-band images show less of the other lines.
    h1 = 0.9 - 0.9 * np.clip(hardness - 0.35, 0, 1) * min(mix, 1.0)
    light = tinted(emission * o3, oxygen) + tinted(emission * h1, hydrogen)
    return np.asarray(light + tinted(emission * s2, sulphur), dtype=np.float32)


def _dust(rng: np.random.Generator, frame: Frame, strength: float) -> Field:
    """Transparency ``(H, W, 3)`` of ragged foreground dust."""
    lanes = ridges(power_law(rng, frame.shape, 3.2), 0.18)
    clouds = np.clip(power_law(rng, frame.shape, 2.8) - 0.5, 0, None)
    tau = strength * (0.7 * lanes * unit(power_law(rng, frame.shape, 3.4)) + clouds)
    return np.asarray(np.exp(-tau[..., None] * rgb([0.75, 1.0, 1.3])), dtype=np.float32)


def _fronts(frame: Frame, tau: Field, stars: list[tuple[float, float, float]]) -> Field:
    """Ionisation fronts: where dust thickens away from the stars, its near edge glows."""
    smooth = blurred(tau, 1.8 * frame.side / 256)
    up = -np.gradient(smooth, axis=0) * frame.side
    right = np.gradient(smooth, axis=1) * frame.side
    total = np.zeros(frame.shape, dtype=np.float32)
    for sx, sy, _ in stars:
        x, y = frame.grid(sx, sy)
        r = np.hypot(x, y) + np.float32(0.02)
        total += np.clip((up * y + right * x) / r, 0, 40) / (1 + (r / 0.35) ** 2)
    return np.asarray(total / (12 * max(1, len(stars))), dtype=np.float32)


def _emission(rng: np.random.Generator, frame: Frame) -> Gas:
    """An H II region: a cloud lit from inside, filling the frame or an island in it."""
    palette = _palette(rng)
    beta = float(rng.uniform(2.9, 3.5))
    density = _lognormal(rng, frame, spread=float(rng.uniform(0.35, 0.7)), beta=beta)
    size = float(rng.uniform(0.25, 1.5))
    stars = [
        (float(rng.normal(0, 0.12)), float(rng.normal(0, 0.1)), float(rng.uniform(10, 200)))
        for _ in range(int(rng.integers(1, 5)))
    ]
    lit = np.zeros(frame.shape, dtype=np.float32)
    for sx, sy, _ in stars:
        x, y = frame.grid(sx, sy)
        lit += 1.0 / (1.0 + (x**2 + y**2) / np.float32((0.35 * size) ** 2))
    lit /= len(stars)
    edge = lit * np.exp(0.4 * power_law(rng, frame.shape, 3.4))
    cloud = density * edge**1.2
    if size < 0.6:
        cloud *= smoothstep(0.05, 0.45, edge)
    tau = np.clip(power_law(rng, frame.shape, float(rng.uniform(2.9, 3.4))) - 0.2, 0, None)
    tau = tau + 0.6 * ridges(power_law(rng, frame.shape, 3.3), 0.15) * tau
    cloud = cloud * (1 + 0.6 * _filaments(rng, frame)) + 0.5 * edge * _fronts(frame, tau, stars)
    patchy = float(rng.uniform(0.4, 1.2)) * power_law(rng, frame.shape, 3.4)
    hardness = unit(float(rng.uniform(1, 4)) * (edge - float(np.median(edge))) + patchy)
    light = _lines(cloud, hardness, palette, mix=float(rng.uniform(0.2, 2.0)))
    light += 0.12 * blurred(light, 0.04 * frame.side)
    clear = np.exp(-np.float32(rng.uniform(0.3, 1.8)) * tau)
    veil = np.power(clear[..., None], rgb([0.75, 1.0, 1.3]))
    return Gas(light * veil, clear, min(1.0, size), stars, {"palette": palette})


def _filaments(rng: np.random.Generator, frame: Frame) -> Field:
    """Wisps between 0 and about 1 of any strength."""
    strength = np.float32(rng.uniform(0, 1.2))
    lines = ridges(power_law(rng, frame.shape, 3.2, outer=2.0), float(rng.uniform(0.08, 0.25)))
    return np.asarray(strength * lines * unit(power_law(rng, frame.shape, 3.4)), dtype=np.float32)


def _pillars(rng: np.random.Generator, frame: Frame) -> Gas:
    """Dense fingers before glowing gas, their heads lit: elephant trunks and pillars."""
    palette = _palette(rng)
    x, y = frame.grid(angle=float(rng.uniform(-0.8, 0.8)))
    back = _lognormal(rng, frame, spread=0.3, beta=3.6)
    rough = power_law(rng, frame.shape, 3.1, outer=2.0)
    broad = power_law(rng, frame.shape, 3.8)
    depth = np.full(frame.shape, -1.5, dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x0, top = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.1, 0.35))
        wide = float(rng.uniform(0.05, 0.16))
        lean = float(rng.normal(0, 0.3))
        below = np.clip(top - y, 0, None)
        across = (x - x0 + lean * below + 0.05 * broad) / (wide * (1 + 1.2 * below))
        inside = 1.0 - np.hypot(across, np.clip((y - top) / wide + 0.6, 0, None))
        depth = np.maximum(depth, inside.astype(np.float32))
    floor = (-y - np.float32(rng.uniform(0.2, 0.45))) * 4 + 0.5 * broad
    depth = np.maximum(depth, floor) + 0.22 * rough
    tau = np.clip(depth + 0.1, 0, None) * 3.5
    hidden = np.exp(-tau)
    star = [(float(rng.uniform(-0.3, 0.3)), 0.55, float(rng.uniform(30, 300)))]
    front = _fronts(frame, np.tanh(tau) + 0.10 * rough * np.tanh(tau), star)
    light = _lines(back * 0.6, unit(0.8 + 0.6 * broad), palette) * hidden[..., None]
    hydrogen, sulphur = rgb(PALETTES[palette][1]), rgb(PALETTES[palette][2])
    skin = (1 - hidden) * (0.04 + 0.16 * unit(rough + broad))
    light += tinted(skin, 0.6 * sulphur + 0.1) + tinted(1.2 * front, 0.8 * hydrogen + 0.25)
    return Gas(light, hidden, 0.7, star, {"palette": palette})


def _reflection(rng: np.random.Generator, frame: Frame) -> Gas:
    """Dust that scatters the blue light of stars in front of it or within (Witt & Schild 1986)."""
    stars = [
        (float(rng.normal(0, 0.17)), float(rng.normal(0, 0.13)), float(rng.uniform(150, 2500)))
        for _ in range(int(rng.integers(1, 7)))
    ]
    dust = _lognormal(rng, frame, spread=0.6, beta=3.3)
    striae_angle = float(rng.uniform(0, np.pi))
    x, y = frame.grid(angle=striae_angle)
    wave = power_law(rng, frame.shape, 3.2)
    striae = 0.75 + 0.35 * np.sin(60 * y + 2.5 * wave) * unit(power_law(rng, frame.shape, 3.0))
    lit = np.zeros(frame.shape, dtype=np.float32)
    for sx, sy, flux in stars:
        x, y = frame.grid(sx, sy)
        r2 = x**2 + y**2
        lit += np.float32(flux / 800) / (1 + r2 / np.float32(rng.uniform(0.05, 0.16) ** 2))
    blue = [0.32, 0.55, 1.0] if rng.random() < 0.8 else [1.0, 0.72, 0.4]
    light = tinted(lit * dust * striae, blue)
    brown = tinted(unit(power_law(rng, frame.shape, 2.9)) * dust * 0.06, [0.7, 0.5, 0.38])
    veil = _dust(rng, frame, float(rng.uniform(0.2, 1.5)))
    return Gas((light + brown) * veil, veil[..., 1], 0.5, stars, {"stars": len(stars)})


def _dark(rng: np.random.Generator, frame: Frame) -> Gas:
    """A dark cloud in silhouette before stars or glowing gas, with a faint brown edge."""
    x, y = frame.grid(angle=float(rng.uniform(0, np.pi)))
    broad = power_law(rng, frame.shape, 3.3)
    fine = power_law(rng, frame.shape, 3.0, outer=2.0)
    core = 1.1 - np.abs(y + 0.06 * broad) / float(rng.uniform(0.1, 0.25)) - np.abs(x) / 0.6
    depth = core + 0.6 * broad + 0.3 * fine
    tau = 3.0 * smoothstep(-0.6, 1.6, depth)
    clear = np.exp(-tau)
    edge = np.exp(-(((depth - 0.1) / 0.5) ** 2))
    light = tinted(edge * (0.5 + 0.3 * unit(fine)), [0.75, 0.52, 0.36]) * np.float32(0.25)
    palette = "red"
    if rng.random() < 0.55:
        palette = _palette(rng)
        glow = _lognormal(rng, frame, spread=0.45, beta=3.3) * unit(
            1.5 * power_law(rng, frame.shape, 3.6)
        )
        light = light + _lines(glow, unit(fine * 0.3 + 0.2), palette) * clear[..., None] * 1.2
    else:
        haze = unit(power_law(rng, frame.shape, 3.0))
        light = light + tinted(haze * clear, [0.5, 0.45, 0.42]) * np.float32(0.3)
    return Gas(np.asarray(light, dtype=np.float32), clear**2, 0.6, [], {"palette": palette})


def _planetary(rng: np.random.Generator, frame: Frame) -> Gas:
    light, size, truth = planetary(rng, frame)
    star = [(0.0, 0.0, float(rng.uniform(0.5, 12)))]
    return Gas(light, np.ones(frame.shape, dtype=np.float32), size, star, truth)


def _remnant(rng: np.random.Generator, frame: Frame) -> Gas:
    light, size, truth = remnant(rng, frame)
    return Gas(light, np.ones(frame.shape, dtype=np.float32), size, [], truth)


def _bubble(rng: np.random.Generator, frame: Frame) -> Gas:
    light, size, truth = wind_bubble(rng, frame)
    palette = _palette(rng)
    around = _lognormal(rng, frame, spread=0.5, beta=3.3)
    gas = _lines(around * unit(power_law(rng, frame.shape, 3.4)), unit(around - 1), palette)
    gas /= np.float32(max(float(np.percentile(gas, 99)), 1e-6))
    star = [(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.05)), float(rng.uniform(50, 500)))]
    total = light + gas * np.float32(rng.uniform(0.1, 0.7))
    return Gas(total, np.ones(frame.shape, dtype=np.float32), size, star, truth)


def _hot_stars(
    rng: np.random.Generator, light: Field, frame: Frame, stars: list[tuple[float, float, float]]
) -> None:
    """The stars that light the gas, with a few fainter companions, in place."""
    if not stars:
        return
    scale = (frame.side / 256) ** 2
    for sx, sy, flux in stars:
        count = int(rng.integers(1, 8))
        x = (sx + rng.normal(0, 0.03, count) * (np.arange(count) > 0)).astype(np.float32)
        y = (sy + rng.normal(0, 0.03, count) * (np.arange(count) > 0)).astype(np.float32)
        fluxes = flux * scale * np.where(np.arange(count) > 0, rng.uniform(0.02, 0.2, count), 1)
        colours = blackbody(np.full(count, 18000.0))
        place_stars(light, frame, x, y, fluxes[:, None].astype(np.float32) * colours)


PAINTERS: dict[str, Callable[[np.random.Generator, Frame], Gas]] = {
    "emission": _emission,
    "pillars": _pillars,
    "reflection": _reflection,
    "dark": _dark,
    "planetary": _planetary,
    "supernova remnant": _remnant,
    "bubble": _bubble,
}
