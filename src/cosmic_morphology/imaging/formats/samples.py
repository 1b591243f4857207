"""Images deeper than 8 bits: their counts, and the 8-bit image that is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from cosmic_morphology.imaging.colour import colour_managed
from cosmic_morphology.imaging.orientation import UPRIGHT, upright
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, reject
from cosmic_morphology.imaging.stretch import stretched


@dataclass(frozen=True)
class Samples:
    """Counts as a file holds them.

    Attributes
    ----------
    counts : ndarray of shape ``(height, width, 1)`` or ``(height, width, 3)``
        Grey, or red, green and blue; more is brighter, whatever the file says is white.
    opacity : ndarray of shape ``(height, width)``, optional
        From 0 (cannot be seen) to 1.
    premultiplied : bool
        The counts have been multiplied by the opacity.
    orientation : int
        As in EXIF, 1 to 8.
    said : dict
        What the file says of its colours, as Pillow calls it (``icc_profile``, ``gamma``, …).
    levels : bool
        The counts are 8-bit levels, made for the eye.
    """

    counts: np.ndarray
    opacity: np.ndarray | None = None
    premultiplied: bool = False
    orientation: int = UPRIGHT
    said: dict[Any, Any] = field(default_factory=dict)
    levels: bool = False


def check_decoded_bytes(count: int, limits: ImageLimits, *, where: str = "") -> None:
    """Refuse what would unpack to more bytes than allowed (``too_many_pixels``)."""
    if count > limits.max_decoded_bytes:
        what = (
            f"the image unpacks to {count:,} bytes; "
            f"at most {limits.max_decoded_bytes:,} are decoded"
        )
        todo = "Take a smaller rendition, or raise max_decoded_bytes."
        raise reject(RejectionKind.TOO_MANY_PIXELS, what, where, todo)


def developed(samples: Samples, *, where: str = "") -> Image.Image:
    """The counts as an upright 8-bit image, ``L`` or sRGB ``RGB``; what is transparent is black.

    Raises
    ------
    ImageError
        ``blank``: no two finite counts that can be seen differ.
    """
    opacity = samples.opacity
    levels = np.ascontiguousarray(samples.counts)
    if not samples.levels:
        levels = stretched(samples.counts, known=None if opacity is None else opacity > 0)
        if not levels.any():
            what = "the image is blank: no two finite counts on it differ"
            raise reject(
                RejectionKind.BLANK, what, where, "Look at what the archive really serves."
            )
    image = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
    image = colour_managed(image, samples.said)
    if opacity is not None:
        if samples.premultiplied:
            opacity = (opacity > 0).astype(np.float32)
        mask = Image.fromarray(np.rint(opacity * 255).astype(np.uint8))
        ground = Image.new(image.mode, image.size)
        ground.paste(image, mask=mask)
        image = ground
    return upright(image, samples.orientation)
