"""Bytes to pixels, once.

:func:`ingest_image` looks at the bytes of one image, decodes them once and answers with everything
that later stages need: hashes, sizes, simple statistics and the thumbnail, which is all that they
read from then on. Bytes that are not a usable image raise
:class:`~cosmic_morphology.errors.ImageError` with one of these kinds (:class:`RejectionKind`):

=================== ===============================================================================
kind                what came
=================== ===============================================================================
``empty``           zero bytes
``not_an_image``    HTML, JSON, text, PDF, archives (gzip of other than FITS), video, or no known
                    signature
``svg``             a drawing in SVG: may carry scripts, has no pixels
``unsupported``     an image of a format or pixel type that is not decoded here (HEIC, AVIF,
                    JPEG 2000, Photoshop, camera raw; complex TIFFs; a FITS cube or a FITS file
                    without image)
``too_large``       more bytes than ``ImageLimits.max_bytes``, or compressed PNG texts that unpack
                    to more than ``ImageLimits.max_metadata_bytes``
``too_many_pixels`` the header declares more than ``ImageLimits.max_pixels``, or the file unpacks
                    to more than ``ImageLimits.max_decoded_bytes`` (nothing was decoded)
``too_small``       a side shorter than ``ImageLimits.min_side_px``
``blank``           counts (FITS, or deeper than 8 bits) of which no two finite ones differ
``truncated``       the file ends before its image does
``corrupt``         the decoder fails, or a checksum inside the file is wrong
=================== ===============================================================================

Levels of up to 8 bits are made for the eye and stay as they are. What is deeper (9 to 64 bits,
signed numbers, floats; grey and colour, in PNG and TIFF) are counts: they are stretched linearly
between two percentiles, alike for all colours, so that the same counts give the same image in every
container, depth, sign, polarity and byte order. FITS has its own stretch (ZScale and asinh), the
same for plain, gzipped and tile-compressed files. What follows a whole image is not read.

Nothing is guessed from names or ``Content-Type`` headers, and nothing is patched: a JPEG whose
lower half is missing is refused, not filled with grey.
"""

from __future__ import annotations

from cosmic_morphology.imaging.ingest import IngestedImage, ingest_image, read_image
from cosmic_morphology.imaging.perceptual_hash import perceptual_hash
from cosmic_morphology.imaging.sniff import ImageLimits, RejectionKind
from cosmic_morphology.imaging.thumbnail import read_thumbnail
from cosmic_morphology.imaging.workers.decode_pool import DecodePool

__all__ = [
    "DecodePool",
    "ImageLimits",
    "IngestedImage",
    "RejectionKind",
    "ingest_image",
    "perceptual_hash",
    "read_image",
    "read_thumbnail",
]
