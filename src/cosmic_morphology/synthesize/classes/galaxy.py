"""Galaxies: spirals, barred, edge-on, elliptical, irregular, ring, merging and in groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cosmic_morphology.synthesize.classes.galaxy_discs import (
    REDDENING,
    Place,
    disc_coordinates,
    paint_barred,
    paint_edge_on,
    paint_irregular,
    paint_ring,
    paint_spiral,
    tamed,
)
from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, unit
from cosmic_morphology.synthesize.fields.sersic import sersic
from cosmic_morphology.synthesize.fields.star_field import add_distant_galaxies, add_field_stars
from cosmic_morphology.synthesize.scene import (
    Frame,
    RenderParameters,
    Scene,
    blackbody,
    choose,
    smoothstep,
    tinted,
)

SUBTYPES = {
    "spiral": 0.36,
    "barred spiral": 0.14,
    "edge-on": 0.15,
    "elliptical": 0.11,
    "lenticular": 0.05,
    "irregular": 0.05,
    "merger": 0.05,
    "ring": 0.02,
    "group": 0.07,
}


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """A galaxy image.

    Sérsic indices: 4 for ellipticals (2.5 to 6 in Caon et al. 1993, MNRAS 265, 1013), 1 to 4
    for bulges (Graham & Worley 2008, MNRAS 388, 1708), 1 for discs (Freeman 1970, ApJ 160,
    811). Pitch angles 8 to 35 degrees (Savchenko & Reshetnikov 2013, MNRAS 436, 1074). Bars
    span 0.2 to 0.6 of the disc's half size (Erwin 2005, MNRAS 364, 283).
    """
    subtype = choose(rng, SUBTYPES)
    filling = rng.random() < 0.38 and subtype not in {"group", "merger"}
    scale = float(
        rng.uniform(0.32, 0.6) if filling else np.exp(rng.uniform(np.log(0.07), np.log(0.36)))
    )
    half_x, half_y = frame.half
    scale *= min(half_x, half_y) / 0.5
    room = max(0.02, 0.35 - 0.5 * scale)
    x0 = float(rng.normal(0, 0.3) * room * half_x * 2)
    y0 = float(rng.normal(0, 0.3) * room * half_y * 2)
    truth: RenderParameters = {"disc_radius": round(scale, 4), "x": round(x0, 4), "y": round(y0, 4)}
    target = PAINTERS[subtype](Place(rng, frame, (x0, y0), scale, truth))
    # The level that a few per cent of the galaxy's own area exceed is its highlight.
    area = min(1.0, np.pi * scale**2 / (4 * half_x * half_y))
    highlight = float(np.percentile(target.mean(axis=2), 100 * (1 - 0.04 * area)))
    target /= np.float32(max(highlight, 1e-6))
    target *= np.float32(np.exp(rng.uniform(np.log(0.35), np.log(1.5))))
    vivid = np.float32(rng.uniform(1.0, 1.9))
    grey = target.mean(axis=2, keepdims=True)
    target = np.maximum(grey + (target - grey) * vivid, 0.02 * grey)
    light = target.copy()
    density = float(np.exp(rng.uniform(np.log(15), np.log(700))))
    stars = add_field_stars(
        rng, light, frame, density=density, faintest=float(rng.uniform(0.1, 0.5)), slope=1.0
    )
    add_distant_galaxies(rng, light, frame, density=float(rng.choice([2, 8, 40])), brightness=0.08)
    truth |= {"field_stars": stars}
    return Scene(
        light=light,
        target=target.mean(axis=2),
        subtype=subtype,
        object_px=2 * scale * frame.side,
        look="deep",
        cameras=("amateur", "amateur", "smart", "plate", "plate", "survey", "space", "space"),
        truth=truth,
    )


def _elliptical(where: Place) -> Field:
    rng, frame, centre, scale, truth = where
    n, q = float(rng.uniform(2.5, 6.0)), float(rng.uniform(0.45, 1.0))
    angle = float(rng.uniform(0, np.pi))
    radius = 0.4 * scale
    body = sersic(frame, centre, n=n, radius=radius, q=q, angle=angle)
    light = tinted(body, blackbody(float(rng.uniform(4000, 5200))))
    dusty = bool(rng.random() < 0.2)
    if dusty:
        light *= _dust_band(rng, frame, centre, scale)
    truth |= {"sersic_n": round(n, 1), "axis_ratio": round(q, 3), "dust_band": dusty}
    truth |= {"half_light_radius": round(radius, 4)}
    truth |= {"position_angle_deg": round(float(np.rad2deg(angle)), 1)}
    return light


def _lenticular(where: Place) -> Field:
    rng, frame, centre, scale, truth = where
    q, angle = float(rng.uniform(0.25, 0.9)), float(rng.uniform(0, np.pi))
    kelvin = float(rng.uniform(4300, 5600))
    bulge = sersic(frame, centre, n=3.0, radius=0.15 * scale, q=0.5 + 0.5 * q, angle=angle)
    disc = sersic(frame, centre, n=1.0, radius=0.5 * scale, q=q, angle=angle)
    truth |= {"axis_ratio": round(q, 3)}
    light = tinted(tamed(bulge, 3.0) + 0.35 * disc, blackbody(kelvin))
    if rng.random() < 0.4:
        light *= _dust_band(rng, frame, centre, 0.5 * scale)
    return light


def _dust_band(
    rng: np.random.Generator, frame: Frame, centre: tuple[float, float], scale: float
) -> Field:
    """Transparency of a ragged dust lane across the middle, as in Centaurus A."""
    u, v = frame.grid(*centre, angle=float(rng.uniform(0, np.pi)))
    ragged = power_law(rng, frame.shape, 2.6, outer=2.0)
    bent = v - np.float32(0.15 * scale) * np.sin(u / np.float32(0.5 * scale))
    band = np.exp(-((bent / (0.16 * scale)) ** 2)) * smoothstep(0.9, 0.5, np.abs(u) / scale)
    tau = np.clip(1.2 + ragged, 0, None) * band * np.float32(rng.uniform(0.6, 2.0))
    return np.asarray(np.exp(-tau[..., None] * REDDENING), dtype=np.float32)


def _merger(where: Place) -> Field:
    """Two galaxies in contact with tidal arms and a bridge (Toomre & Toomre 1972)."""
    rng, frame, centre, scale, truth = where
    away = float(rng.uniform(0, 2 * np.pi))
    gap = float(rng.uniform(0.5, 1.1)) * scale
    other = (float(centre[0] + gap * np.cos(away)), float(centre[1] + gap * np.sin(away)))
    light = paint_spiral(where._replace(scale=scale * 0.8))
    size = scale * float(rng.uniform(0.3, 0.7))
    second = paint_spiral if rng.random() < 0.5 else _elliptical
    light += second(Place(rng, frame, other, size, {})) * np.float32(rng.uniform(0.5, 1.2))
    tails = np.zeros(frame.shape, dtype=np.float32)
    for sign, place in ((1, centre), (-1, other)):
        r, theta = disc_coordinates(frame, place, away, 0.7)
        lag = theta * sign - np.log(np.maximum(r / scale, 0.1)) * 1.6 + 0.6
        ridge = np.exp(-((np.sin(0.5 * lag) / 0.16) ** 2))
        tails += ridge * smoothstep(0.4, 0.9, r / scale) * smoothstep(2.4, 1.0, r / scale)
    rough = unit(power_law(rng, frame.shape, 2.6))
    light += tinted(blurred(tails * rough, 1.5) * np.float32(0.18), blackbody(7500))
    truth |= {"separation": round(gap, 3)}
    return light


def _group(where: Place) -> Field:
    """A group or cluster: galaxies of a Schechter-like spread of sizes around a giant."""
    rng, frame, _, scale, truth = where
    half_x, half_y = frame.half
    light = frame.canvas()
    members = int(rng.choice([3, 4, 6, 10, 25]))
    large = 0.12 if members < 8 else 0.06
    fast = members > 8
    for _ in range(members):
        size = float(np.clip(rng.gamma(2.0, large / 2.5), 0.012, 0.2))
        place = (float(rng.normal(0, 0.45) * half_x), float(rng.normal(0, 0.45) * half_y))
        roll = rng.random()
        if size > 0.05 and roll < 0.45 and not fast:
            part = paint_spiral(Place(rng, frame, place, size, {}))
        elif size > 0.04 and roll < 0.6 and not fast:
            part = paint_edge_on(Place(rng, frame, place, size, {}))
        else:
            part = _smooth_member(rng, frame, place, size)
        peak = max(float(part.max()), 1e-6)
        light += part / np.float32(peak) * np.float32(rng.uniform(0.4, 1.0))
    truth |= {"members": members, "disc_radius": round(scale, 4)}
    return light


def _smooth_member(
    rng: np.random.Generator, frame: Frame, place: tuple[float, float], size: float
) -> Field:
    q, angle = float(rng.uniform(0.35, 1.0)), float(rng.uniform(0, np.pi))
    r, _ = disc_coordinates(frame, place, angle, q)
    body = np.exp(-3.67 * ((r / np.float32(0.5 * size) + 1e-4) ** 0.5 - 0.3))
    body = body / (body + 1.5)
    return tinted(body, blackbody(float(rng.uniform(3700, 5600))))


PAINTERS: dict[str, Callable[[Place], Field]] = {
    "spiral": paint_spiral,
    "barred spiral": paint_barred,
    "edge-on": paint_edge_on,
    "elliptical": _elliptical,
    "lenticular": _lenticular,
    "irregular": paint_irregular,
    "merger": _merger,
    "ring": paint_ring,
    "group": _group,
}
