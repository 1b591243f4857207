"""Galaxies seen as discs: spirals, barred, edge-on, irregular and ring galaxies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, power_law, ridges, unit
from cosmic_morphology.synthesize.fields.sersic import sersic
from cosmic_morphology.synthesize.scene import (
    Frame,
    RenderParameters,
    blackbody,
    mixed,
    rgb,
    smoothstep,
    tinted,
)

# Reddening of dust in the three channels relative to green (Cardelli, Clayton & Mathis 1989).
REDDENING = np.array([0.78, 1.0, 1.32], dtype=np.float32)


class Place(NamedTuple):
    """Where a galaxy is painted, and what is noted of it.

    Attributes
    ----------
    rng : numpy.random.Generator
        All random choices.
    frame : Frame
        The image's pixels.
    centre : tuple of float
        Its ``x`` and ``y`` from the middle of the frame, in units of the longer side.
    scale : float
        Radius of its disc, in the same unit.
    truth : dict
        Gets the parameters that were drawn.
    """

    rng: np.random.Generator
    frame: Frame
    centre: tuple[float, float]
    scale: float
    truth: RenderParameters


def paint_spiral(where: Place, *, barred: bool = False) -> Field:
    """A disc with logarithmic arms, knots of star formation, dust lanes, a bulge, maybe a bar."""
    rng, frame, centre, scale, truth = where
    q = float(rng.uniform(0.25, 1.0))
    angle = float(rng.uniform(0, np.pi))
    pitch = float(np.deg2rad(rng.uniform(9, 30)))
    arms = int(rng.choice([2, 2, 2, 3, 4]))
    flocculent = float(rng.uniform(0.3, 1.4))
    hand = float(rng.choice([-1, 1]))
    r, theta = disc_coordinates(frame, centre, angle, q)
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
    light += tinted(tamed(bulge, n_bulge) * np.float32(rng.uniform(0.6, 2.0)), blackbody(old))
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


def paint_barred(where: Place) -> Field:
    """A spiral with a bar."""
    return paint_spiral(where, barred=True)


def paint_edge_on(where: Place) -> Field:
    """A disc seen from the side: ``exp(-R/h) sech2(z/z0)`` (van der Kruit & Searle 1981)."""
    rng, frame, centre, scale, truth = where
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
    light += tinted(tamed(bulge, n) * np.float32(rng.uniform(0.3, 1.5)), blackbody(old))
    tau_0 = float(rng.uniform(0.0, 4.0))
    feather = 1 + 0.8 * power_law(rng, frame.shape, 2.6, outer=4.0)
    height = np.float32(float(rng.uniform(0.15, 0.4)) * flat * scale)
    lane = np.exp(-(((v - np.float32(tilt * scale)) / height) ** 2))
    lane = lane * np.exp(-((u / (0.8 * scale)) ** 4)) * np.maximum(feather, 0.1)
    truth |= {"flattening": round(flat, 3), "dust_optical_depth": round(tau_0, 2)}
    return np.asarray(light * np.exp(-tau_0 * lane[..., None] * REDDENING), dtype=np.float32)


def paint_irregular(where: Place) -> Field:
    """A Magellanic irregular: a lopsided disc, an off-centre bar, blue and pink knots."""
    rng, frame, centre, scale, truth = where
    q, angle = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0, np.pi))
    r, _ = disc_coordinates(frame, centre, angle, q)
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


def paint_ring(where: Place) -> Field:
    """A collisional ring around an old nucleus, as Hoag's object and the Cartwheel."""
    rng, frame, centre, scale, truth = where
    q, angle = float(rng.uniform(0.5, 1.0)), float(rng.uniform(0, np.pi))
    r, _ = disc_coordinates(frame, centre, angle, q)
    s = r / np.float32(scale)
    clumps = power_law(rng, frame.shape, 2.2, outer=4.0)
    ring = np.exp(-(((s - 0.85) / float(rng.uniform(0.06, 0.16))) ** 2))
    light = tinted(ring * np.clip(0.7 + 0.5 * clumps, 0.05, None), blackbody(12000))
    nucleus = sersic(frame, centre, n=2.5, radius=0.18 * scale, q=0.6 + 0.4 * q, angle=angle)
    light += tinted(tamed(nucleus, 2.5) * 1.5, blackbody(4700))
    truth |= {"axis_ratio": round(q, 3)}
    return light


def disc_coordinates(
    frame: Frame, centre: tuple[float, float], angle: float, q: float
) -> tuple[Field, Field]:
    """Radius and azimuth in the plane of a disc seen under the axis ratio ``q``."""
    u, v = frame.grid(*centre, angle=angle)
    v = v / np.float32(q)
    return np.hypot(u, v).astype(np.float32), np.arctan2(v, u).astype(np.float32)


def tamed(profile: Field, n: float) -> Field:
    """The profile with its cusp limited, as pixels and seeing limit it."""
    limit = np.float32(0.35 if n > 2 else 0.8)
    return np.asarray(profile / (profile + limit) * (1 + limit), dtype=np.float32)
