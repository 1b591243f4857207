"""Rings with their gaps, and the shadows that planet and rings cast on each other."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.scene import Frame, smoothstep

# Saturn's rings in planetary radii: C, B, Cassini division, A with Encke's gap (Cuzzi et al.
# 2010, Science 327, 1470): (inner, outer, opacity).
SATURN = ((1.24, 1.53, 0.12), (1.53, 1.95, 0.95), (1.95, 2.03, 0.08), (2.03, 2.21, 0.6),
          (2.22, 2.27, 0.55))  # fmt: skip
# Sine of the Sun's height over the rings below which their shadow is a line too thin to draw.
EDGE_ON = 0.01
# Light that passes through clear rings, seen from their unlit side.
UNLIT = 0.4


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
    cr, sr = float(np.cos(roll)), float(np.sin(roll))
    sun = (sun[0] * cr + sun[1] * sr, sun[1] * cr - sun[0] * sr, sun[2])
    brightness = _shadowed(u, v, sun, sin, cos)
    if (sun[1] * cos + sun[2] * sin) * sin < 0:
        # The Sun is on the other side of the rings: what is seen shines through.
        brightness = brightness * (1 - opacity) * np.float32(UNLIT)
    colour = np.array([0.95, 0.86, 0.70] if not faint else [0.5, 0.55, 0.6], dtype=np.float32)
    level = np.float32(rng.uniform(0.5, 1.0) if not faint else 0.25)
    ringlight = (brightness * (0.5 + 0.5 * opacity))[..., None] * colour * level
    light = light * (1 - mask * _cast(u, v, sun, sin, cos, faint=faint))[..., None]
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


def _shadowed(u: Field, v: Field, sun: tuple[float, float, float], sin: float, cos: float) -> Field:
    """Sunlight on the rings: none in the cylinder of the planet's shadow."""
    depth = -v * np.float32(cos / sin)
    sx, sy, sz = sun
    along = u * sx + v * sy + depth * sz
    off2 = u**2 + v**2 + depth**2 - along**2
    hidden = (along < 0) * smoothstep(1.02, 0.97, np.sqrt(np.maximum(off2, 0)))
    return np.asarray(1.0 - 0.97 * hidden, dtype=np.float32)


def _cast(
    u: Field, v: Field, sun: tuple[float, float, float], sin: float, cos: float, *, faint: bool
) -> Field:
    """Share of the sunlight that the rings take from the globe.

    A ray from a place on the globe to the Sun is followed to where it crosses the plane of the
    rings; what is opaque there shades the place.
    """
    w = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    towards_pole = sun[1] * cos + sun[2] * sin
    if abs(towards_pole) < EDGE_ON:
        return np.zeros(u.shape, dtype=np.float32)
    way = -(v * cos + w * sin) / towards_pole
    crossing = np.sqrt((u + way * sun[0]) ** 2 + (v + way * sun[1]) ** 2 + (w + way * sun[2]) ** 2)
    return np.asarray((way > 0) * _opacity(crossing, faint=faint), dtype=np.float32)
