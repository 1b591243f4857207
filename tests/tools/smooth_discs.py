"""Bodies on black whose limbs are all that stands out: no two of other seeds are copies.

Radius and place differ by little, as in a series of one telescope; what a body is known by is soft.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

SIZE = (256, 256)


def _disc(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places on a disc, in radii: across and along its axis, and the share of light of its limb."""
    radius = 0.36 * SIZE[0] * rng.uniform(0.99, 1.01)
    tilt = np.deg2rad(rng.uniform(-12, 12))
    y, x = (np.mgrid[: SIZE[0], : SIZE[1]] - SIZE[0] / 2 + rng.uniform(-1, 1, (2, 1, 1))) / radius
    across, along = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    away = np.hypot(x, y)
    height = np.sqrt(np.clip(1 - away**2, 0, 1))
    inside = np.clip((1 - away) * radius / rng.uniform(0.7, 2.5) + 0.5, 0, 1)
    return across, along, inside * height ** rng.uniform(0.15, 0.8)


def banded(rng: np.random.Generator) -> np.ndarray:
    _, along, lit = _disc(rng)
    bands = ndimage.gaussian_filter1d(rng.normal(0, 1, 200), rng.uniform(4, 9))
    level = np.interp(along, np.linspace(-1.1, 1.1, 200), bands / bands.std())
    return lit * (150 + rng.uniform(12, 35) * level)


def few_bands(rng: np.random.Generator) -> np.ndarray:
    _, along, lit = _disc(rng)
    waves = rng.uniform(2, 6) * np.pi * along + rng.uniform(0, 2 * np.pi)
    return lit * (150 + rng.uniform(10, 40) * np.sin(waves))


def plain(rng: np.random.Generator) -> np.ndarray:
    across, along, lit = _disc(rng)
    dusk = 1 + rng.uniform(-0.3, 0.3) * across + rng.uniform(-0.3, 0.3) * along
    return lit * 150 * dusk


def ringed(rng: np.random.Generator) -> np.ndarray:
    across, along, lit = _disc(rng)
    bands = ndimage.gaussian_filter1d(rng.normal(0, 1, 200), 7)
    body = lit * (150 + 20 * np.interp(along * 2, np.linspace(-1.1, 1.1, 200), bands / bands.std()))
    body = ndimage.zoom(body, 0.55, order=1)
    out = np.zeros(SIZE)
    at = (SIZE[0] - body.shape[0]) // 2
    out[at : at + body.shape[0], at : at + body.shape[1]] = body
    away = np.hypot(across, along / rng.uniform(0.12, 0.4))
    profile = ndimage.gaussian_filter1d(rng.uniform(0, 160, 40), 1.5)
    ring = np.interp(away, np.linspace(0.78, 1.25, 40), profile, 0, 0)
    return np.where((along > 0) | (out < 20), np.maximum(out, ring), out)


def crescent(rng: np.random.Generator) -> np.ndarray:
    across, along, lit = _disc(rng)
    height = np.sqrt(np.clip(1 - across**2 - along**2, 0, 1))
    phase = rng.uniform(0.2, 2.6)
    return np.clip(across * np.sin(phase) + height * np.cos(phase), 0, 1) * (lit > 0) * 200


def dim_crescent(rng: np.random.Generator) -> np.ndarray:
    return crescent(rng) * rng.uniform(0.2, 0.4)


def sun(rng: np.random.Generator) -> np.ndarray:
    across, along, lit = _disc(rng)
    out = lit * 200
    for _ in range(rng.integers(0, 5)):
        far, angle = rng.uniform(0, 0.75), rng.uniform(0, 2 * np.pi)
        away = np.hypot(across - far * np.cos(angle), along - far * np.sin(angle))
        out *= 1 - 0.7 * np.exp(-((away / rng.uniform(0.015, 0.05)) ** 2))
    return out


def moon(rng: np.random.Generator) -> np.ndarray:
    across, along, lit = _disc(rng)
    ground = ndimage.gaussian_filter(rng.normal(0, 1, SIZE), 14)
    out = 140 + 18 * ground / ground.std()
    for _ in range(rng.integers(3, 9)):
        far, angle = rng.uniform(0, 0.85), rng.uniform(0, 2 * np.pi)
        wide, y, x = rng.uniform(0.04, 0.14), far * np.sin(angle), far * np.cos(angle)
        near = np.exp(-(np.hypot(across - x, along - y) ** 2) / wide**2)
        out += 90 * near * (across - x) / wide
    return lit * out


SMOOTH: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "soft-banded planets": banded,
    "planets with few bands": few_bands,
    "plain discs": plain,
    "ringed planets": ringed,
    "crescents": crescent,
    "dim crescents": dim_crescent,
    "suns": sun,
    "moons with few craters": moon,
}


def smooth_disc(kind: str, seed: int) -> Image.Image:
    """One of the kind, tinted, with a little noise of the camera."""
    rng = np.random.default_rng([seed, len(kind)])
    grey = SMOOTH[kind](rng)
    hue = rng.uniform(0.7, 1.0, 3)
    levels = grey[..., None] * hue + rng.normal(0, rng.uniform(0, 1.0), (*SIZE, 1))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
