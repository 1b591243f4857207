"""Which of a FITS file's planes is the image of the sky, by what the file says.

Archives put masks, errors, weights and other planes beside the image, at times before it.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cosmic_morphology.imaging.sniff import RejectionKind, reject

# A file may hold thousands of header units without an image.
MAX_UNITS = 1000
# Planes without anything on them, or like masks, that are read before the file is given up.
MAX_LOOKED_AT = 16
# How HST, JWST, ESO, IRAF, SDSS, the DES and others call what goes with an image (parts of
# EXTNAME), and what ESO's standard says in HDUCLAS2 (VLT-SPE-ESO-19500-5667).
_BESIDE = re.compile(
    r"(DQ|DQF|BPM|BPIX|MSK|IMASK|FLG|ERR|STD|STDEV|STDDEV|SIG|RMS|UNC|NOISE|VAR|NVAR|IVAR|INVVAR"
    r"|WHT|WGT|WT|EXP|EXPTIME|EXPMAP|CTX|CON|CONF|QUAL|COV|SAMP|NSAMP|TIME|AREA|BKG|BKGD|PSF"
    r"|WMAP|SEG|SEGM|SEGMAP|D2IMARR|WCSDVARR|(BAD|DEAD|HOT)PIX\w*"
    r"|I?MASK(?!ED)\w*|\w+MASK|FLAG(?!SHIP)\w*|ERROR\w*|ERRDATA|UNCERT\w*|VARIANCE\w*|SIGMA\w*"
    r"|\w*WEIGHT\w*|QUALITY\w*|QUALDATA|CONFIDENCE\w*|COVERAGE\w*|EXPOSURE\w*|CONTEXT\w*"
    r"|BACKGROUND\w*|SEGMENTATION\w*)\d*S?"
)
_SCIENCE = re.compile(r"(SCI|SCIENCE|SCIDATA)\d*")
_CLASS = {"DATA": "SCI", "ERROR": "ERR", "QUALITY": "DQ"}
# At most so many different numbers has a bit mask.
_MASK_NUMBERS = 64
_SAMPLE_PX = 1_000_000


def images_by_rank(units: Any, where: str) -> list[tuple[int, Any]]:
    """Numbers and units of the images: those named science first, then in the file's order.

    What is named a mask, an error, a weight and such is left out.

    Raises
    ------
    ImageError
        ``unsupported``: there is no image.
    """
    science, others, beside = [], [], []
    for at, unit in enumerate(units):
        if at == MAX_UNITS:
            break
        shape = shape_of(unit)
        if len(shape) < 2 or not all(shape):
            continue
        parts = _parts_of_name(unit)
        if any(map(_SCIENCE.fullmatch, parts)) and not any(map(_BESIDE.fullmatch, parts)):
            science.append((at, unit))
        elif any(map(_BESIDE.fullmatch, parts)):
            beside.append("_".join(parts))
        else:
            others.append((at, unit))
    if not science and not others:
        only = f"planes named {', '.join(beside[:3])}" if beside else "headers or tables"
        what = f"the FITS file has no image, only {only}"
        raise reject(RejectionKind.UNSUPPORTED, what, where, "Export the image as its own file.")
    return science + others


def shape_of(unit: Any) -> tuple[int, ...]:
    """Shape of an image, rows before columns; empty where the unit is none."""
    header = unit.header
    if header.get("ZIMAGE") is True:
        return tuple(int(header[f"ZNAXIS{n}"]) for n in range(int(header["ZNAXIS"]), 0, -1))
    return tuple(unit.shape) if unit.is_image else ()


def check_planes(shape: tuple[int, ...], header: Any, where: str) -> None:
    """Refuse a cube (``unsupported``): one plane is taken, or three as red, green and blue."""
    axis = str(header.get("CTYPE3", "")).strip().upper()
    is_colour = len(shape) == 3 and shape[0] == 3 and axis[:3] in {"", "RGB", "COL"}
    if not is_colour and any(side != 1 for side in shape[:-2]):
        along = f" along {axis}" if axis else ""
        what = f"a FITS cube of shape {shape}{along}; one or three planes are taken"
        raise reject(RejectionKind.UNSUPPORTED, what, where, "Export one plane.")


def varies(planes: np.ndarray) -> bool:
    """Whether a plane of shape ``(planes, height, width)`` has two finite values that differ."""
    for plane in planes:
        finite = np.isfinite(plane)
        at = int(finite.argmax())
        if finite.flat[at] and (finite & (plane != plane.flat[at])).any():
            return True
    return False


def numbers_of_mask(planes: np.ndarray) -> int:
    """How many numbers a plane has, where it is like a bit mask; otherwise 0.

    Bit masks are few whole numbers, with gaps between them, and most pixels have the same one.
    """
    if planes.dtype.kind not in "iu":
        return 0
    flat = planes.reshape(-1)
    numbers, counts = np.unique(flat[:: 1 + flat.size // _SAMPLE_PX], return_counts=True)
    with_gaps = int(numbers[-1]) - int(numbers[0]) >= numbers.size
    is_like = (
        numbers.size <= _MASK_NUMBERS
        and counts.max() > counts.sum() / 2
        and (with_gaps or numbers.size <= 2 or planes.dtype.itemsize == 1)
    )
    return numbers.size if is_like else 0


def nothing_on(where: str) -> Exception:
    """The error of a FITS file without a plane that shows anything, for the caller to raise."""
    what = "every plane of the FITS file is blank: no two finite numbers on it differ"
    return reject(RejectionKind.BLANK, what, where, "Look at what the archive really serves.")


def _parts_of_name(unit: Any) -> list[str]:
    said = str(unit.header.get("HDUCLAS2", "")).strip().upper()
    if said in _CLASS:
        return [_CLASS[said]]
    name = str(unit.header.get("EXTNAME", "")).upper()
    return [part for part in re.split(r"[^A-Z0-9]+", name) if part]
