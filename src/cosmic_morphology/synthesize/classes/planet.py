"""Planets: shaded spheres with what each has of bands, storms, rings, craters, caps, clouds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.classes.asteroid import shaded_ground
from cosmic_morphology.synthesize.fields.noise import Field, power_law
from cosmic_morphology.synthesize.fields.star_field import add_field_stars, place_stars
from cosmic_morphology.synthesize.scene import (
    Frame,
    RenderParameters,
    Scene,
    choose,
    smoothstep,
    tinted,
)
from cosmic_morphology.synthesize.surfaces.globes import GLOBES, Globe
from cosmic_morphology.synthesize.surfaces.relief import (
    bumped,
    crater_globe,
    cratered_plain,
    lunar_lambert,
    sun_vector,
)
from cosmic_morphology.synthesize.surfaces.rings import add_rings

WORLDS = {
    "mercury": 0.17,
    "venus": 0.07,
    "earth": 0.04,
    "mars": 0.17,
    "jupiter": 0.16,
    "saturn": 0.22,
    "uranus": 0.07,
    "neptune": 0.07,
    "pluto": 0.03,
}
# Minnaert exponents, 0.5 is a flat disc, 1 is Lambert (Minnaert 1941; values for the giants
# around 0.9 in the visible, Karkoschka 1998, Icarus 133, 134).
MINNAERT = {"mars": 0.7, "venus": 0.85, "earth": 0.75}
FLATTENING = {"jupiter": 0.065, "saturn": 0.098, "uranus": 0.023, "neptune": 0.017}


@dataclass(frozen=True)
class View:
    """How a globe is seen: its place and size on the frame, its Sun, its pole."""

    centre: tuple[float, float]
    radius: float
    sun: tuple[float, float, float]
    phase: float
    roll: float
    tilt: float


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """A planet, whole, in part or its ground from orbit."""
    world = choose(rng, WORLDS)
    if world in {"mercury", "mars"} and rng.random() < (0.45 if world == "mercury" else 0.06):
        return _ground(rng, frame, world)
    view = _view(rng, frame, world)
    light = frame.canvas()
    truth: RenderParameters = {"world": world, "phase_deg": round(float(np.rad2deg(view.phase)), 1)}
    small = view.radius < 0.06
    if small or rng.random() < 0.06:
        add_field_stars(rng, light, frame, density=40, faintest=0.1)
    globe, mask = _globe(rng, frame, world, view)
    light *= 1 - mask[..., None]
    light += globe
    if world == "saturn" or (world == "uranus" and rng.random() < 0.15):
        light = add_rings(rng, frame, light, mask, view.centre, view.radius, view.sun,
                          roll=view.roll, tilt=view.tilt, faint=world == "uranus")  # fmt: skip
        truth["ring_tilt_deg"] = round(float(np.rad2deg(view.tilt)), 1)
    target = light.mean(axis=2)
    if rng.random() < 0.12 and world not in {"mercury", "venus", "mars"}:
        _moons(rng, frame, light, view, truth)
    light = _false_colours(rng, light, truth)
    light *= np.float32(rng.uniform(0.75, 1.2))
    return Scene(
        light=light,
        target=target,
        subtype=world,
        object_px=min(1.0, 2 * view.radius) * frame.side,
        look="solid",
        cameras=("spacecraft",),
        truth=truth
        | {"radius": round(view.radius, 4)}
        | {"x": round(view.centre[0], 4), "y": round(view.centre[1], 4)},
    )


def _view(rng: np.random.Generator, frame: Frame, world: str) -> View:
    half = min(frame.half)
    framing = choose(rng, {"whole": 0.72, "small": 0.08, "part": 0.2})
    if framing == "whole":
        radius = float(rng.uniform(0.5, 0.97)) * half
    elif framing == "small":
        radius = float(rng.uniform(0.06, 0.4)) * half
    else:
        radius = float(rng.uniform(0.9, 2.6)) * half
    if world == "saturn" and framing != "part":
        radius *= float(rng.uniform(0.38, 0.55)) if rng.random() < 0.8 else 0.7
    away = rng.uniform(0, 2 * np.pi)
    off = (
        float(rng.uniform(0.4, 0.7 if world == "saturn" else 0.95)) * radius
        if framing == "part"
        else 0.03 * float(rng.normal())
    )
    centre = (off * float(np.cos(away)), off * float(np.sin(away)))
    # Outer planets are seen nearly full from Earth; spacecraft see every phase.
    full = {"uranus": 0.85, "neptune": 0.85, "mars": 0.7, "jupiter": 0.7, "pluto": 0.7}
    if rng.random() < full.get(world, 0.4):
        phase = abs(float(rng.normal(0, 0.25)))
    else:
        phase = float(np.deg2rad(rng.uniform(30, 150)))
    sun = sun_vector(phase, float(rng.uniform(0, 2 * np.pi)))
    if framing == "part" and sun[2] < 0.2:
        phase = float(rng.uniform(0.4, 1.3))
        sun = sun_vector(phase, float(away + np.pi))
    roll = float(rng.normal(0, 0.3))
    if world == "uranus":
        roll = float(rng.uniform(0, 2 * np.pi))
    tilt = float(np.deg2rad(rng.uniform(-27, 27)))
    return View(centre, radius, sun, phase, roll, tilt)


def _globe(rng: np.random.Generator, frame: Frame, world: str, view: View) -> tuple[Field, Field]:
    """Light ``(H, W, 3)`` and coverage ``(H, W)`` of the shaded globe."""
    u, v = frame.grid(*view.centre, angle=view.roll)
    u, v = u / np.float32(view.radius), v / np.float32(view.radius * (1 - FLATTENING.get(world, 0)))
    r2 = u * u + v * v
    soft = 1.5 / (view.radius * frame.side)
    mask = smoothstep(1 + soft, 1 - soft, np.sqrt(r2))
    w = np.sqrt(np.clip(1 - r2, 0, 1)).astype(np.float32)
    inside = r2 < 1.05
    cos, sin = np.float32(np.cos(view.tilt)), np.float32(np.sin(view.tilt))
    # Into the planet's own axes: y to its north pole.
    points = np.stack([u[inside], (v * cos + w * sin)[inside], (w * cos - v * sin)[inside]], axis=1)
    globe = Globe(points.astype(np.float32), view.radius * frame.side)
    surface = GLOBES[world](rng, globe)
    colour = frame.canvas()
    colour[inside] = surface.colour
    x, y = frame.grid(*view.centre)
    x, y = x / np.float32(view.radius), y / np.float32(view.radius)
    sun = view.sun
    mu0 = np.clip(x * sun[0] + y * sun[1] + w * sun[2], 0, 1)
    if surface.height is not None:
        height = np.zeros(frame.shape, dtype=np.float32)
        height[inside] = surface.height * np.float32(view.radius)
        count, largest, depth = surface.craters
        crater_globe(rng, height, frame, view.centre, view.radius, count=count, largest=largest,
                     depth=depth)  # fmt: skip
        shade = lunar_lambert(bumped((x, y, w), height, frame.side), sun, mix=0.55)
        shade = shade * smoothstep(0.0, 0.08, mu0)
    else:
        k = MINNAERT.get(world, float(rng.uniform(0.85, 1.0)))
        shade = mu0**k * np.maximum(w, 0.04) ** (k - 1)
    light = colour * (shade * mask)[..., None]
    if surface.haze is not None:
        lit = np.clip(x * sun[0] + y * sun[1] + w * sun[2] + 0.15, 0, 1)
        rim = np.exp(-(((np.sqrt(r2) - 0.99) / 0.018) ** 2)) * lit
        light += tinted(rim, surface.haze)
    return np.asarray(light, dtype=np.float32), mask


def _ground(rng: np.random.Generator, frame: Frame, world: str) -> Scene:
    """Cratered ground from orbit: sharper craters and central peaks than on an asteroid."""
    truth: RenderParameters = {"world": world, "view": "surface"}
    ground = cratered_plain(
        rng,
        frame.shape,
        count=int(rng.integers(150, 500)),
        smallest=0.008,
        largest=float(rng.uniform(0.2, 0.8)),
        slope=float(rng.uniform(1.7, 2.4)),
        depth=(0.03, 0.15),
    )
    ground += np.float32(rng.uniform(0.0008, 0.004)) * power_law(rng, frame.shape, 3.3)
    light = shaded_ground(rng, frame, ground, truth)
    light = light * np.exp(0.12 * power_law(rng, frame.shape, 2.6))
    young = (0, 0, 1, 2, 4) if world == "mercury" else (0,)
    for _ in range(int(rng.choice(young))):
        light = light * _rays(rng, frame)
    colour = [1.25, 0.8, 0.5] if world == "mars" else [1.0, 0.99, 0.97]
    return Scene(
        light=tinted(light.astype(np.float32), colour),
        target=light.astype(np.float32),
        subtype=f"{world} surface",
        object_px=float(frame.side),
        look="solid",
        cameras=("spacecraft",),
        truth=truth,
    )


def _rays(rng: np.random.Generator, frame: Frame) -> Field:
    """Bright ejecta around a young crater, which fade with the distance."""
    x, y = frame.grid(*(float(v) for v in rng.uniform(-0.45, 0.45, 2)))
    spokes = np.cos(np.arctan2(y, x) * int(rng.integers(4, 12)) + power_law(rng, frame.shape, 3.4))
    r = np.hypot(x, y) / np.float32(rng.uniform(0.05, 0.25))
    glow = np.exp(-r) * (0.4 + np.clip(spokes, 0, 1) ** 3) + 0.5 * np.exp(-((2.5 * r) ** 2))
    return np.asarray(1 + float(rng.uniform(0.3, 1.2)) * glow, dtype=np.float32)


def _moons(
    rng: np.random.Generator, frame: Frame, light: Field, view: View, truth: RenderParameters
) -> None:
    """One to four moons as small points along the equator's plane, in place."""
    count = int(rng.integers(1, 5))
    along = rng.choice([-1, 1], count) * rng.uniform(1.2, 3.0, count) * view.radius
    x = view.centre[0] + along * np.cos(view.roll)
    y = view.centre[1] + along * np.sin(view.roll)
    flux = np.float32(3.0 * (frame.side / 256) ** 2)
    place_stars(
        light, frame, x.astype(np.float32), y.astype(np.float32),
        np.full((count, 3), flux, dtype=np.float32),
    )  # fmt: skip
    truth["moons"] = count


def _false_colours(rng: np.random.Generator, light: Field, truth: RenderParameters) -> Field:
    """Infrared and contrast-enhanced images are shown in colours of their own."""
    if rng.random() > 0.05:
        return light
    truth["false_colour"] = True
    mixing: Callable[..., np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = rng.dirichlet
    matrix = mixing([0.5, 0.5, 0.5], size=3) * rng.uniform(0.4, 1.5, (3, 1))
    return np.asarray(light @ matrix.T.astype(np.float32), dtype=np.float32)
