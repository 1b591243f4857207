"""Comets: coma, dust tail, ion tail, trailed stars; and nuclei seen from close by."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, unit
from cosmic_morphology.synthesize.fields.star_field import add_field_stars, thin_dust
from cosmic_morphology.synthesize.scene import (
    Frame,
    RenderParameters,
    Scene,
    choose,
    rgb,
    smoothstep,
    tinted,
)
from cosmic_morphology.synthesize.surfaces.body import render_body

SUBTYPES = {
    "two tails": 0.26,
    "dust tail": 0.28,
    "ion tail": 0.16,
    "coma": 0.16,
    "nucleus": 0.14,
}


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """A comet on the sky or its nucleus.

    The coma's surface brightness falls as 1/rho (Haser 1957; A'Hearn et al. 1984, AJ 89, 579).
    Dust grains leave the nucleus at all ages and are pushed away by sunlight with accelerations
    proportional to beta (Finson & Probstein 1968, ApJ 154, 327). C2 glows green at 516 nm, CO+
    blue at 400 to 460 nm.
    """
    subtype = choose(rng, SUBTYPES)
    if subtype == "nucleus":
        return _nucleus(rng, frame)
    away = float(rng.uniform(0, 2 * np.pi))
    reach = float(rng.uniform(0.25, 1.2)) if subtype != "coma" else 0.15
    # The head sits up-tail of the middle, so that the tail fits.
    back = float(np.clip(0.42 * reach, 0.02, 0.3)) * float(rng.uniform(0.5, 1.1))
    half_x, half_y = frame.half
    head = (
        float(np.clip(-back * np.cos(away) + rng.normal(0, 0.03), -0.85 * half_x, 0.85 * half_x)),
        float(np.clip(-back * np.sin(away) + rng.normal(0, 0.03), -0.85 * half_y, 0.85 * half_y)),
    )
    # Counterclockwise from the right, in degrees, as all angles on the frame.
    truth: RenderParameters = {
        "sun_angle_deg": round((float(np.rad2deg(away)) + 180) % 360, 1),
        "x": round(head[0], 4),
        "y": round(head[1], 4),
    }
    target = _coma(rng, frame, head, truth)
    dust = subtype in {"two tails", "dust tail"} or (subtype == "coma" and rng.random() < 0.5)
    truth["dust_tail"], truth["ion_tail"] = dust, subtype in {"two tails", "ion tail"}
    if dust:
        target += _dust_tail(rng, frame, head, away, reach * (0.5 if subtype == "two tails" else 1))
    if truth["ion_tail"]:
        target += _ion_tail(rng, frame, head, away, reach)
    target *= np.float32(rng.uniform(0.6, 1.6))
    light = target.copy()
    _sky(rng, frame, light, away, truth)
    if rng.random() < 0.2:
        # Black and white, as comet observers and solar observatories show it.
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    truth["negative"] = bool(rng.random() < 0.06)
    if dust or truth["ion_tail"]:
        truth["tail_length"] = round(reach, 3)
    return Scene(
        light=light.astype(np.float32),
        target=target.mean(axis=2),
        subtype=subtype,
        object_px=min(1.0, reach + 0.1) * frame.side,
        look="deep",
        cameras=("amateur", "amateur", "amateur", "smart", "plate", "survey", "space"),
        truth=truth,
    )


def _coma(
    rng: np.random.Generator, frame: Frame, head: tuple[float, float], truth: RenderParameters
) -> Field:
    """Light of the coma, ``(H, W, 3)``: dust as 1/rho inside, gas with a scale length."""
    x, y = frame.grid(*head)
    rho = np.hypot(x, y)
    size = float(np.exp(rng.uniform(np.log(0.006), np.log(0.045))))
    scale = np.float32(size)
    colour = choose(rng, {"green": 0.5, "blue": 0.2, "white": 0.2, "yellow": 0.1})
    gas = {
        "green": [0.25, 1.0, 0.65],
        "blue": [0.35, 0.7, 1.0],
        "white": [0.9, 0.95, 1.0],
        "yellow": [1.0, 0.9, 0.6],
    }[colour]
    cloud = np.exp(-rho / scale) + 0.25 * np.exp(-rho / (2.5 * scale))
    core = 0.35 * scale / (rho + np.float32(0.15) * scale + 1e-4) * np.exp(-rho / (1.5 * scale))
    nucleus = np.exp(-((rho / np.float32(0.2 * size + 0.003)) ** 2)) * np.float32(rng.uniform(0, 4))
    truth |= {"coma_scale": round(size, 4), "gas": colour}
    light = tinted(cloud * np.float32(rng.uniform(0.5, 1.3)), gas)
    return light + tinted(core * np.float32(0.4) + nucleus, [1.0, 0.97, 0.9])


def _dust_tail(
    rng: np.random.Generator, frame: Frame, head: tuple[float, float], away: float, reach: float
) -> Field:
    """Grains by the ten thousand on their way: a fan that bends behind the comet's motion."""
    grains = 24000
    age = rng.random(grains, dtype=np.float32) ** 0.7
    beta = np.exp(rng.uniform(np.log(0.05), np.log(1.0), grains)).astype(np.float32)
    far = beta * age**2
    # Lag behind the radius vector grows as age times distance: the tail curves.
    lag = np.float32(rng.normal(0, 0.35)) * far * age
    spread = np.float32(rng.uniform(0.02, 0.10)) * (age + 0.1)
    sideways = lag + spread * rng.standard_normal(grains, dtype=np.float32)
    along = far + 0.02 * rng.standard_normal(grains, dtype=np.float32) * age
    along = along * np.float32(reach)
    sideways = sideways * np.float32(reach)
    x = head[0] + along * np.cos(away) - sideways * np.sin(away)
    y = head[1] + along * np.sin(away) + sideways * np.cos(away)
    cols, rows = frame.pixels(x, y)
    # Light fades as grains spread; synchrones (outbursts) make streaks.
    weight = np.exp(-1.5 * far) * (1 + 0.4 * np.sin(age * float(rng.uniform(5, 40))))
    tail, _, _ = np.histogram2d(
        rows, cols, bins=frame.shape, weights=weight,
        range=((-0.5, frame.height - 0.5), (-0.5, frame.width - 0.5)),
    )  # fmt: skip
    px = frame.side / 256
    smooth = blurred(tail.astype(np.float32), 1.2 * px) * 0.4 + blurred(
        tail.astype(np.float32), 4 * px
    )
    smooth = smooth / np.float32(max(float(np.percentile(smooth, 99.7)), 1e-6))
    colours = [
        [1.0, 0.9, 0.7],
        [1.0, 0.97, 0.92],
        [0.75, 0.9, 1.0],
        [0.5, 1.0, 0.8],
        [0.45, 0.7, 1.0],
    ]
    colour = colours[int(rng.choice(5, p=[0.25, 0.3, 0.2, 0.1, 0.15]))]
    return tinted(smooth * np.float32(rng.uniform(0.35, 1.3)), colour)


def _ion_tail(
    rng: np.random.Generator, frame: Frame, head: tuple[float, float], away: float, reach: float
) -> Field:
    """Narrow straight rays blown by the solar wind, with kinks that travel down the tail."""
    u, v = frame.grid(*head, angle=away + float(rng.normal(0, 0.06)))
    length = np.float32(max(reach, 0.3) * rng.uniform(0.9, 1.5))
    wave = power_law(rng, (1, frame.side * 2), 2.6)[0]
    place = np.clip(u / np.float32(1.5), 0, 1) * (frame.side * 2 - 1)
    kink = wave[place.astype(np.int64)] * np.clip(u, 0, None) * np.float32(rng.uniform(0.0, 0.03))
    total = np.zeros(frame.shape, dtype=np.float32)
    for _ in range(int(rng.integers(3, 12))):
        fan = np.float32(rng.normal(0, 0.045))
        wide = np.float32(rng.uniform(0.002, 0.006)) + np.clip(u, 0, None) * np.float32(
            rng.uniform(0.006, 0.03)
        )
        total += np.exp(-(((v - fan * u - kink) / wide) ** 2)) * np.float32(rng.uniform(0.3, 1))
    knots = 0.6 + 0.6 * unit(power_law(rng, frame.shape, 3.0, outer=3.0))
    total *= smoothstep(-0.01, 0.02, u) * np.exp(-np.clip(u, 0, None) / length * 1.8) * knots
    colour = rgb([[0.3, 0.5, 1.0], [0.4, 0.75, 1.0], [0.55, 0.5, 1.0]][int(rng.integers(3))])
    return tinted(total * np.float32(rng.uniform(0.04, 0.25)), colour)


def _sky(
    rng: np.random.Generator, frame: Frame, light: Field, away: float, truth: RenderParameters
) -> None:
    """Stars, trailed when the telescope followed the comet; now and then dust, in place."""
    trail = (0.0, 0.0)
    if rng.random() < 0.35:
        trail = (float(rng.uniform(0.012, 0.07)), away + float(rng.normal(0, 0.8)))
    if rng.random() < 0.08:
        light += thin_dust(rng, frame, strength=0.08)[0]
    truth["field_stars"] = add_field_stars(
        rng, light, frame, density=float(np.exp(rng.uniform(np.log(20), np.log(1200)))),
        faintest=float(rng.uniform(0.1, 0.5)), trail=trail,
    )  # fmt: skip
    truth["star_trail"] = round(trail[0], 4)


def _nucleus(rng: np.random.Generator, frame: Frame) -> Scene:
    """A dark nucleus with jets, as 1P, 67P, 103P and 9P were seen."""
    half = min(frame.half)
    radius = float(rng.uniform(0.45, 0.95)) * half
    shape = choose(rng, {"contact binary": 0.7, "elongated": 0.2, "irregular": 0.1})
    body = render_body(
        rng,
        frame,
        shape=shape,
        radius=radius,
        phase=float(np.deg2rad(rng.uniform(30, 100))),
        craters=int(rng.integers(5, 30)),
        boulders=int(rng.integers(20, 120)),
        roughness=float(rng.uniform(1.2, 2.8)),
    )
    truth = body.truth
    x, y = frame.grid()
    rho, theta = np.hypot(x, y), np.arctan2(y, x)
    jets = np.zeros(frame.shape, dtype=np.float32)
    for _ in range(int(rng.integers(1, 6))):
        at, wide = float(rng.uniform(-np.pi, np.pi)), float(rng.uniform(0.06, 0.4))
        d = np.angle(np.exp(1j * (theta - at))) / wide
        jets += np.exp(-(d**2)) * np.exp(-rho / np.float32(rng.uniform(0.15, 0.5)))
    haze = np.exp(-rho / np.float32(0.4)) * np.float32(rng.uniform(0, 0.06))
    glow = (
        jets
        * np.float32(rng.uniform(0.0, 0.16))
        * (0.7 + 0.4 * unit(power_law(rng, frame.shape, 3)))
    )
    total = body.light * np.float32(rng.uniform(0.3, 0.9)) + (glow + haze) * (1 - 0.9 * body.mask)
    tint = [1.0, 1.0, 1.0] if rng.random() < 0.75 else [1.05, 1.0, 0.92]
    return Scene(
        light=tinted(total.astype(np.float32), tint),
        target=body.light,
        subtype="nucleus",
        object_px=2 * radius * frame.side,
        look="solid",
        cameras=("spacecraft",),
        truth=truth,
    )
