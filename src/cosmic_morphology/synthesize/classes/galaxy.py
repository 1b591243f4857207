"""Galaxies: spirals, barred, edge-on, elliptical, irregular, ring, merging and in groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, ridges, unit
from cosmic_morphology.synthesize.fields.sersic import sersic
from cosmic_morphology.synthesize.fields.star_field import add_distant_galaxies, add_field_stars
from cosmic_morphology.synthesize.scene import (
    Frame,
    RenderParameters,
    Scene,
    blackbody,
    choose,
    mixed,
    rgb,
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
# Reddening of dust in the three channels relative to green (Cardelli, Clayton & Mathis 1989).
REDDENING = np.array([0.78, 1.0, 1.32], dtype=np.float32)


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
    target = PAINTERS[subtype](rng, frame, (x0, y0), scale, truth)
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


def _disc_coordinates(
    frame: Frame, centre: tuple[float, float], angle: float, q: float
) -> tuple[Field, Field]:
    """Radius and azimuth in the plane of a disc seen under the axis ratio ``q``."""
    u, v = frame.grid(*centre, angle=angle)
    v = v / np.float32(q)
    return np.hypot(u, v).astype(np.float32), np.arctan2(v, u).astype(np.float32)


def _spiral(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
    *,
    barred: bool = False,
) -> Field:
    """A disc with logarithmic arms, knots of star formation, dust lanes, a bulge, maybe a bar."""
    q = float(rng.uniform(0.25, 1.0))
    angle = float(rng.uniform(0, np.pi))
    pitch = float(np.deg2rad(rng.uniform(9, 30)))
    arms = int(rng.choice([2, 2, 2, 3, 4]))
    flocculent = float(rng.uniform(0.3, 1.4))
    hand = float(rng.choice([-1, 1]))
    r, theta = _disc_coordinates(frame, centre, angle, q)
    s = r / np.float32(scale)
    wobble = power_law(rng, frame.shape, 3.2, outer=1 / max(scale, 0.1))
    fine = power_law(rng, frame.shape, 2.5, outer=0.7 / max(scale, 0.05))
    phase = arms * (hand * theta - np.log(np.maximum(s, 0.03)) / np.float32(np.tan(pitch)))
    phase = phase + np.float32(0.9 * flocculent) * wobble
    crest = 0.5 + 0.5 * np.cos(phase)
    sharp = float(rng.uniform(1.0, 3.0))
    reach = smoothstep(0.06, 0.25, s) * smoothstep(1.15, 0.7, s)
    arm = (crest**sharp) * reach * np.exp(np.float32(0.25 + 0.35 * flocculent) * fine)
    disc = np.exp(-s / np.float32(rng.uniform(0.28, 0.42))) * smoothstep(1.3, 0.7, s)
    young = float(rng.uniform(5500, 13000))
    old = float(rng.uniform(4200, 5400))
    light = tinted(disc * np.exp(np.float32(0.12) * fine) * np.float32(0.6), blackbody(old + 500))
    strength = float(rng.uniform(0.5, 2.0))
    light += tinted(strength * arm * (disc + 0.05), blackbody(young))
    knots = np.clip(fine + 0.8 * crest - 1.7, 0, None) ** 1.3 * reach * (disc + 0.08)
    pink = mixed(unit(wobble * 2), blackbody(18000), [1.6, 0.5, 0.75])
    light += (knots * np.float32(rng.uniform(0.5, 2.5)))[..., None] * pink
    lane = 0.5 + 0.5 * np.cos(phase + np.float32(1.0))
    filaments = ridges(power_law(rng, frame.shape, 3.0, outer=3.0), 0.35)
    tau = float(rng.uniform(0.2, 1.6)) * lane**4 * (0.3 + filaments) * smoothstep(0.04, 0.2, s)
    tau = tau * smoothstep(1.1, 0.6, s)
    light *= np.exp(-tau[..., None] * REDDENING)
    n_bulge = float(rng.uniform(1.0, 3.5))
    ratio = float(rng.uniform(0.05, 0.22))
    bulge = sersic(frame, centre, n=n_bulge, radius=ratio * scale, q=0.5 + 0.5 * q, angle=angle)
    light += tinted(_tamed(bulge, n_bulge) * np.float32(rng.uniform(0.6, 2.0)), blackbody(old))
    if barred:
        length = float(rng.uniform(0.25, 0.5))
        tilt = float(rng.uniform(0, np.pi))
        u, v = r * np.cos(theta - tilt), r * np.sin(theta - tilt)
        bar = np.exp(-((np.abs(u) / (length * scale)) ** 3) - (v / (0.09 * scale)) ** 2)
        light += tinted(bar.astype(np.float32) * np.float32(0.7), blackbody(old))
        truth["bar_length"] = round(length, 3)
    truth |= {
        "axis_ratio": round(q, 3),
        "pitch_deg": round(float(np.rad2deg(pitch)), 2),
        "arms": arms,
        "bulge_sersic_n": round(n_bulge, 1),
    }
    return light


def _barred(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    return _spiral(rng, frame, centre, scale, truth, barred=True)


def _tamed(profile: Field, n: float) -> Field:
    """The profile with its cusp limited, as pixels and seeing limit it."""
    limit = np.float32(0.35 if n > 2 else 0.8)
    return np.asarray(profile / (profile + limit) * (1 + limit), dtype=np.float32)


def _edge_on(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    """A disc seen from the side: ``exp(-R/h) sech2(z/z0)`` (van der Kruit & Searle 1981)."""
    angle = float(rng.uniform(0, np.pi))
    u, v = frame.grid(*centre, angle=angle)
    scale = scale * 1.35
    flat = float(rng.uniform(0.035, 0.1))
    tilt = float(rng.uniform(-0.06, 0.06))
    warp = float(rng.uniform(-0.05, 0.05)) if rng.random() < 0.3 else 0.0
    v = v - np.float32(warp) * u * np.abs(u) / np.float32(scale)
    fine = power_law(rng, frame.shape, 2.6, outer=3.0)
    disc = (
        np.exp(-np.abs(u) / np.float32(0.38 * scale))
        / np.cosh(np.clip(v / np.float32(flat * scale), -20, 20)) ** 2
    )
    disc *= smoothstep(1.3, 0.75, np.abs(u) / np.float32(scale))
    old = float(rng.uniform(4300, 5600))
    light = tinted(disc * (1 + 0.3 * fine), blackbody(float(rng.uniform(old, 8500))))
    thin = np.exp(-np.abs(u) / np.float32(0.5 * scale)) * np.exp(-((v / (0.5 * flat * scale)) ** 2))
    knots = np.clip(fine - 1.2, 0, None) * thin * smoothstep(1.1, 0.7, np.abs(u) / scale)
    light += tinted(knots * np.float32(rng.uniform(0.3, 1.5)), blackbody(15000) + rgb([0.2, 0, 0]))
    n = float(rng.uniform(1.0, 4.0))
    bulge = sersic(
        frame, centre, n=n, radius=float(rng.uniform(0.08, 0.3)) * scale,
        q=float(rng.uniform(0.5, 0.85)), angle=angle,
    )  # fmt: skip
    light += tinted(_tamed(bulge, n) * np.float32(rng.uniform(0.3, 1.5)), blackbody(old))
    tau_0 = float(rng.uniform(0.0, 4.0))
    feather = 1 + 0.8 * power_law(rng, frame.shape, 2.6, outer=4.0)
    height = np.float32(float(rng.uniform(0.15, 0.4)) * flat * scale)
    lane = np.exp(-(((v - np.float32(tilt * scale)) / height) ** 2))
    lane = lane * np.exp(-((u / (0.8 * scale)) ** 4)) * np.maximum(feather, 0.1)
    truth |= {"flattening": round(flat, 3), "dust_optical_depth": round(tau_0, 2)}
    return np.asarray(light * np.exp(-tau_0 * lane[..., None] * REDDENING), dtype=np.float32)


def _elliptical(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    n, q = float(rng.uniform(2.5, 6.0)), float(rng.uniform(0.45, 1.0))
    angle = float(rng.uniform(0, np.pi))
    radius = 0.4 * scale
    body = sersic(frame, centre, n=n, radius=radius, q=q, angle=angle)
    light = tinted(body, blackbody(float(rng.uniform(4000, 5200))))
    dusty = bool(rng.random() < 0.2)
    if dusty:
        light *= _dust_band(rng, frame, centre, scale)
    truth |= {"sersic_n": round(n, 1), "axis_ratio": round(q, 3), "dust_band": dusty}
    truth |= {"half_light_radius": round(radius, 4), "position_angle_deg": _degrees(angle)}
    return light


def _degrees(angle: float) -> float:
    return round(float(np.rad2deg(angle)), 1)


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


def _lenticular(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    q, angle = float(rng.uniform(0.25, 0.9)), float(rng.uniform(0, np.pi))
    kelvin = float(rng.uniform(4300, 5600))
    bulge = sersic(frame, centre, n=3.0, radius=0.15 * scale, q=0.5 + 0.5 * q, angle=angle)
    disc = sersic(frame, centre, n=1.0, radius=0.5 * scale, q=q, angle=angle)
    truth |= {"axis_ratio": round(q, 3)}
    light = tinted(_tamed(bulge, 3.0) + 0.35 * disc, blackbody(kelvin))
    if rng.random() < 0.4:
        light *= _dust_band(rng, frame, centre, 0.5 * scale)
    return light


def _irregular(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    """A Magellanic irregular: a lopsided disc, an off-centre bar, blue and pink knots."""
    q, angle = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0, np.pi))
    r, _ = _disc_coordinates(frame, centre, angle, q)
    coarse = power_law(rng, frame.shape, 3.2, outer=1.5 / max(scale, 0.1) * 0.3)
    fine = power_law(rng, frame.shape, 2.0, outer=4.0)
    s = r / np.float32(scale) * np.exp(0.25 * coarse)
    body = np.exp(-((s / 0.5) ** 1.6)) * (0.6 + 0.7 * unit(fine))
    light = tinted(body, blackbody(float(rng.uniform(5500, 8000))))
    knots = np.clip(fine + 0.4 * coarse - 1.3, 0, None) * np.exp(-((s / 0.6) ** 2))
    hue = unit(power_law(rng, frame.shape, 3.0))
    light += (1.4 * knots)[..., None] * mixed(hue, blackbody(16000), [1.8, 0.5, 0.7])
    truth |= {"axis_ratio": round(q, 3)}
    return light


def _merger(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    """Two galaxies in contact with tidal arms and a bridge (Toomre & Toomre 1972)."""
    away = float(rng.uniform(0, 2 * np.pi))
    gap = float(rng.uniform(0.5, 1.1)) * scale
    other = (centre[0] + gap * np.cos(away), centre[1] + gap * np.sin(away))
    light = _spiral(rng, frame, centre, scale * 0.8, truth)
    size = scale * float(rng.uniform(0.3, 0.7))
    second = _spiral if rng.random() < 0.5 else _elliptical
    light += second(rng, frame, (float(other[0]), float(other[1])), size, {}) * np.float32(
        rng.uniform(0.5, 1.2)
    )
    tails = np.zeros(frame.shape, dtype=np.float32)
    for sign, place in ((1, centre), (-1, other)):
        r, theta = _disc_coordinates(frame, (float(place[0]), float(place[1])), away, 0.7)
        lag = theta * sign - np.log(np.maximum(r / scale, 0.1)) * 1.6 + 0.6
        ridge = np.exp(-((np.sin(0.5 * lag) / 0.16) ** 2))
        tails += ridge * smoothstep(0.4, 0.9, r / scale) * smoothstep(2.4, 1.0, r / scale)
    rough = unit(power_law(rng, frame.shape, 2.6))
    light += tinted(blurred(tails * rough, 1.5) * np.float32(0.18), blackbody(7500))
    truth |= {"separation": round(gap, 3)}
    return light


def _ring(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    """A collisional ring around an old nucleus, as Hoag's object and the Cartwheel."""
    q, angle = float(rng.uniform(0.5, 1.0)), float(rng.uniform(0, np.pi))
    r, _ = _disc_coordinates(frame, centre, angle, q)
    s = r / np.float32(scale)
    clumps = power_law(rng, frame.shape, 2.2, outer=4.0)
    ring = np.exp(-(((s - 0.85) / float(rng.uniform(0.06, 0.16))) ** 2))
    light = tinted(ring * np.clip(0.7 + 0.5 * clumps, 0.05, None), blackbody(12000))
    nucleus = sersic(frame, centre, n=2.5, radius=0.18 * scale, q=0.6 + 0.4 * q, angle=angle)
    light += tinted(_tamed(nucleus, 2.5) * 1.5, blackbody(4700))
    truth |= {"axis_ratio": round(q, 3)}
    return light


def _group(
    rng: np.random.Generator,
    frame: Frame,
    centre: tuple[float, float],
    scale: float,
    truth: RenderParameters,
) -> Field:
    """A group or cluster: galaxies of a Schechter-like spread of sizes around a giant."""
    del centre
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
            part = _spiral(rng, frame, place, size, {})
        elif size > 0.04 and roll < 0.6 and not fast:
            part = _edge_on(rng, frame, place, size, {})
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
    r, _ = _disc_coordinates(frame, place, angle, q)
    body = np.exp(-3.67 * ((r / np.float32(0.5 * size) + 1e-4) ** 0.5 - 0.3))
    body = body / (body + 1.5)
    return tinted(body, blackbody(float(rng.uniform(3700, 5600))))


PAINTERS: dict[
    str, Callable[[np.random.Generator, Frame, tuple[float, float], float, RenderParameters], Field]
] = {
    "spiral": _spiral,
    "barred spiral": _barred,
    "edge-on": _edge_on,
    "elliptical": _elliptical,
    "lenticular": _lenticular,
    "irregular": _irregular,
    "merger": _merger,
    "ring": _ring,
    "group": _group,
}
