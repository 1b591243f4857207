"""Taking an image in: the only place where an original is decoded, once in its life."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cosmic_morphology.imaging.decode import Decoded, decode, rejections
from cosmic_morphology.imaging.formats.containers import check_structure, count_frames
from cosmic_morphology.imaging.formats.fits import decode_fits
from cosmic_morphology.imaging.perceptual_hash import perceptual_hash
from cosmic_morphology.imaging.sniff import ImageLimits, check_bytes, media_type_of
from cosmic_morphology.imaging.statistics import measure
from cosmic_morphology.imaging.thumbnail import shrink_to, thumbnail_bytes

DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True)
class IngestedImage:
    """What is known of an image after its one decode.

    Attributes
    ----------
    sha256 : str
        Hash of the bytes as they came, 64 hex digits.
    media_type : str
        From the signature of the bytes, such as ``image/jpeg``.
    width, height : int
        Size of the upright original, in pixels.
    thumbnail : bytes
        JPEG, longest side at most ``ImageLimits.thumbnail_side_px``.
    phash : bytes
        64-bit perceptual hash, 8 bytes (see :func:`perceptual_hash`).
    brightness : float
        Mean grey level, in [0, 1].
    contrast : float
        Standard deviation of the grey levels, in [0, 0.5].
    sharpness : float
        Variance of the Laplacian, in grey levels (0 to 255) squared.
    blankness : float
        In [0, 1]; 1 is a constant frame (a dark sky with a few stars is near 0).
    colourfulness : float
        0 for grey images, about 0.4 for very colourful ones.
    n_frames : int
        Frames of an animation or pages of a TIFF; the first one was decoded.

    Notes
    -----
    The numbers are defined in :class:`~cosmic_morphology.imaging.statistics.ImageStatistics`.
    """

    sha256: str
    media_type: str
    width: int
    height: int
    thumbnail: bytes
    phash: bytes
    brightness: float
    contrast: float
    sharpness: float
    blankness: float
    colourfulness: float
    n_frames: int


def ingest_image(
    data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, source_hint: str = ""
) -> IngestedImage:
    """Check, decode, measure and fingerprint one image.

    Parameters
    ----------
    data : bytes
        The body as fetched.
    limits : ImageLimits
        What may come in, and the size of the thumbnail.
    source_hint : str
        Id, URL or path, for the messages of errors only.

    Raises
    ------
    ImageError
        With the ``kind`` of the table in :mod:`cosmic_morphology.imaging`.

    Examples
    --------
    >>> seen = ingest_image((images / "star" / "0.jpg").read_bytes())
    >>> seen.width, seen.media_type
    (64, 'image/jpeg')
    >>> ingest_image(b"no image")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.ImageError: the body is plain text, not an image...
    """
    check_bytes(data, limits, where=source_hint)
    media_type = media_type_of(data, where=source_hint)
    decoded = _decoded(data, media_type, limits, source_hint)
    with rejections(source_hint):
        image = shrink_to(decoded, limits.thumbnail_side_px)
        grey = image.convert("L")
        numbers = measure(image, grey=grey)
        return IngestedImage(
            sha256=hashlib.sha256(data).hexdigest(),
            media_type=media_type,
            width=decoded.width,
            height=decoded.height,
            thumbnail=thumbnail_bytes(decoded, image),
            phash=_hash(decoded, image, grey),
            brightness=numbers.brightness,
            contrast=numbers.contrast,
            sharpness=numbers.sharpness,
            blankness=numbers.blankness,
            colourfulness=numbers.colourfulness,
            n_frames=count_frames(data, media_type, limits.max_frames_counted),
        )


def _hash(decoded: Decoded, image: Image.Image, grey: Image.Image) -> bytes:
    """The hash of all pixels that there are; of fewer those of the thumbnail are as good."""
    is_small = image is decoded.image or decoded.is_reduced
    return perceptual_hash(image if is_small else decoded.image, grey=grey if is_small else None)


def _decoded(data: bytes, media_type: str, limits: ImageLimits, where: str) -> Decoded:
    if media_type in {"image/fits", "image/fits+gzip"}:
        return decode_fits(data, limits, where=where)
    check_structure(data, media_type, limits, where=where)
    return decode(data, media_type, limits, where=where)


def read_image(
    data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, source_hint: str = ""
) -> np.ndarray:
    """All pixels of an image, checked and decoded as :func:`ingest_image` does, but not reduced.

    For what shrinks it itself, such as a network's input.

    Parameters
    ----------
    data : bytes
        The body as it came.
    limits : ImageLimits
        What may come in.
    source_hint : str
        Id, URL or path, for the messages of errors only.

    Returns
    -------
    ndarray of uint8, shape ``(height, width, 3)``
        Upright, sRGB.

    Raises
    ------
    ImageError
        With the ``kind`` of the table in :mod:`cosmic_morphology.imaging`.

    Examples
    --------
    >>> read_image((images / "star" / "0.jpg").read_bytes()).shape
    (64, 64, 3)
    """
    check_bytes(data, limits, where=source_hint)
    media_type = media_type_of(data, where=source_hint)
    # No side is longer than this: the decoder leaves nothing out.
    whole = replace(limits, thumbnail_side_px=max(limits.max_pixels, 1))
    decoded = _decoded(data, media_type, whole, source_hint)
    with rejections(source_hint):
        return np.asarray(decoded.image.convert("RGB"))
