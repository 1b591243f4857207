"""Targets out of their images: what stands above the sky, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cosmic_morphology.synthesize.camera.expose import LUMINANCE, Pixels
from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.scene import smoothstep

Mask = npt.NDArray[np.bool_]
# A target smaller than this is lost on another sky; one that touches more of the edge is cut off.
_LEAST_SHARE, _MOST_SHARE = 0.002, 0.75
# A body that is cut off shows it at once; faint light fades over the edge.
_MOST_EDGE_SOLID, _MOST_EDGE = 0.01, 0.10
# Of the noise of the sky: where a target begins, and where it is all there.
_BEGINS, _WHOLE = 3.0, 8.0
_BRIGHT_SKY = 0.45
_SHUT = 0.03
_RIM_PX = 2


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A target without its sky.

    Attributes
    ----------
    light : ndarray of float32, shape ``(H, W, 3)``
        Above the sky, 0 to 1.
    alpha : ndarray of float32, shape ``(H, W)``
        How far a pixel belongs to the target, 0 to 1.
    share : float
        Of the image that the target covers.
    """

    light: Field
    alpha: Field
    share: float


def cut_out(pixels: Pixels, *, solid: bool, scattered: bool = False) -> Cutout | None:
    """The target of an image; None where it cannot be told from its sky or is cut off.

    The sky is the median of the frame's edge, its noise the scaled median deviation there
    (1.4826 MAD, as in Huber 1981).

    Parameters
    ----------
    pixels : ndarray of uint8, shape ``(H, W, 3)``
        The image.
    solid : bool
        A body that hides what is behind it: its dark parts belong to it, too.
    scattered : bool
        A target in many pieces, such as a star cluster: everything above the sky is taken.
    """
    shown = pixels.astype(np.float32) / 255.0
    sky, noise = _sky(shown)
    if float(sky @ LUMINANCE) > _BRIGHT_SKY:
        return None
    above = shown - sky
    level = above @ LUMINANCE
    sure = np.asarray(ndimage.gaussian_filter(level, 1.0) > max(_WHOLE / 2 * noise, 0.02))
    if scattered:
        return _cut_scattered(above, sure)
    body = _largest(sure, solid=solid)
    share = float(body.mean())
    most = _MOST_EDGE_SOLID if solid else _MOST_EDGE
    if not _LEAST_SHARE < share < _MOST_SHARE or _on_edge(body) > most:
        return None
    if solid:
        # What stands out of the noise reaches beyond the limb, where the old sky would show.
        inside = ndimage.binary_erosion(body, iterations=_RIM_PX)
        alpha = ndimage.gaussian_filter(inside.astype(np.float32), 0.8)
        return Cutout(shown, np.clip(2 * alpha - 0.5, 0, 1), share)
    # Light fades: the edge of the mask lies well outside of what stands out of the noise.
    reach = max(2.0, 0.06 * max(level.shape))
    near = ndimage.distance_transform_edt(~body)
    alpha = smoothstep(reach, 0.0, near)
    faint = smoothstep(_BEGINS / 3 * noise, _BEGINS * noise, ndimage.gaussian_filter(level, 1.0))
    return Cutout(np.clip(above, 0, 1), np.asarray(alpha * np.maximum(faint, _rim(alpha))), share)


def _cut_scattered(above: Field, sure: Mask) -> Cutout | None:
    share = float(sure.mean())
    if not _LEAST_SHARE < share < _MOST_SHARE:
        return None
    height, width = sure.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    # No edge of the frame may be seen on the other sky.
    vignette = smoothstep(1.0, 0.7, np.maximum(np.abs(x), np.abs(y)).astype(np.float32))
    return Cutout(np.clip(above, 0, 1), vignette, share)


def _sky(shown: Field) -> tuple[Field, float]:
    height, width = shown.shape[:2]
    ring = max(2, round(0.06 * min(height, width)))
    edge = np.ones((height, width), dtype=bool)
    edge[ring:-ring, ring:-ring] = False
    sky = np.median(shown[edge], axis=0).astype(np.float32)
    level = shown[edge] @ LUMINANCE
    spread = 1.4826 * float(np.median(np.abs(level - np.median(level))))
    return sky, max(spread, 1 / 255)


def _largest(sure: Mask, *, solid: bool) -> Mask:
    """The largest connected piece, without holes where it is a body."""
    if solid:
        # Craters and shadows cut a body into pieces.
        steps = max(1, round(_SHUT * max(sure.shape)))
        # Padded, or a body that is cut off would be shrunk away from the edge that cuts it.
        padded = np.pad(sure, steps, mode="edge")
        closed = ndimage.binary_closing(padded, iterations=steps)
        sure = closed[steps:-steps, steps:-steps]
    pieces, count = ndimage.label(sure)
    if not count:
        return np.zeros_like(sure)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    found = pieces == int(sizes.argmax())
    return np.asarray(ndimage.binary_fill_holes(found) if solid else found)


def _on_edge(body: Mask) -> float:
    """Share of the frame's edge that the target touches."""
    edge = np.concatenate([body[0], body[-1], body[:, 0], body[:, -1]])
    return float(edge.mean())


def _rim(alpha: Field) -> Field:
    """Inside of the body every pixel counts, also a dark lane."""
    return np.asarray(alpha >= 1.0, dtype=np.float32)
