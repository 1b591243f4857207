"""From what a file's levels mean to sRGB: profiles, gamma, inks, transparency."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import BmpImagePlugin, Image, ImageChops, ImageCms, JpegImagePlugin

# The colour space that a profile names (ICC.1:2022, section 7.2.8) for each mode.
_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
# A profile that changes no level by more than this is sRGB under some name.
_SAME_LEVELS = 2
SRGB_GAMMA = 0.45455
# What is found out of a profile is kept, but not for profiles of megabytes.
MAX_KEPT_BYTES = 1024**2


def to_srgb(image: Image.Image, original: Image.Image) -> Image.Image:
    """Any 8-bit mode to ``L`` or sRGB ``RGB``; the very same object where nothing is to be done.

    Parameters
    ----------
    image : PIL.Image.Image
        The pixels, upright.
    original : PIL.Image.Image
        The image as opened: what its file says of them.

    Raises
    ------
    ValueError
        A mode without a meaning here.
    """
    mode, info = image.mode, original.info
    if mode in {"L", "RGB"} and "transparency" not in info:
        return colour_managed(image, info)
    if mode == "CMYK":
        return colour_managed(_inks(image, original), info).convert("RGB")
    if mode == "1":
        return image.convert("L")
    if "transparency" in info or mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        return colour_managed(_over_black(image, original), info)
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        managed = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return image if managed is None else managed
    if mode in {"P", "YCbCr", "HSV", "RGBX"}:
        return colour_managed(image.convert("RGB"), info)
    raise ValueError(f"unsupported pixel mode {mode}")


def colour_managed(image: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """Apply an embedded profile, or a PNG's gamma, that says other than sRGB.

    Unusable profiles are left out.
    """
    profile = info.get("icc_profile")
    if not isinstance(profile, bytes):
        return _gamma_corrected(image, info)
    if profile[16:20] != _SPACES[image.mode]:
        return image
    try:
        if (
            image.mode != "CMYK"
            and len(profile) <= MAX_KEPT_BYTES
            and _is_srgb(profile, image.mode)
        ):
            return image
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        managed = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return image if managed is None else managed


@lru_cache(maxsize=32)
def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile leaves levels as they are.

    Its name is not asked: "sRGB-elle-V4-g10" and "Linear sRGB" are linear.
    """
    levels = np.arange(256, dtype=np.uint8)
    if mode == "L":
        ramp = levels[None]
    else:
        dark, full = np.zeros_like(levels), np.full_like(levels, 255)
        rows = [(levels, levels, levels), (levels, dark, dark), (dark, levels, dark)]
        rows += [(dark, dark, levels), (levels, full, levels[::-1])]
        ramp = np.stack([np.stack(row, axis=-1) for row in rows])
    sample = Image.fromarray(ramp)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    managed = ImageCms.profileToProfile(sample, source, srgb, outputMode="RGB")
    if managed is None:
        return False
    change = np.asarray(managed).astype(int) - np.asarray(sample.convert("RGB"))
    return bool(np.abs(change).max() <= _SAME_LEVELS)


def _gamma_corrected(image: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """Levels of a PNG that states its gamma (PNG specification, section 11.3.2.2)."""
    gamma = info.get("gamma")
    if not isinstance(gamma, float) or "srgb" in info or not 0.05 < gamma < 20:
        return image
    if abs(gamma / SRGB_GAMMA - 1) < 0.05:
        return image
    table = np.rint(255 * (np.arange(256) / 255) ** (SRGB_GAMMA / gamma)).astype(int).tolist()
    return image.point(table * len(image.getbands()))


def _inks(image: Image.Image, original: Image.Image) -> Image.Image:
    """CMYK with 255 for full ink, whoever wrote it.

    Adobe's programs write CMYK JPEGs inverted and mark them so; Pillow takes every CMYK JPEG to
    be theirs.
    """
    if isinstance(original, JpegImagePlugin.JpegImageFile) and "adobe" not in original.info:
        return ImageChops.invert(image)
    return image


def _over_black(image: Image.Image, original: Image.Image) -> Image.Image:
    """Transparent parts become black, the colour of the sky."""
    solid = image.convert("RGBA")
    opacity = solid.getchannel("A")
    if isinstance(original, BmpImagePlugin.BmpImageFile) and opacity.getextrema() == (0, 0):
        return solid.convert("RGB")  # many programs leave the fourth byte of a BMP at zero
    ground = Image.new("RGB", image.size)
    ground.paste(solid, mask=opacity)
    return ground
