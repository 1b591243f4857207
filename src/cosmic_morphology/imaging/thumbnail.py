"""The small JPEG that every later stage reads instead of the original."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, JpegImagePlugin

from cosmic_morphology.imaging.decode import Decoded, draft_size, rejections
from cosmic_morphology.imaging.sniff import media_type_of

JPEG_QUALITY = 90
# Lanczos would take two and three times as long. Against all pixels reduced by Lanczos, images of
# fine detail come out at 41 to 46 dB (docs/benchmarks).
_COARSE = 1.5
# A small image may drag megabytes of metadata along: those are not taken over.
MAX_TAKEN_OVER_BYTES = 1024**2


def shrink_to(decoded: Decoded, side_px: int) -> Image.Image:
    """The image at the thumbnail's size (longest side ``side_px``, never enlarged)."""
    # From the original's size: what the decoder reduced is rounded.
    size = draft_size(decoded.width, decoded.height, side_px)
    if decoded.image.size == size:
        return decoded.image
    shrinks = max(decoded.image.size) / max(size)
    kernel = Image.Resampling.HAMMING if shrinks > _COARSE else Image.Resampling.BICUBIC
    return decoded.image.resize(size, kernel, decoded.box, reducing_gap=2.0)


def thumbnail_bytes(decoded: Decoded, image: Image.Image) -> bytes:
    """JPEG of the small image; a JPEG that is already small is taken over byte for byte.

    Parameters
    ----------
    decoded : Decoded
        The one decode of the original.
    image : PIL.Image.Image
        What :func:`shrink_to` made of it.
    """
    as_it_is = decoded.untouched and image is decoded.image
    if as_it_is and 0 < len(decoded.jpeg) <= MAX_TAKEN_OVER_BYTES:
        return decoded.jpeg
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def read_thumbnail(data: bytes, *, size: int | None = None) -> np.ndarray:
    """Pixels of a thumbnail, fast.

    Parameters
    ----------
    data : bytes
        A JPEG that :func:`~cosmic_morphology.imaging.ingest_image` made.
    size : int, optional
        Longest side of the answer in pixels; smaller images are not enlarged.

    Returns
    -------
    ndarray of uint8, shape ``(height, width, 3)``
        RGB, writable.

    Raises
    ------
    ImageError
        ``empty``, ``not_an_image``, ``truncated`` or ``corrupt``.

    Examples
    --------
    >>> read_thumbnail(atlas.show(n=1)[0].thumbnail, size=32).shape
    (32, 24, 3)
    """
    media_type_of(data)
    with rejections(""):
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        shown: Image.Image = image
        if size is not None:
            wanted = draft_size(*image.size, size)
            drafted = image.draft(None, wanted)
            # Shrunk by whole blocks, its last pixels reach beyond the image: a mirrored copy would
            # be up to a pixel off.
            box = drafted[1] if drafted else (0, 0, *image.size)
            if box != (0, 0, *wanted):
                shown = image.resize(wanted, Image.Resampling.BILINEAR, box, reducing_gap=2.0)
        return np.array(shown if shown.mode == "RGB" else shown.convert("RGB"))
