"""Rings with their gaps, and the shadows that planet and rings cast on each other."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.scene import Frame, smoothstep

# Saturn's rings in planetary radii: C, B, Cassini division, A with Encke's gap (Cuzzi et al.
# 2010, Science 327, 1470): (inner, outer, opacity).
SATURN = ((1.24, 1.53, 0.12), (1.53, 1.95, 0.95), (1.95, 2.03, 0.08), (2.03, 2.21, 0.6),
          (2.22, 2.27, 0.55))  # fmt: skip


def add_rings(
    rng: np.random.Generator,
    frame: Frame,
    light: Field,
    mask: Field,
    centre: tuple[float, float],
    radius: float,
    sun: tuple[float, float, float],
    *,
    roll: float,
    tilt: float,
    faint: bool,
) -> Field:
    """The planet with its rings, the near half in front of it.

    Parameters
    ----------
    light, mask : numpy.ndarray
        Light of the planet ``(H, W, 3)`` and its coverage ``(H, W)``.
    centre, radius : tuple of float, float
        Place and radius of the planet in units of the longer side.
    sun : tuple of float
        Unit vector to the Sun in the frame's axes.
    roll, tilt : float
        Angle of the pole on the frame and its inclination to the viewer, radians.
    faint : bool
        Thin dark rings, as those of Uranus.
    """
    if abs(tilt) < 0.04:
        tilt = 0.04 if tilt >= 0 else -0.04
    u, v = frame.grid(*centre, angle=roll)
    u, v = u / np.float32(radius), v / np.float32(radius)
    sin, cos = float(np.sin(tilt)), float(np.cos(tilt))
    r = np.hypot(u, v / np.float32(sin))
    opacity = _opacity(r, faint=faint)
    # Depth of the ring plane towards the viewer: the near half hides the planet.
    near = (-v * (cos / sin)) > 0
    shown = opacity * np.where(near, 1.0, 1.0 - mask)
    brightness = _shadowed(u, v, sun, roll, sin, cos)
    colour = np.array([0.95, 0.86, 0.70] if not faint else [0.5, 0.55, 0.6], dtype=np.float32)
    level = np.float32(rng.uniform(0.5, 1.0) if not faint else 0.25)
    ringlight = (brightness * (0.5 + 0.5 * opacity))[..., None] * colour * level
    light = light * _cast(rng, u, v, mask)
    return np.asarray(light * (1 - shown[..., None]) + ringlight * shown[..., None], np.float32)


def _opacity(r: Field, *, faint: bool) -> Field:
    if faint:
        return np.asarray(0.5 * np.exp(-(((r - 2.0) / 0.02) ** 2)), dtype=np.float32)
    total = np.zeros(r.shape, dtype=np.float32)
    for inner, outer, tau in SATURN:
        total += (
            tau
            * smoothstep(inner - 0.01, inner + 0.01, r)
            * smoothstep(outer + 0.01, outer - 0.01, r)
        )
    ringlets = 1 + 0.12 * np.sin(r * 55) + 0.08 * np.sin(r * 131 + 1.0)
    return np.asarray(np.clip(total * ringlets, 0, 1), dtype=np.float32)


def _shadowed(
    u: Field, v: Field, sun: tuple[float, float, float], roll: float, sin: float, cos: float
) -> Field:
    """Sunlight on the rings: none in the cylinder of the planet's shadow."""
    depth = -v * np.float32(cos / sin)
    cr, sr = np.cos(roll), np.sin(roll)
    sx, sy, sz = sun[0] * cr + sun[1] * sr, sun[1] * cr - sun[0] * sr, sun[2]
    along = u * sx + v * sy + depth * sz
    off2 = u**2 + v**2 + depth**2 - along**2
    hidden = (along < 0) * smoothstep(1.02, 0.97, np.sqrt(np.maximum(off2, 0)))
    return np.asarray(1.0 - 0.97 * hidden, dtype=np.float32)


def _cast(rng: np.random.Generator, u: Field, v: Field, mask: Field) -> Field:
    """A thin dark line of the rings' shadow on the globe."""
    shift = float(rng.uniform(-0.2, 0.2))
    line = np.exp(-(((v - shift - 0.15 * np.sign(shift) * u**2) / 0.035) ** 2)) * mask
    return np.asarray(1 - 0.55 * line[..., None], dtype=np.float32)
