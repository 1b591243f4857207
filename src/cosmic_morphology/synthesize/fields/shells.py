"""Shells of gas: planetary nebulae, wind bubbles, supernova remnants."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, ridges, unit
from cosmic_morphology.synthesize.scene import Frame, RenderParameters, choose, smoothstep, tinted

Shell = tuple[Field, float, RenderParameters]


def planetary(rng: np.random.Generator, frame: Frame) -> Shell:
    """A planetary nebula: round, elliptical or bipolar (Balick & Frank 2002, ARA&A 40, 439).

    Returns
    -------
    light : numpy.ndarray
        Shape ``(H, W, 3)``.
    size : float
        Diameter in units of the longer side.
    truth : dict
        Its parameters.
    """
    kind = choose(rng, {"ring": 0.4, "disc": 0.25, "bipolar": 0.35})
    half = min(frame.half)
    big = rng.random() < 0.6
    radius = float(rng.uniform(0.4, 0.85) if big else rng.uniform(0.06, 0.3)) * half
    angle, q = float(rng.uniform(0, np.pi)), float(rng.uniform(0.6, 1.0))
    u, v = frame.grid(angle=angle)
    rough = power_law(rng, frame.shape, 3.4, outer=min(8.0, 0.4 / radius))
    s = np.hypot(u / q, v) / np.float32(radius) * (1 + 0.04 * rough)
    if kind == "bipolar":
        waist = float(rng.uniform(0.15, 0.45))
        lobe = waist + (1 - waist) * np.sqrt(np.abs(v) / np.float32(radius) + 1e-4)
        s = np.hypot(u / (lobe * 0.8), v) / np.float32(radius) * (1 + 0.05 * rough)
    thick = float(rng.uniform(0.08, 0.3))
    inner = 1.0 - thick
    shell = _limb_brightened(s, inner)
    detail = float(rng.uniform(0.1, 0.6))
    wave = power_law(rng, frame.shape, 3.0, outer=min(12.0, 0.8 / radius))
    texture = (1 - 0.5 * detail + detail * ridges(wave, 0.35)) * np.exp(0.5 * detail * rough)
    hollow = float(rng.uniform(0.15, 0.8))
    ring = float(rng.uniform(0.55, 0.9))
    glow = np.exp(-(((s - ring) / float(rng.uniform(0.1, 0.25))) ** 2)) + shell
    body = (hollow * smoothstep(1.1, 0.6, s) + glow * smoothstep(1.25, 0.95, s)) * texture
    light = body[..., None] * _stratified(rng, s + 0.08 * rough)
    colours = _shell_colours(rng)
    if kind == "bipolar":
        core = np.exp(-np.hypot(u, v) / np.float32(0.12 * radius))
        light += tinted(core * 2, [1.0, 0.85, 0.8])
    if rng.random() < 0.5:
        halo = smoothstep(2.1, 1.0, s) * smoothstep(0.8, 1.0, s) * (0.4 + unit(rough))
        rays = 0.7 + 0.3 * np.cos(np.arctan2(v, u) * float(rng.integers(8, 30)) + 2 * rough)
        light += tinted(halo * rays * np.float32(rng.uniform(0.05, 0.35)), colours[1])
    return light, 2 * radius, {"shape": kind, "radius": round(radius, 4)}


def remnant(rng: np.random.Generator, frame: Frame) -> Shell:
    """A supernova remnant: sheets of shocked gas seen edge-on, in a shell or a torn piece.

    The filaments are rippled sheets (Hester 1987, ApJ 314, 187): zero crossings of smooth
    fields, brighter where the line of sight runs along the shell.
    """
    half = min(frame.half)
    kind = choose(rng, {"shell": 0.6, "piece": 0.25, "crab": 0.15})
    radius = float(rng.uniform(0.35, 0.95)) * half
    x, y = frame.grid(*(float(v) for v in rng.normal(0, 0.02, 2)))
    broad = power_law(rng, frame.shape, 3.6, outer=2.0)
    s = np.hypot(x, y) / np.float32(radius) * (1 + 0.07 * broad)
    sheets = np.zeros(frame.shape, dtype=np.float32)
    for outer in (1.5, 2.5, 4.0, 6.0):
        wave = power_law(rng, frame.shape, float(rng.uniform(3.2, 4.0)), outer=outer)
        patch = unit(2 * power_law(rng, frame.shape, 3.4, outer=1.5)) ** 1.5
        sheets += ridges(wave, float(rng.uniform(0.02, 0.06))) * patch
    if kind == "piece":
        u, v = frame.grid(angle=float(rng.uniform(0, np.pi)))
        window = np.exp(-((v + 0.15 * broad) ** 2) / 0.015) * np.exp(-((u / 0.5) ** 4))
    elif kind == "crab":
        window = smoothstep(1.05, 0.5, s)
    else:
        window = smoothstep(1.03, 0.97, s) * (0.25 + smoothstep(0.3, 0.95, s))
    side = 0.3 + unit(1.5 * power_law(rng, frame.shape, 3.8))
    glow = window * side
    lines = (sheets * glow).astype(np.float32)
    hue = unit(1.8 * power_law(rng, frame.shape, 2.8))
    first, second = _filament_colours(rng)
    light = tinted(lines * hue, first) + tinted(lines * (1 - hue), second)
    light += tinted(blurred(lines, 4.0) * 0.8, first) + tinted(glow * 0.03, second)
    if kind == "crab":
        body = smoothstep(1.0, 0.1, s) * (0.6 + 0.3 * unit(broad))
        light += tinted(body * 0.35, [0.5, 0.65, 1.0])
    return light, 2 * radius, {"shape": kind, "radius": round(radius, 4)}


def wind_bubble(rng: np.random.Generator, frame: Frame) -> Shell:
    """A bubble blown by a hot star into its cloud (Weaver et al. 1977, ApJ 218, 377)."""
    radius = float(rng.uniform(0.3, 0.85)) * min(frame.half)
    x, y = frame.grid(*(float(v) for v in rng.normal(0, 0.04, 2)))
    broad = power_law(rng, frame.shape, 3.8, outer=1.5)
    s = np.hypot(x, y) / np.float32(radius) * (1 + 0.05 * broad)
    shell = _limb_brightened(s, float(rng.uniform(0.93, 0.985))) ** 1.4
    side = 0.05 + unit(2.5 * power_law(rng, frame.shape, 4.0)) ** 1.5
    threads = 0.7 + 0.8 * ridges(power_law(rng, frame.shape, 3.4, outer=2.0), 0.08)
    first, second = _filament_colours(rng)
    light = tinted(shell * side * threads, first)
    light += tinted(smoothstep(1.0, 0.2, s) * np.float32(rng.uniform(0.03, 0.2)) * side, second)
    return light, 2 * radius, {"shape": "bubble", "radius": round(radius, 4)}


def _stratified(rng: np.random.Generator, s: Field) -> Field:
    """Colours from the hot star outwards: helium and oxygen inside, hydrogen, nitrogen outside."""
    inside, outside = _shell_colours(rng)
    between = rng.uniform(0.3, 1.0, 3)
    table = np.array([inside, inside, 0.5 * (between + inside), outside, outside])
    stops = [0.0, 0.45, float(rng.uniform(0.6, 0.75)), float(rng.uniform(0.8, 0.95)), 2.0]
    channels = [np.interp(s, stops, table[:, c]) for c in range(3)]
    return np.stack(channels, axis=2).astype(np.float32)


def _limb_brightened(s: Field, inner: float) -> Field:
    """Path length through a hollow sphere of outer radius 1 and inner radius ``inner``."""
    outside = np.sqrt(np.clip(1 - s**2, 0, None))
    hollow = np.sqrt(np.clip(inner**2 - s**2, 0, None))
    return np.asarray((outside - hollow) / np.sqrt(1 - inner**2), dtype=np.float32)


def _shell_colours(rng: np.random.Generator) -> tuple[list[float], list[float]]:
    pairs = [
        ([0.15, 0.75, 0.85], [1.0, 0.25, 0.2]),
        ([0.2, 0.85, 0.75], [0.95, 0.35, 0.25]),
        ([0.25, 0.5, 1.0], [1.0, 0.5, 0.12]),
        ([0.35, 0.95, 0.5], [0.9, 0.3, 0.4]),
        ([0.5, 0.8, 1.0], [0.6, 0.7, 1.0]),
        ([0.95, 0.75, 0.45], [1.0, 0.4, 0.15]),
    ]
    return pairs[int(rng.integers(len(pairs)))]


def _filament_colours(rng: np.random.Generator) -> tuple[list[float], list[float]]:
    pairs = [
        ([1.0, 0.18, 0.2], [0.2, 0.7, 0.9]),
        ([1.0, 0.25, 0.22], [1.0, 0.35, 0.3]),
        ([1.0, 0.45, 0.15], [0.3, 0.8, 0.75]),
        ([0.3, 0.6, 1.0], [1.0, 0.35, 0.35]),
        ([0.55, 0.35, 1.0], [0.3, 0.9, 0.5]),
    ]
    return pairs[int(rng.integers(len(pairs)))]
