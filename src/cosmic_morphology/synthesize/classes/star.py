"""Stars: clusters, fields, single bright stars, and the Sun (spots, prominences, eclipse)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, ridges, unit
from cosmic_morphology.synthesize.fields.star_field import (
    Floats,
    add_field_stars,
    place_stars,
    star_fluxes,
    star_temperatures,
    thin_dust,
)
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
    "globular cluster": 0.38,
    "open cluster": 0.24,
    "star field": 0.12,
    "bright star": 0.12,
    "double star": 0.04,
    "sun": 0.10,
}
DEEP_CAMERAS = ("amateur", "amateur", "smart", "plate", "plate", "survey", "space")


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """An image of stars.

    Globulars follow King profiles of concentration 0.7 to 2.3 (Harris 1996, AJ 112, 1487),
    open clusters a Plummer profile (Plummer 1911, MNRAS 71, 460).
    """
    subtype = choose(rng, SUBTYPES)
    if subtype == "sun":
        return paint_sun(rng, frame)
    truth: RenderParameters = {}
    light = frame.canvas()
    size = PAINTERS[subtype](rng, frame, light, truth)
    target = light.mean(axis=2)
    if subtype != "star field":
        density = float(np.exp(rng.uniform(np.log(25), np.log(4000))))
        if rng.random() < 0.12:
            light += thin_dust(rng, frame, strength=float(rng.uniform(0.02, 0.1)))[0]
        truth["field_stars"] = add_field_stars(
            rng, light, frame, density=density, faintest=float(rng.uniform(0.08, 0.4))
        )
    return Scene(
        light=light,
        target=target,
        subtype=subtype,
        object_px=size * frame.side,
        look="deep",
        cameras=DEEP_CAMERAS,
        truth=truth,
    )


def king_radii(
    rng: np.random.Generator, count: int, *, core: float, concentration: float
) -> Floats:
    """Projected radii of stars in a King (1962, AJ 67, 471) cluster, shape ``(count,)``.

    The surface density is ``((1 + (r/rc)**2)**-0.5 - (1 + (rt/rc)**2)**-0.5)**2`` inside the
    tidal radius ``rt = rc * 10**concentration``; radii are in the unit of ``core``.
    """
    tidal = 10.0**concentration
    x = np.concatenate([[0.0], np.geomspace(1e-3, tidal, 400)])
    edge = 1 / np.sqrt(1 + tidal**2)
    density = (1 / np.sqrt(1 + x**2) - edge) ** 2 * x
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))])
    return np.interp(rng.random(count), cumulative / cumulative[-1], x * core).astype(np.float32)


def plummer_radii(rng: np.random.Generator, count: int, *, core: float) -> Floats:
    """Projected radii in a Plummer cluster, ``core / sqrt(1/u - 1)`` inverted, up to 6 cores."""
    # Drawn below the cut, not clipped to it: the stars beyond would stand in a ring.
    u = rng.uniform(0, 0.973, count)
    return (core * np.sqrt(u / (1 - u))).astype(np.float32)


def _globular(
    rng: np.random.Generator, frame: Frame, light: Floats, truth: RenderParameters
) -> float:
    core = float(np.exp(rng.uniform(np.log(0.012), np.log(0.12))))
    concentration = float(rng.uniform(0.7, 1.5))
    count = int(np.exp(rng.uniform(np.log(1500), np.log(14000))))
    radius = king_radii(rng, count, core=core, concentration=concentration)
    phi = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    x0, y0 = (float(v) for v in rng.normal(0, 0.02, 2))
    flux = star_fluxes(rng, count, faintest=1.0, slope=float(rng.uniform(0.9, 1.5)), top=300)
    # The brightest stars of an old cluster are red giants, then the blue horizontal branch.
    bright = flux > np.quantile(flux, 0.93)
    giants = rng.normal(4300, 350, count)
    branch = rng.random(count) < float(rng.uniform(0.1, 0.4))
    kelvin = np.where(bright, np.where(branch, 10500, giants), rng.normal(6100, 400, count))
    colours = blackbody(np.clip(kelvin, 3200, 14000))
    # Exposure: how far the middle burns out.
    per_px = count * float(flux.mean()) / (np.pi * (4 * core * frame.side) ** 2)
    flux = flux * np.float32(rng.uniform(0.06, 0.6) / per_px)
    q = float(rng.uniform(0.85, 1))
    x, y = x0 + radius * np.cos(phi), y0 + radius * np.sin(phi) * np.float32(q)
    place_stars(light, frame, x, y, flux[:, None] * colours)
    truth |= {"king_core": round(core, 4), "king_concentration": round(concentration, 3)}
    truth |= {"cluster_stars": count, "axis_ratio": round(q, 3)}
    truth |= {"x": round(x0, 4), "y": round(y0, 4)}
    return min(1.0, 6 * core)


def _open(rng: np.random.Generator, frame: Frame, light: Floats, truth: RenderParameters) -> float:
    core = float(rng.uniform(0.07, 0.3))
    count = int(np.exp(rng.uniform(np.log(15), np.log(500))))
    radius = plummer_radii(rng, count, core=core)
    phi = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    scale = (frame.side / 256) ** 2
    flux = star_fluxes(rng, count, faintest=float(rng.uniform(0.5, 4)) * scale, slope=0.7, top=900)
    kelvin = np.clip(6500 * (flux / np.median(flux)) ** 0.18, 5000, 20000)
    red = rng.random(count) < 0.08
    colours = blackbody(np.where(red, 3900, kelvin))
    place_stars(light, frame, radius * np.cos(phi), radius * np.sin(phi), flux[:, None] * colours)
    if rng.random() < 0.2:
        haze = blurred(light, 10 * frame.side / 256)
        haze *= np.float32(rng.uniform(0.05, 0.5) / max(float(haze.max()), 1e-6))
        wisps = unit(power_law(rng, frame.shape, 3.0))[..., None]
        light += haze * wisps * np.array([0.5, 0.75, 1.4], dtype=np.float32)
    truth |= {"plummer_core": round(core, 4), "cluster_stars": count}
    return min(1.0, 4 * core)


def _field(rng: np.random.Generator, frame: Frame, light: Floats, truth: RenderParameters) -> float:
    density = float(np.exp(rng.uniform(np.log(600), np.log(12000))))
    haze, clear = thin_dust(rng, frame, strength=float(rng.choice([0.0, 0.02, 0.08, 0.15])))
    mask = clear**1.5 if rng.random() < 0.5 else None
    light += haze * (1 if mask is None else mask[..., None])
    truth["field_stars"] = add_field_stars(
        rng, light, frame, density=density, faintest=float(rng.uniform(0.1, 0.6)),
        slope=float(rng.uniform(0.8, 1.3)), mask=mask,
    )  # fmt: skip
    return 1.0


def _bright(
    rng: np.random.Generator, frame: Frame, light: Floats, truth: RenderParameters
) -> float:
    """One star far brighter than the rest, sometimes among thin dust."""
    kelvin = float(rng.choice([3300, 3600, 4200, 5800, 9500, 15000, 22000]))
    flux = float(np.exp(rng.uniform(np.log(120), np.log(20000)))) * (frame.side / 256) ** 2
    x, y = rng.normal(0, 0.04, (2, 1)).astype(np.float32)
    place_stars(light, frame, x, y, np.float32(flux) * blackbody([kelvin]) ** 1.5)
    if rng.random() < 0.3:
        light += thin_dust(rng, frame, strength=float(rng.uniform(0.03, 0.15)))[0]
    if rng.random() < 0.5:
        x_grid, y_grid = frame.grid(float(x[0]), float(y[0]))
        halo = np.exp(-np.hypot(x_grid, y_grid) / np.float32(rng.uniform(0.02, 0.09)))
        light += tinted(halo * np.float32(rng.uniform(0.1, 0.8)), blackbody(kelvin) ** 1.5)
    truth |= {"temperature_k": kelvin, "flux": round(flux, 1)}
    return 0.06 + 0.02 * float(np.log10(flux))


def _double(
    rng: np.random.Generator, frame: Frame, light: Floats, truth: RenderParameters
) -> float:
    gap = float(rng.uniform(0.05, 0.35))
    phi = float(rng.uniform(0, 2 * np.pi))
    x = np.array([-0.5, 0.5], dtype=np.float32) * np.float32(gap * np.cos(phi))
    y = np.array([-0.5, 0.5], dtype=np.float32) * np.float32(gap * np.sin(phi))
    flux = np.exp(rng.uniform(np.log(80), np.log(4000), 2)) * (frame.side / 256) ** 2
    colours = blackbody(star_temperatures(rng, 2)) ** 1.6
    place_stars(light, frame, x, y, flux[:, None].astype(np.float32) * colours)
    truth |= {"separation": round(gap, 3)}
    return gap


PAINTERS: dict[str, Callable[[np.random.Generator, Frame, Floats, RenderParameters], float]] = {
    "globular cluster": _globular,
    "open cluster": _open,
    "star field": _field,
    "bright star": _bright,
    "double star": _double,
}


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
    truth: RenderParameters = {"view": view, "radius": round(radius, 4)}
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


def _spots(
    rng: np.random.Generator, frame: Frame, x: Field, y: Field, truth: RenderParameters
) -> Field:
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
