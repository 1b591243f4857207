"""Images whose only structure is one smooth outline: no two of other seeds are copies.

Place, size, sharpness, colour and noise differ. Moved and scaled, most would fit each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

Grid = tuple[np.ndarray, np.ndarray]


def _centre(rng: np.random.Generator, reach: float = 0.16) -> np.ndarray:
    return np.asarray(rng.uniform(0.5 - reach, 0.5 + reach, 2))


def _step(inside: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """1 where this is positive, with an edge of some softness (in sides of the image)."""
    return np.asarray(np.clip(inside / rng.uniform(0.006, 0.03) + 0.5, 0, 1))


def _tilted(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Grid:
    centre, angle = _centre(rng), rng.uniform(0, np.pi)
    x, y = x - centre[0], y - centre[1]
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def ring(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    away = np.hypot(*(each for each in _tilted(rng, x, y)))
    return np.exp(-(((away - rng.uniform(0.13, 0.28)) / rng.uniform(0.025, 0.04)) ** 2))


def disc(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    away, radius = np.hypot(*_tilted(rng, x, y)), rng.uniform(0.1, 0.3)
    dark = np.sqrt(np.clip(1 - (away / radius) ** 2, 0, 1)) ** rng.uniform(0, 0.8)
    return _step(radius - away, rng) * dark


def limb(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    radius = rng.uniform(0.5, 1.5)
    return _step(radius - np.hypot(along, across - radius), rng)


def crescent(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    radius = rng.uniform(0.15, 0.35)
    across, along = (each / radius for each in _tilted(rng, x, y))
    height = np.sqrt(np.clip(1 - across**2 - along**2, 0, 1))
    phase = rng.uniform(0.3, 2.5)
    lit = np.clip(across * np.sin(phase) + height * np.cos(phase), 0, 1)
    return lit * _step(1 - np.hypot(across, along), rng)


def gradient(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    return 0.4 + rng.uniform(0.2, 0.5) * along + rng.uniform(-0.6, 0.6) * across**2


def blob(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    away = np.hypot(along, across / rng.uniform(0.4, 1)) / rng.uniform(0.04, 0.12)
    return np.exp(-(away ** rng.uniform(1, 2)))


def comet(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    wide = rng.uniform(0.015, 0.04) + rng.uniform(0.1, 0.3) * np.clip(along, 0, None)
    tail = np.exp(-((across / wide) ** 2) - np.abs(along) / np.where(along > 0, 0.25, 0.03))
    return 0.7 * tail + np.exp(-np.hypot(along, across) / rng.uniform(0.015, 0.04))


def two_discs(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    apart = rng.uniform(0.12, 0.25)
    one = _step(rng.uniform(0.04, 0.11) - np.hypot(along - apart, across), rng)
    return np.maximum(one, _step(rng.uniform(0.04, 0.11) - np.hypot(along + apart, across), rng))


def box(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A frame or a filled square, upright as a picture of a window is."""
    centre, half = _centre(rng), rng.uniform(0.1, 0.3, 2)
    inside = np.minimum(half[0] - np.abs(x - centre[0]), half[1] - np.abs(y - centre[1]))
    wide = rng.uniform(0.02, 0.06)
    return _step(inside, rng) if rng.random() < 0.5 else _step(wide - np.abs(inside), rng)


def bar(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along, across = _tilted(rng, x, y)
    return np.exp(
        -np.abs(along) / rng.uniform(0.15, 0.3) - np.abs(across) / rng.uniform(0.02, 0.05)
    )


def spikes(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One star, with the four spikes that a spider leaves."""
    centre = _centre(rng)
    x, y = np.abs(x - centre[0]), np.abs(y - centre[1])
    wide, long = rng.uniform(0.008, 0.02), rng.uniform(0.08, 0.25)
    light = np.exp(-np.hypot(x, y) / rng.uniform(0.02, 0.06))
    for one, other in ((x, y), (y, x)):
        light = light + 0.6 * np.exp(-one / long - (other / wide) ** 2)
    return light


def flat(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What is left of a frame that was divided by another: noise of some grain."""
    grain = ndimage.gaussian_filter(rng.normal(size=x.shape), rng.uniform(0.3, 1.5))
    return 0.4 + 0.05 * grain / grain.std()


SHAPES: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]] = {
    "rings": ring,
    "discs": disc,
    "limbs": limb,
    "crescents": crescent,
    "gradients": gradient,
    "blobs": blob,
    "comets": comet,
    "two discs": two_discs,
    "boxes": box,
    "bars": bar,
    "stars with spikes": spikes,
    "flat frames": flat,
}


def smooth_shape(
    kind: str, seed: int, *, side_px: int = 96, noise_levels: float | None = None
) -> Image.Image:
    """One of the kind, coloured, with the noise of a camera (0 to 5 levels unless it is given)."""
    rng = np.random.default_rng([seed, list(SHAPES).index(kind)])
    y, x = (np.mgrid[:side_px, :side_px] + 0.5) / side_px
    lit = SHAPES[kind](rng, x, y)
    colour = rng.uniform(0.5, 1, 3) * rng.uniform(140, 235)
    noise = rng.uniform(0, 5) if noise_levels is None else noise_levels
    levels = rng.uniform(4, 25) + lit[..., None] * colour
    levels = levels + rng.normal(0, 1, (side_px, side_px, 3)) * noise
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
