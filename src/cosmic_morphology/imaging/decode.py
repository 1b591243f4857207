"""The one decode of a picture: any format in, upright 8-bit grey or sRGB out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from cosmic_morphology.errors import PictureError
from cosmic_morphology.imaging.guards import ImageLimits, PictureKind, check_size, refuse
from cosmic_morphology.imaging.structure import webp_size

# A decoder-side reduction keeps at least this many times the thumbnail's side, so that the
# final filter still has something to average.
DRAFT_GAP = 1.25
# Values outside these percentiles are clipped: a few hot pixels of a 16-bit or float picture
# would otherwise leave all the rest black.
STRETCH_PERCENTILES = (0.5, 99.8)
STRETCH_SAMPLE_PX = 1_000_000
UPRIGHT = 1


@dataclass(frozen=True)
class Decoded:
    """A decoded picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Upright, mode ``L`` or ``RGB`` (sRGB); smaller than the original where the decoder could
        reduce a JPEG on the way.
    width, height : int
        Size of the upright original, in pixels.
    untouched : bool
        The pixels are those of the file: nothing was turned, converted or reduced.
    """

    picture: Image.Image
    width: int
    height: int
    untouched: bool


def decode(data: bytes, media_type: str, limits: ImageLimits, *, where: str = "") -> Decoded:
    """Decode a picture of a known media type (FITS has its own module).

    Raises
    ------
    PictureError
        ``too_many_pixels`` or ``too_small`` from the header, before anything is decoded;
        ``truncated``, ``corrupt`` or ``unsupported``.
    """
    with refusals(where):
        # libwebp allocates the whole canvas when it is opened: look at the header first.
        if media_type == "image/webp" and (canvas := webp_size(data)):
            check_size(*canvas, limits, where=where)
        # The plugin itself, not Image.open: the bytes decide the format, and the limit is ours.
        image = _PLUGINS[media_type](io.BytesIO(data))
        width, height = image.size
        check_size(width, height, limits, where=where)
        reduced = _draft(image, limits.thumbnail_side_px)
        image.load()
        orientation = _orientation(image)
        picture = _srgb(_upright(image, orientation), image)
        if orientation >= 5:
            width, height = height, width
        untouched = picture is image and not reduced
        return Decoded(picture=picture, width=width, height=height, untouched=untouched)


@contextmanager
def refusals(where: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a typed refusal.

    Decoders of untrusted bytes raise almost anything (``SyntaxError``, ``struct.error``,
    ``KeyError``, ``ZeroDivisionError``, ...). Running out of memory is this machine's condition,
    not the picture's fault, and passes through.
    """
    try:
        yield
    except (PictureError, MemoryError):
        raise
    except Exception as error:
        raise _refusal(error, where) from error


def fitted(width: int, height: int, side_px: int) -> tuple[int, int]:
    """Size with the longest side brought down to ``side_px`` (never up), in pixels."""
    longest = max(width, height)
    if longest <= side_px:
        return width, height
    return max(1, round(width * side_px / longest)), max(1, round(height * side_px / longest))


_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/tiff": TiffImagePlugin.TiffImageFile,
    "image/bmp": BmpImagePlugin.BmpImageFile,
}

_UNSUPPORTED_WORDS = ("unknown", "unsupported", "not available", "cannot handle", "not supported")


def _refusal(error: Exception, where: str) -> PictureError:
    said = str(error) or type(error).__name__
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        kind, todo = PictureKind.TOO_MANY_PIXELS, "Take a smaller rendition."
    elif "truncated" in said.lower():
        kind, todo = PictureKind.TRUNCATED, "Fetch it again."
    elif isinstance(error, NotImplementedError) or any(w in said for w in _UNSUPPORTED_WORDS):
        kind, todo = PictureKind.UNSUPPORTED, "Convert it to 8-bit JPEG or PNG."
    else:
        kind, todo = PictureKind.CORRUPT, "Fetch it again."
    return refuse(kind, f"the picture cannot be decoded ({said})", where, todo)


def _draft(image: ImageFile.ImageFile, side_px: int) -> bool:
    """Let the JPEG decoder reduce by 2, 4 or 8 where much more than the thumbnail is there."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return False
    before = image.size
    image.draft(None, fitted(*before, int(side_px * DRAFT_GAP)))
    return image.size != before


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; broken EXIF counts as upright, it is an ornament."""
    if not {"exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys():
        return UPRIGHT
    try:
        orientation = image.getexif().get(0x0112, UPRIGHT)
    except Exception:  # noqa: BLE001 - hostile EXIF raises anything; the pixels are still good
        return UPRIGHT
    return orientation if orientation in _TURNS else UPRIGHT


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image if orientation == UPRIGHT else image.transpose(_TURNS[orientation])


def _srgb(picture: Image.Image, original: Image.Image) -> Image.Image:
    """Any mode to ``L`` or sRGB ``RGB``; the very same object where nothing is to be done."""
    mode, info = picture.mode, original.info
    if mode in {"L", "RGB"} and "transparency" not in info:
        return _colour_managed(picture, info)
    if mode == "CMYK":
        return _colour_managed(_inks(picture, original), info).convert("RGB")
    if mode.startswith("I") or mode == "F":
        return Image.fromarray(stretched(np.asarray(picture)))
    if mode == "1":
        return picture.convert("L")
    if "transparency" in info or mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        return _colour_managed(_over_black(picture), info)
    if mode in {"P", "YCbCr", "LAB", "HSV", "RGBX"}:
        return _colour_managed(picture.convert("RGB"), info)
    raise ValueError(f"unsupported pixel mode {mode}")


def stretched(values: np.ndarray) -> np.ndarray:
    """Grey values of any range as 8 bits, linear between two robust percentiles.

    Parameters
    ----------
    values : ndarray of shape ``(height, width)``
        16-bit, 32-bit or float grey values; values that are not finite become black.

    Returns
    -------
    ndarray of uint8, shape ``(height, width)``
    """
    grey = np.asarray(values, dtype=np.float32)
    finite = np.isfinite(grey)
    known = grey[finite]
    if not known.size:
        return np.zeros(grey.shape, np.uint8)
    sample = known[:: 1 + known.size // STRETCH_SAMPLE_PX].astype(np.float64)
    low, high = (float(v) for v in np.percentile(sample, STRETCH_PERCENTILES))
    if high <= low:  # almost all pixels equal: what differs is the picture
        low, high = float(known.min()), float(known.max())
    if high <= low:
        return np.zeros(grey.shape, np.uint8)
    unit = max(abs(low), abs(high))  # float pictures may span more than their own largest number
    inside = np.clip(np.where(finite, grey, low), low, high) / unit
    scaled = (inside - low / unit) * (255 / ((high - low) / unit))
    return np.asarray(np.rint(scaled), dtype=np.uint8)


def _inks(picture: Image.Image, original: Image.Image) -> Image.Image:
    """CMYK with 255 for full ink, whoever wrote it.

    Adobe's programs write CMYK JPEGs inverted and mark them so; Pillow takes every CMYK JPEG to
    be theirs.
    """
    if isinstance(original, JpegImagePlugin.JpegImageFile) and "adobe" not in original.info:
        return ImageChops.invert(picture)
    return picture


def _over_black(picture: Image.Image) -> Image.Image:
    """Transparent parts become black, the colour of the sky."""
    solid = picture.convert("RGBA")
    ground = Image.new("RGB", picture.size)
    ground.paste(solid, mask=solid.getchannel("A"))
    return ground


def _colour_managed(picture: Image.Image, info: dict[Any, Any]) -> Image.Image:
    """Apply an embedded RGB or CMYK profile other than sRGB; unusable profiles are left out."""
    profile = info.get("icc_profile")
    if not isinstance(profile, bytes) or profile[16:20].strip() != picture.mode.encode():
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (source.profile.profile_description or "").lower():
            return picture
        managed = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return picture if managed is None else managed
