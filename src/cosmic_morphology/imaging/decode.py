"""The one decode of an image: any format in, upright 8-bit grey or sRGB out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImagePalette,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.colour import to_srgb
from cosmic_morphology.imaging.formats import png, tiff
from cosmic_morphology.imaging.formats.containers import webp_size
from cosmic_morphology.imaging.formats.jpeg import end_of_jpeg, pixels_of_jpeg
from cosmic_morphology.imaging.formats.samples import Samples, developed
from cosmic_morphology.imaging.formats.tiff_tags import at_full_image, read_tags
from cosmic_morphology.imaging.orientation import (
    MIRRORED_ACROSS,
    MIRRORED_DOWN,
    SIDEWAYS,
    orientation_of,
    upright,
)
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind, check_size, reject

# A decoder-side reduction keeps at least this many times the thumbnail's side, so that the
# final filter still has something to average.
DRAFT_GAP = 1.25


@dataclass(frozen=True)
class Decoded:
    """A decoded image.

    Attributes
    ----------
    image : PIL.Image.Image
        Upright, mode ``L`` or ``RGB`` (sRGB); smaller than the original where the decoder could
        reduce a JPEG on the way.
    width, height : int
        Size of the upright original, in pixels.
    untouched : bool
        The pixels are those of the file: nothing was turned, converted or reduced.
    box : tuple of float
        The part of ``image`` that the original fills: left, top, right, bottom, in pixels of
        ``image``. A decoder reduces whole blocks, so that its last pixels reach beyond.
    jpeg : bytes
        Of a JPEG the file up to its end, without what was appended to it.
    """

    image: Image.Image
    width: int
    height: int
    untouched: bool
    box: tuple[float, float, float, float] | None = None
    jpeg: bytes = b""

    @property
    def is_reduced(self) -> bool:
        """Whether the decoder has left pixels out."""
        return self.image.size != (self.width, self.height)


def decode(data: bytes, media_type: str, limits: ImageLimits, *, where: str = "") -> Decoded:
    """Decode an image of a known media type (FITS has its own module).

    Raises
    ------
    ImageError
        ``too_many_pixels`` or ``too_small`` from the header, before anything is decoded;
        ``truncated``, ``corrupt`` or ``unsupported``.
    """
    with rejections(where):
        # libwebp allocates the whole canvas when it is opened: look at the header first.
        if media_type == "image/webp" and (canvas := webp_size(data)):
            check_size(*canvas, limits, where=where)
        if media_type == "image/tiff":
            return _decode_tiff(data, limits, where)
        # The plugin itself, not Image.open: the bytes decide the format, and the limit is ours.
        image = _PLUGINS[media_type](io.BytesIO(data))
        check_size(*image.size, limits, where=where)
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            return _decode_jpeg(data, image, limits, where)
        if media_type == "image/png" and png.is_deep(data):
            return _developed(png.read_samples(data, limits, where=where), where)
        image.load()
        return _decoded(image, image)


@contextmanager
def rejections(where: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a typed refusal.

    Decoders of untrusted bytes raise almost anything (``SyntaxError``, ``struct.error``,
    ``KeyError``, ``ZeroDivisionError``, ...). Running out of memory is this machine's condition,
    not the image's fault, and passes through.
    """
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        raise _refusal(error, where) from error


def draft_size(width: int, height: int, side_px: int) -> tuple[int, int]:
    """Size with the longest side brought down to ``side_px`` (never up), in pixels.

    Examples
    --------
    >>> draft_size(1000, 500, 100), draft_size(50, 20, 100)
    ((100, 50), (50, 20))
    """
    longest = max(width, height)
    if longest <= side_px:
        return width, height
    return max(1, round(width * side_px / longest)), max(1, round(height * side_px / longest))


_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/bmp": BmpImagePlugin.BmpImageFile,
}

# What a mode of Pillow's is decoded to.
_SPACES = {"L": "GRAY", "RGB": "RGBX", "CMYK": "CMYK"}

_ORIENTATION, _COLOUR_MAP = 0x0112, 0x0140
_UNSUPPORTED_WORDS = ("unknown", "unsupported", "not available", "cannot handle", "not supported")


def _refusal(error: Exception, where: str) -> ImageError:
    said = str(error) or type(error).__name__
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        kind, todo = RejectionKind.TOO_MANY_PIXELS, "Take a smaller rendition."
    elif "truncated" in said.lower():
        kind, todo = RejectionKind.TRUNCATED, "Fetch it again."
    elif isinstance(error, NotImplementedError) or any(w in said for w in _UNSUPPORTED_WORDS):
        kind, todo = RejectionKind.UNSUPPORTED, "Convert it to 8-bit JPEG or PNG."
    else:
        kind, todo = RejectionKind.CORRUPT, "Fetch it again."
    return reject(kind, f"the image cannot be decoded ({said})", where, todo)


def _decode_jpeg(
    data: bytes, image: JpegImagePlugin.JpegImageFile, limits: ImageLimits, where: str
) -> Decoded:
    size = image.size
    wanted = draft_size(*size, int(limits.thumbnail_side_px * DRAFT_GAP))
    data = data[: end_of_jpeg(data, where=where)]
    mode, space = image.mode, _SPACES[image.mode]
    pixels = pixels_of_jpeg(data, space, wanted, where=where)
    if pixels is None or mode == "CMYK":  # whose inks Pillow sorts out
        image.draft(None, wanted)
        image.load()
        decoded = _decoded(image, image, size)
    else:
        raw = "L" if mode == "L" else space
        decoded = _decoded(
            Image.frombytes(mode, pixels.shape[1::-1], pixels, "raw", raw), image, size
        )
    return replace(decoded, jpeg=data)


def _decode_tiff(data: bytes, limits: ImageLimits, where: str) -> Decoded:
    data = at_full_image(data)
    tags = read_tags(data, where=where)
    if tiff.is_read_here(data, tags):
        return _developed(tiff.read_samples(data, tags, limits, where=where), where)
    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    check_size(*image.size, limits, where=where)
    colours = image.tag_v2.get(_COLOUR_MAP, ())
    if image.mode == "P" and max(colours, default=0) < 256:
        # Some programs write 8-bit numbers where 16 bits belong.
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
    turned = image.getexif().get(_ORIENTATION, 1) != 1  # then Pillow turns it while loading
    image.load()
    return _decoded(image, image, orientation=1 if turned else None)


def _developed(samples: Samples, where: str) -> Decoded:
    image = developed(samples, where=where)
    return Decoded(image, image.width, image.height, untouched=False)


def _decoded(
    pixels: Image.Image,
    image: ImageFile.ImageFile,
    size: tuple[int, int] | None = None,
    *,
    orientation: int | None = None,
) -> Decoded:
    """Upright and in sRGB.

    Parameters
    ----------
    pixels : PIL.Image.Image
        What was decoded, perhaps reduced.
    image : PIL.ImageFile.ImageFile
        The image as opened: what its file says.
    size : tuple of int, optional
        Size before the reduction, in pixels.
    orientation : int, optional
        As in EXIF, where it is known already.
    """
    turn = orientation or orientation_of(image)
    shown = to_srgb(upright(pixels, turn), image)
    width, height = size or pixels.size
    if turn in SIDEWAYS:
        width, height = height, width
    untouched = shown is pixels and pixels.size == (width, height)
    box = _filled(pixels.size, size or pixels.size, turn)
    return Decoded(shown, width, height, untouched=untouched, box=box)


def _filled(
    reduced: tuple[int, int], size: tuple[int, int], turn: int
) -> tuple[float, float, float, float]:
    """The part that the original fills of an image reduced by eighths, once that is upright."""
    # Where the last block is not full, the number of pixels is rounded up.
    eighths = max(reduced) * 8 // max(size)
    sides = [side * eighths / 8 for side in size]
    beyond = [there - side for there, side in zip(reduced, sides, strict=True)]
    if turn in SIDEWAYS:
        sides.reverse()
        beyond.reverse()
    left = beyond[0] if turn in MIRRORED_ACROSS else 0.0
    top = beyond[1] if turn in MIRRORED_DOWN else 0.0
    return left, top, left + sides[0], top + sides[1]
