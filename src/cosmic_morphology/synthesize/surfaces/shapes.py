"""Shapes of small bodies as implicit surfaces on a coarse cube."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cosmic_morphology.synthesize.fields.noise import Field, between, volume

COARSE = 64
REACH = 1.15


def implicit(rng: np.random.Generator, shape: str) -> Field:
    """A coarse cube over [-1.15, 1.15]**3, positive inside the body: axes (z, y, x)."""
    axis = np.linspace(-REACH, REACH, COARSE, dtype=np.float32)
    z, y, x = axis[:, None, None], axis[None, :, None], axis[None, None, :]
    turn = _rotation(rng)
    p = [turn[i, 0] * x + turn[i, 1] * y + turn[i, 2] * z for i in range(3)]
    lumps = float(rng.uniform(0.06, 0.17))
    if shape == "contact binary":
        f = _two_lobes(rng, p)
    elif shape == "top-shaped":
        flat = np.sqrt(p[0] ** 2 + p[1] ** 2)
        f = 0.92 - (0.62 * flat + 0.5 * np.sqrt(flat**2 + 1.1 * p[2] ** 2) * 0.85
                    + 0.28 * np.abs(p[2]))  # fmt: skip
        lumps *= 0.4
    else:
        b, c = {
            "irregular": (rng.uniform(0.6, 0.9), rng.uniform(0.5, 0.8)),
            "elongated": (rng.uniform(0.35, 0.5), rng.uniform(0.33, 0.45)),
            "round": (rng.uniform(0.88, 1.0), rng.uniform(0.8, 0.95)),
        }[shape]
        f = 0.84 - np.sqrt(p[0] ** 2 + (p[1] / b) ** 2 + (p[2] / c) ** 2)
        if shape == "elongated":
            # A bend, as in Eros and Itokawa.
            f = f - np.float32(rng.uniform(0, 0.5)) * np.clip(p[1] / b, -0.6, 0.6) * (
                0.8 * p[0] ** 2 - 0.2
            )
        lumps *= 0.3 if shape == "round" else 1.3
    cube = volume(int(rng.integers(4)), 5.0)
    shift = tuple(int(v) for v in rng.integers(0, COARSE, 3))
    noise = np.roll(cube, shift, (0, 1, 2))
    noise = _magnified(noise[: COARSE // 2, : COARSE // 2, : COARSE // 2])
    f = f + np.float32(lumps) * noise
    for _ in range(int(rng.integers(0, 3)) if shape in {"irregular", "elongated"} else 0):
        f = np.minimum(f, _bite(rng, x, y, z))
    # Nothing reaches the faces of the cube.
    wall = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(z))
    return np.asarray(np.minimum(f, 1.08 - wall), dtype=np.float32)


def _magnified(cube: Field) -> Field:
    """A cube at twice its side, linear between its cells."""
    side = len(cube)
    weights = between(np.linspace(0, side - 1, 2 * side, dtype=np.float32), side)
    for _ in range(3):
        # Each product interpolates one axis and moves it to the end: three bring all back.
        cube = np.tensordot(cube, weights, axes=(0, 1))
    return np.asarray(cube, dtype=np.float32)


def _two_lobes(rng: np.random.Generator, p: list[Field]) -> Field:
    """Two ellipsoids that touch, joined by a neck."""
    small = float(rng.uniform(0.32, 0.48))
    large = float(rng.uniform(0.48, 0.6))
    gap = (small + large) * float(rng.uniform(0.64, 0.82))
    squash = rng.uniform(0.7, 1.0, 2)
    lobes = []
    for place, size, q in ((-gap * 0.45, large, squash[0]), (gap * 0.55, small, squash[1])):
        d = np.sqrt((p[0] - place) ** 2 + (p[1] / 0.95) ** 2 + (p[2] / q) ** 2)
        lobes.append(size - d)
    k = 0.09
    mixed = np.clip(0.5 + 0.5 * (lobes[0] - lobes[1]) / k, 0, 1)
    return np.asarray(lobes[1] * (1 - mixed) + lobes[0] * mixed + k * mixed * (1 - mixed))


def _bite(rng: np.random.Generator, x: Field, y: Field, z: Field) -> Field:
    """A great impact basin that cuts into the outline."""
    at = rng.standard_normal(3)
    at = at / np.linalg.norm(at) * float(rng.uniform(0.9, 1.15))
    size = float(rng.uniform(0.15, 0.4))
    return np.asarray(np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2) - size)


def front(inside: Field) -> tuple[Field, Field, Field]:
    """The side that faces +z.

    Returns
    -------
    depth : numpy.ndarray
        Height of the nearest surface, shape ``(64, 64)``, continued beyond the outline.
    margin : numpy.ndarray
        Positive inside the outline, shape ``(64, 64)``.
    normal : numpy.ndarray
        Outward normals (x, y, z) of the surface, shape ``(3, 64, 64)``, continued likewise.
    """
    margin = inside.max(axis=0)
    last = COARSE - 1 - np.argmax((inside > 0)[::-1], axis=0)
    here = _at(inside, last)
    beyond = _at(inside, np.minimum(last + 1, COARSE - 1))
    part = np.clip(here / np.maximum(here - beyond, 1e-6), 0, 1)
    depth = (last + part) / (COARSE - 1) * 2 * REACH - REACH
    slopes = [
        _at(np.roll(inside, 1, axis), last) - _at(np.roll(inside, -1, axis), last)
        for axis in (2, 1)
    ]
    slopes.append(_at(inside, np.maximum(last - 1, 0)) - beyond)
    normal = np.stack(slopes)
    normal = normal / (np.sqrt((normal**2).sum(axis=0)) + 1e-6)
    layers = np.concatenate([depth[None], normal]).astype(np.float32)
    layers = _continued(layers, margin > 0)
    return layers[0], margin.astype(np.float32), layers[1:]


def _at(cube: Field, depth: npt.NDArray[np.int64]) -> Field:
    return np.asarray(np.take_along_axis(cube, depth[None], axis=0)[0])


def _continued(layers: Field, known: npt.NDArray[np.bool_]) -> Field:
    """Layers ``(L, N, N)`` carried a little beyond the outline, so that they upsample cleanly."""
    layers = np.where(known, layers, 0.0)
    for _ in range(3):
        weight = ndimage.uniform_filter(known.astype(np.float32), 3)
        near = ndimage.uniform_filter(layers, (0, 3, 3)) / np.maximum(weight, 1e-6)
        fresh = (weight > 1e-3) & ~known
        layers = np.where(fresh, near, layers)
        known = known | fresh
    return np.asarray(layers, dtype=np.float32)


def _rotation(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A random rotation matrix from a random unit quaternion."""
    w, x, y, z = (v := rng.standard_normal(4)) / np.linalg.norm(v)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows, dtype=np.float32)
