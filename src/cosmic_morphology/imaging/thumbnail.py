"""The small JPEG that every later stage reads instead of the original."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, JpegImagePlugin

from cosmic_morphology.imaging.decode import Decoded, fitted, refusals
from cosmic_morphology.imaging.guards import media_type_of
from cosmic_morphology.imaging.jpeg import end_of_jpeg

JPEG_QUALITY = 90
# A small picture may drag megabytes of metadata along: those are not taken over.
MAX_TAKEN_OVER_BYTES = 1024**2


def small(decoded: Decoded, side_px: int) -> Image.Image:
    """The picture at the thumbnail's size (longest side ``side_px``, never enlarged)."""
    # From the original's size: what the decoder reduced is rounded.
    size = fitted(decoded.width, decoded.height, side_px)
    if decoded.picture.size == size:
        return decoded.picture
    return decoded.picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def thumbnail_bytes(data: bytes, media_type: str, decoded: Decoded, picture: Image.Image) -> bytes:
    """JPEG of the small picture; a JPEG that is already small is taken over byte for byte.

    Parameters
    ----------
    data : bytes
        The original.
    media_type : str
        What the original is.
    decoded : Decoded
        Its one decode.
    picture : PIL.Image.Image
        What :func:`small` made of it.
    """
    as_it_is = decoded.untouched and picture is decoded.picture
    if as_it_is and media_type == "image/jpeg" and len(data) <= MAX_TAKEN_OVER_BYTES:
        return data[: end_of_jpeg(data)]  # without what was appended
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def read_thumbnail(data: bytes, *, size: int | None = None) -> np.ndarray:
    """Pixels of a thumbnail, fast.

    Parameters
    ----------
    data : bytes
        A JPEG that :func:`~cosmic_morphology.imaging.take_in` made.
    size : int, optional
        Longest side of the answer in pixels; smaller pictures are not enlarged.

    Returns
    -------
    ndarray of uint8, shape ``(height, width, 3)``
        RGB, writable.

    Raises
    ------
    PictureError
        ``empty``, ``not_a_picture``, ``truncated`` or ``corrupt``.
    """
    media_type_of(data)
    with refusals(""):
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        picture: Image.Image = image
        if size is not None:
            wanted = fitted(*image.size, size)
            drafted = image.draft(None, wanted)
            # Shrunk by whole blocks, its last pixels reach beyond the image: a mirrored copy would
            # be up to a pixel off.
            box = drafted[1] if drafted else (0, 0, *image.size)
            if box != (0, 0, *wanted):
                picture = image.resize(wanted, Image.Resampling.BILINEAR, box, reducing_gap=2.0)
        return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))
