"""Asteroids: bodies seen by spacecraft, their ground from close by, trails and points."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, power_law
from cosmic_morphology.synthesize.fields.star_field import add_field_stars, place_stars
from cosmic_morphology.synthesize.scene import Frame, RenderParameters, Scene, choose, rgb, tinted
from cosmic_morphology.synthesize.surfaces.body import render_body
from cosmic_morphology.synthesize.surfaces.relief import (
    cratered_plain,
    lunar_lambert,
    shadows,
    slopes,
    sun_vector,
)

SUBTYPES = {
    "irregular": 0.24,
    "elongated": 0.18,
    "contact binary": 0.12,
    "top-shaped": 0.12,
    "round": 0.08,
    "surface": 0.09,
    "trail": 0.08,
    "point": 0.05,
}
# Reflectance in R, G, B relative to green: C, S, V and D types (DeMeo et al. 2009, Icarus 202).
SPECTRA = {
    "C": ([0.99, 1.0, 1.0], 0.5),
    "S": ([1.12, 1.0, 0.84], 0.8),
    "V": ([1.08, 1.0, 0.9], 0.95),
    "D": ([1.10, 1.0, 0.9], 0.45),
    "grey": ([1.0, 1.0, 1.0], 0.75),
}


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """An asteroid as spacecraft see it, or as a moving point among stars."""
    subtype = choose(rng, SUBTYPES)
    if subtype in {"trail", "point"}:
        return _moving(rng, frame, subtype)
    if subtype == "surface":
        return _surface(rng, frame)
    return _resolved(rng, frame, subtype)


def _colour(
    rng: np.random.Generator, truth: RenderParameters
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    spectral = choose(rng, {"grey": 0.45, "C": 0.2, "S": 0.2, "V": 0.08, "D": 0.07})
    colour, albedo = SPECTRA[spectral]
    truth["spectral_type"] = spectral
    return rgb(colour) * np.float32(albedo * rng.uniform(0.8, 1.3))


def _resolved(rng: np.random.Generator, frame: Frame, subtype: str) -> Scene:
    half = min(frame.half)
    close = rng.random() < 0.15
    radius = float(rng.uniform(1.1, 1.6) if close else rng.uniform(0.45, 1.0)) * half
    room = 0.3 * half if close else max(0.0, half - radius)
    centre = (float(rng.uniform(-1, 1)) * room, float(rng.uniform(-1, 1)) * room)
    rubble = subtype in {"top-shaped", "contact binary"} or rng.random() < 0.3
    body = render_body(
        rng,
        frame,
        shape=subtype,
        radius=radius,
        centre=centre,
        phase=float(np.deg2rad(rng.uniform(10, 95))),
        craters=int(rng.integers(5, 25) if rubble else rng.integers(25, 160)),
        boulders=int(rng.integers(40, 220)) if rubble else int(rng.integers(0, 20)),
        roughness=float(rng.uniform(0.8, 1.6) if rubble else rng.uniform(0.3, 0.9)),
    )
    truth = body.truth
    colour = _colour(rng, truth)
    light = tinted(body.light, colour)
    if rng.random() < 0.07:
        light += _moon(rng, frame, centre, radius, colour)
        truth["has_moon"] = True
    _some_stars(rng, light, frame, body.mask)
    return Scene(
        light=light,
        target=body.light,
        subtype=subtype,
        object_px=2 * radius * frame.side,
        look="solid",
        cameras=("spacecraft",),
        truth=truth,
    )


def _moon(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    radius: float,
    colour: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> Field:
    """A small companion, as Dactyl of Ida and Dimorphos of Didymos."""
    phi = float(rng.uniform(0, 2 * np.pi))
    away = radius * float(rng.uniform(1.1, 1.5))
    place = (centre[0] + away * float(np.cos(phi)), centre[1] + away * float(np.sin(phi)))
    small = render_body(
        rng, frame, shape="irregular", radius=radius * float(rng.uniform(0.05, 0.25)),
        centre=place, phase=0.7, craters=6, boulders=10, roughness=1.0,
    )  # fmt: skip
    return tinted(small.light, colour)


def _some_stars(rng: np.random.Generator, light: Field, frame: Frame, mask: Field) -> None:
    """A short exposure of a bright body shows hardly a star."""
    if rng.random() < 0.15:
        add_field_stars(rng, light, frame, density=40, faintest=0.05, mask=1 - mask)


def _surface(rng: np.random.Generator, frame: Frame) -> Scene:
    """Ground that fills the frame: softened craters in regolith, or rubble with boulders."""
    truth: RenderParameters = {}
    rubble = rng.random() < 0.3
    ground = cratered_plain(
        rng,
        frame.shape,
        count=int(rng.integers(20, 60) if rubble else rng.integers(60, 320)),
        smallest=0.015,
        largest=float(rng.uniform(0.12, 0.45)),
        slope=float(rng.uniform(1.6, 2.4)),
        depth=(0.03, 0.12),
    )
    ground += np.float32(rng.uniform(0.002, 0.008)) * power_law(rng, frame.shape, 3.6)
    if rubble:
        fine = power_law(rng, frame.shape, 2.2, outer=8.0)
        ground += np.clip(fine - 0.6, 0, None) * np.float32(rng.uniform(0.004, 0.012))
    light = shaded_ground(rng, frame, ground, truth)
    return Scene(
        light=tinted(light, _colour(rng, truth)),
        target=light,
        subtype="surface",
        object_px=float(frame.side),
        look="solid",
        cameras=("spacecraft",),
        truth=truth,
    )


def shaded_ground(
    rng: np.random.Generator, frame: Frame, ground: Field, truth: RenderParameters
) -> Field:
    """Reflected sunlight of a height field that fills the frame, mean about 0.35."""
    phase = float(np.deg2rad(rng.uniform(25, 78)))
    sun = sun_vector(phase, float(rng.uniform(0, 2 * np.pi)))
    sx, sy = slopes(ground, frame.side)
    norm = np.sqrt(sx**2 + sy**2 + 1)
    light = lunar_lambert((-sx / norm, -sy / norm, 1 / norm), sun, mix=float(rng.uniform(0.2, 0.7)))
    light = light * shadows(ground, sun, frame.side, steps=16)
    albedo = 1 + float(rng.uniform(0.03, 0.2)) * power_law(rng, frame.shape, 3.0)
    truth["incidence_deg"] = round(float(np.rad2deg(phase)), 1)
    light = light * np.clip(albedo, 0.3, 2)
    level = float(rng.uniform(0.18, 0.5)) / max(float(light.mean()), 1e-3)
    return np.asarray(light * level, dtype=np.float32)


def _moving(rng: np.random.Generator, frame: Frame, subtype: str) -> Scene:
    """A point that moved during the exposure; or the stars did, when the telescope followed it."""
    light = frame.canvas()
    scale = (frame.side / 256) ** 2
    place = rng.normal(0, 0.08, (2, 1)).astype(np.float32)
    flux = np.float32(rng.uniform(8, 90) * scale)
    angle = float(rng.uniform(0, np.pi))
    length = float(rng.uniform(0.06, 0.5)) if subtype == "trail" else 0.0
    colour = np.array([[1.05, 1.0, 0.92]], dtype=np.float32)
    # A trail that is seen at all is that of a brighter body.
    brighter = np.float32(1 + 100 * length)
    place_stars(light, frame, place[0], place[1], flux * brighter * colour, trail=(length, angle))
    target = light.mean(axis=2)
    follows = subtype == "point" and rng.random() < 0.7
    drift = (float(rng.uniform(0.03, 0.15)), angle) if follows else (0.0, 0.0)
    stars = add_field_stars(
        rng, light, frame, density=float(np.exp(rng.uniform(np.log(60), np.log(900)))),
        faintest=float(rng.uniform(0.2, 0.8)), trail=drift,
    )  # fmt: skip
    return Scene(
        light=light,
        target=target,
        subtype=subtype,
        object_px=max(2.0, length * frame.side),
        look="deep",
        cameras=("amateur", "smart", "survey", "space"),
        truth={"trail_length": round(length, 4), "field_stars": stars},
    )
