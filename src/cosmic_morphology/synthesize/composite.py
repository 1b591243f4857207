"""Background randomisation: one target, another sky.

A classifier that learns from few archives learns their skies as well (a comet is what has trailed
stars and a grey sky). Targets cut out of their images and laid onto other skies part the two
(background randomisation: Xiao et al. 2020, arXiv:2006.09994; "cut, paste and learn": Dwibedi et
al. 2017, ICCV).
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy import ndimage

from cosmic_morphology.synthesize.camera.cameras import CAMERAS
from cosmic_morphology.synthesize.camera.expose import LUMINANCE, Pixels, expose
from cosmic_morphology.synthesize.cutout import Cutout, cut_out
from cosmic_morphology.synthesize.fields.noise import Field
from cosmic_morphology.synthesize.fields.star_field import (
    add_distant_galaxies,
    add_field_stars,
    thin_dust,
)
from cosmic_morphology.synthesize.scene import Frame, RenderParameters, Scene

SOLID, SCATTERED = frozenset({"planet", "asteroid"}), frozenset({"star"})
# A small piece is a point or a trail in a star field, whatever the class: its light is added.
_SOLID_FROM = 0.02
_SKY_CAMERAS = ("amateur", "smart", "plate", "survey", "space")
_TRIES = 24
# Brighter than this in a quarter of its pixels, a square is no sky (0 to 1).
_MOST_FILLED = 0.35
# A target that changes its new sky by less than this is lost on it (0 to 1).
_LEAST_SEEN = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """A target on another sky.

    Attributes
    ----------
    pixels : ndarray of uint8, shape ``(H, W, 3)``
    parameters : dict
        How it was laid there, JSON-able.
    """

    pixels: Pixels = field(repr=False)
    parameters: RenderParameters

    def jpeg(self, quality: int = 90) -> bytes:
        """The image as JPEG bytes."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()


def composite(
    target: Pixels, sky: Pixels, *, kind: str, seed: int, size_px: int = 256
) -> Composite | None:
    """Lay a target onto another sky; None where it cannot be cut out or seen there.

    Parameters
    ----------
    target, sky : ndarray of uint8, shape ``(H, W, 3)``
        Two images; of the second only its emptiest part is used.
    kind : str
        Class of the target: planets and asteroids hide what is behind them, light of the others
        is added.
    seed : int
        Of scale, turn and place: the same seed gives the same image.
    size_px : int
        Side of the new image.
    """
    cut = cut_out(target, solid=kind in SOLID, scattered=kind in SCATTERED)
    if cut is None:
        return None
    rng = np.random.default_rng([zlib.crc32(f"composite {kind}".encode()), seed])
    solid = kind in SOLID and cut.share > _SOLID_FROM
    light, alpha, placed = _laid(rng, cut, size_px)
    part = empty_part(sky, size_px, rng)
    if part is None:
        return None
    under = part.astype(np.float32) / 255.0
    cover = alpha[..., None]
    # Screen blending: bright light on a bright sky saturates, as on a detector.
    shown = (
        under * (1 - cover) + light * cover
        if solid
        else 1.0 - (1.0 - under) * (1.0 - np.clip(light * cover, 0, 1))
    )
    if float(ndimage.gaussian_filter(np.abs(shown - under) @ LUMINANCE, 1.0).max()) < _LEAST_SEEN:
        return None
    pixels = np.asarray(np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)
    return Composite(
        pixels,
        {
            "blending": "over" if solid else "screen",
            "target_share": round(float((alpha > 0.5).mean()), 4),
            **placed,
        },
    )


def rendered_sky(seed: int, *, size_px: int = 256) -> Pixels:
    """A sky without a target: stars, distant galaxies, thin dust, through any camera.

    Parameters
    ----------
    seed : int
        The same seed gives the same sky.
    size_px : int
        Its side.
    """
    rng = np.random.default_rng([zlib.crc32(b"sky"), seed, size_px])
    frame = Frame(size_px, size_px)
    light = frame.canvas()
    density = float(np.exp(rng.uniform(np.log(20), np.log(900))))
    add_field_stars(rng, light, frame, density=density, faintest=float(rng.uniform(0.02, 0.08)))
    if rng.random() < 0.5:
        add_distant_galaxies(rng, light, frame, density=float(rng.uniform(0, 25)), brightness=0.05)
    if rng.random() < 0.3:
        dust, opacity = thin_dust(rng, frame, strength=float(rng.uniform(0.005, 0.03)))
        light = (light + dust) * opacity[..., None]
    scene = Scene(
        light=light.astype(np.float32),
        target=np.zeros(frame.shape, np.float32),
        subtype="sky",
        object_px=1.0,
        look="deep",
        cameras=_SKY_CAMERAS,
    )
    kind = _SKY_CAMERAS[int(rng.integers(len(_SKY_CAMERAS)))]
    pixels, _ = expose(rng, scene, CAMERAS[kind](rng, max(size_px / 256, 0.5)))
    return pixels


def empty_part(sky: Pixels, size_px: int, rng: np.random.Generator) -> Pixels | None:
    """The emptiest of some random squares of an image, or None where none is empty.

    Parameters
    ----------
    sky : ndarray of uint8, shape ``(H, W, 3)``
        An image that may show a target of its own.
    size_px : int
        Side of the square that is given back.
    rng : numpy.random.Generator
        Of the squares.
    """
    height, width = sky.shape[:2]
    level = sky.astype(np.float32) @ LUMINANCE
    side = max(8, round(0.5 * min(height, width)))
    best, bright, found = np.inf, 0.0, (0, 0)
    for _ in range(_TRIES):
        top = int(rng.integers(0, height - side + 1))
        left = int(rng.integers(0, width - side + 1))
        part = level[top : top + side, left : left + side]
        # Stars do not fill much: a target does.
        quarter = float(np.percentile(part, 75))
        filled = quarter + float(part.mean())
        if filled < best:
            best, bright, found = filled, quarter / 255.0, (top, left)
    if bright > _MOST_FILLED:
        return None
    top, left = found
    square = Image.fromarray(sky[top : top + side, left : left + side])
    turned = square.rotate(90 * int(rng.integers(4)))
    if rng.random() < 0.5:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(turned.resize((size_px, size_px), Image.Resampling.LANCZOS), dtype=np.uint8)


def _laid(
    rng: np.random.Generator, cut: Cutout, size_px: int
) -> tuple[Field, Field, RenderParameters]:
    """Light and mask of a target on a new frame: turned, scaled and moved."""
    height, width = cut.alpha.shape
    scale = size_px / max(height, width) * float(rng.uniform(0.6, 1.1))
    angle, mirrored = float(rng.uniform(0, 360)), bool(rng.random() < 0.5)
    x, y = (float(each) for each in rng.uniform(0.35, 0.65, 2))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))

    def moved(plane: Field) -> Field:
        image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
        if mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.resize(shape, Image.Resampling.BILINEAR)
        turned = image.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        canvas = Image.new("F", (size_px, size_px), 0.0)
        corner = (round(x * size_px - turned.width / 2), round(y * size_px - turned.height / 2))
        canvas.paste(turned, corner)
        return np.asarray(canvas, dtype=np.float32)

    light = np.stack([moved(cut.light[..., channel]) for channel in range(3)], axis=2)
    placed: RenderParameters = {
        "scale": round(scale, 4),
        "angle_deg": round(angle, 2),
        "mirrored": mirrored,
        "x": round(x, 4),
        "y": round(y, 4),
    }
    return light, np.clip(moved(cut.alpha), 0, 1), placed
