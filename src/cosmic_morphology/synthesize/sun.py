"""The Sun: white light with spots, hydrogen light with prominences, a partial eclipse."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.noise import Field, power_law, ridges, unit
from cosmic_morphology.synthesize.scene import (
    Frame,
    Scene,
    Truth,
    choose,
    mixed,
    rgb,
    smoothstep,
    tinted,
)

LIMB_LINEAR = 0.6  # linear limb darkening at 550 nm (Cox 2000, Allen's Astrophysical Quantities)


def paint_sun(rng: np.random.Generator, frame: Frame) -> Scene:
    """The whole disc or a close-up of its surface."""
    view = choose(rng, {"white light": 0.45, "hydrogen": 0.3, "ultraviolet": 0.1, "close-up": 0.15})
    half = min(frame.half)
    radius = float(rng.uniform(0.6, 0.95)) * half
    if view == "close-up":
        radius = float(rng.uniform(1.2, 3.0))
        x, y = frame.grid(0.0, float(rng.uniform(0, 1)) * (half - radius) - 0.2)
    else:
        x, y = frame.grid(*(float(v) for v in rng.normal(0, 0.02, 2)))
    s = np.hypot(x, y) / np.float32(radius)
    disc = smoothstep(1.0 + 1.5 / (radius * frame.side), 1.0, s)
    mu = np.sqrt(np.clip(1 - s**2, 0, 1))
    truth: Truth = {"view": view, "radius": round(radius, 4)}
    hydrogen = view in {"hydrogen", "ultraviolet"} or (view == "close-up" and rng.random() < 0.5)
    grain = power_law(rng, frame.shape, 1.6, outer=20.0)
    surface = disc * (1 - LIMB_LINEAR * (1 - mu)) * (1 + (0.14 if hydrogen else 0.04) * grain)
    surface = surface * _spots(rng, frame, x / radius, y / radius, truth)
    if hydrogen:
        active = power_law(rng, frame.shape, 2.6, outer=3.0)
        threads = ridges(power_law(rng, frame.shape, 3.2, outer=2.0), 0.05)
        surface = surface * (1 + 0.5 * np.clip(active - 1.0, 0, None)) * (1 - 0.4 * threads * disc)
        surface = surface + _prominences(rng, frame, s, np.arctan2(y, x))
    light = _coloured(rng, surface.astype(np.float32), view, hydrogen)
    return Scene(
        light=light,
        target=surface.astype(np.float32),
        subtype="sun",
        object_px=min(1.0, 2 * radius) * frame.side,
        look="solid",
        cameras=("spacecraft",),
        truth=truth,
    )


def _spots(rng: np.random.Generator, frame: Frame, x: Field, y: Field, truth: Truth) -> Field:
    """Umbrae at about 0.2 and penumbrae at 0.75 of the photosphere (Solanki 2003, A&A Rev 11)."""
    dark = np.ones(frame.shape, dtype=np.float32)
    groups = int(rng.poisson(2.5))
    ragged = power_law(rng, frame.shape, 2.5, outer=6.0)
    close = frame.half[1] / max(float(np.abs(x).max()), 1e-3) > 0.8
    for _ in range(groups):
        if close:
            gx, gy = float(rng.uniform(x.min(), x.max())), float(rng.uniform(y.min(), y.max()))
        else:
            gx, gy = (
                float(rng.uniform(-0.8, 0.8)),
                float(rng.choice([-1, 1]) * rng.uniform(0.1, 0.45)),
            )
        for _ in range(int(rng.integers(1, 6))):
            size = float(np.exp(rng.uniform(np.log(0.006), np.log(0.05))))
            sx, sy = gx + float(rng.normal(0, 0.05)), gy + float(rng.normal(0, 0.025))
            d = np.hypot(x - np.float32(sx), y - np.float32(sy)) / np.float32(size)
            d = d * (1 + 0.15 * ragged)
            dark = dark * (1 - 0.3 * smoothstep(1.9, 1.5, d)) * (1 - 0.75 * smoothstep(1.1, 0.8, d))
    truth["spot_groups"] = groups
    return dark


def _prominences(rng: np.random.Generator, frame: Frame, s: Field, theta: Field) -> Field:
    flames = np.zeros(frame.shape, dtype=np.float32)
    wisps = unit(power_law(rng, frame.shape, 2.4, outer=5.0) * 2)
    for _ in range(int(rng.integers(1, 6))):
        at, wide = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.03, 0.15))
        tall = float(rng.uniform(0.03, 0.14))
        d = np.angle(np.exp(1j * (theta - at))) / wide
        arch = np.exp(-(d**2)) * smoothstep(1 + tall, 1.0, s) * (s > 1)
        flames += arch.astype(np.float32) * wisps
    return flames + np.float32(0.12) * smoothstep(1.02, 1.0, s) * (s > 1)


def _coloured(rng: np.random.Generator, surface: Field, view: str, hydrogen: bool) -> Field:
    if view == "ultraviolet":
        hues = [[1.0, 0.62, 0.12], [0.15, 0.75, 0.7], [0.95, 0.8, 0.3], [0.4, 0.55, 1.0]]
        top = hues[int(rng.integers(len(hues)))]
        return np.asarray(surface[..., None] * mixed(surface**2, np.square(rgb(top)), top))
    if hydrogen:
        return np.asarray(surface[..., None] * mixed(surface, [0.9, 0.06, 0.01], [1.0, 0.5, 0.12]))
    whites: list[list[float]] = [[1, 1, 1], [1, 0.85, 0.45], [1, 0.62, 0.2], [1, 0.92, 0.7]]
    return tinted(surface * np.float32(0.9), whites[int(rng.integers(len(whites)))])
