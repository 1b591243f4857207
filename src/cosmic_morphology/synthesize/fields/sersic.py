"""Sérsic profiles: the smooth light of galaxies, their bulges and discs."""

from __future__ import annotations

import galsim
import numpy as np

from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.scene import Frame

# The middle of a profile is drawn on a grid finer by FINER, and its middle again, DEPTH times.
CORE_PX, FINER, DEPTH = 8, 8, 3


def sersic(
    frame: Frame, centre: tuple[float, float], *, n: float, radius: float, q: float, angle: float
) -> Field:
    """A Sérsic profile of half-light radius ``radius`` drawn by GalSim, brightest pixel 1.

    The radius is that of the circle with the area of the half-light ellipse. Pixels hold the mean
    of the profile over their area, also where it has a cusp.
    """
    profile = galsim.Sersic(n=round(n, 1), half_light_radius=radius * frame.side, trunc=0.0)
    profile = profile.shear(q=float(np.clip(q, 0.06, 1.0)), beta=angle * galsim.radians)
    # From the centre of the lower left pixel, in pixels.
    x = centre[0] * frame.side + (frame.width - 1) / 2
    y = centre[1] * frame.side + (frame.height - 1) / 2
    values = _sampled(profile, x, y, frame.width, frame.height)[::-1]
    return np.asarray(values / max(float(values.max()), 1e-12), dtype=np.float32)


def _sampled(
    profile: galsim.GSObject, x: float, y: float, width: int, height: int, depth: int = DEPTH
) -> Field:
    """Light in each pixel of a ``(height, width)`` grid, for a profile centred on ``(x, y)``.

    A value in the middle of a pixel is not its mean where the profile has a cusp: with a Sérsic
    index of 4 the middle pixel alone would hold half of the light. So the pixels around the centre
    are sampled ever more finely and summed.
    """
    moved = profile.shift(x - (width - 1) / 2, y - (height - 1) / 2)
    image = galsim.ImageD(width, height, scale=1.0)
    moved.drawImage(image=image, method="no_pixel")
    values = np.asarray(image.array)
    left, bottom = round(x) - CORE_PX // 2, round(y) - CORE_PX // 2
    rows = slice(max(0, bottom), max(0, min(height, bottom + CORE_PX)))
    cols = slice(max(0, left), max(0, min(width, left + CORE_PX)))
    if depth and values[rows, cols].size:
        size = CORE_PX * FINER
        inner = [FINER * (place + 0.5) - 0.5 for place in (x - left, y - bottom)]
        fine = _sampled(profile.dilate(FINER), inner[0], inner[1], size, size, depth - 1)
        core = fine.reshape(CORE_PX, FINER, CORE_PX, FINER).sum(axis=(1, 3))
        values[rows, cols] = core[
            rows.start - bottom : rows.stop - bottom, cols.start - left : cols.stop - left
        ]
    return values
