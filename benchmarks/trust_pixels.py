"""Counts through every container, and images that were cut or lengthened; no truth is needed.

Of some thousand cut JPEGs one goes through: random bytes happen to complete its last blocks.

``python benchmarks/trust_pixels.py``
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
from rows import Row, emit

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ImageLimits, ingest_image
from cosmic_morphology.imaging.decode import decode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "imaging"))
import image_writers as write
from test_imaging_counts import expected, star_counts
from test_imaging_whole import HEADS, JPEGS, TRAILERS

COMMAND = "python benchmarks/trust_pixels.py"


def layouts() -> list[bytes]:
    """Counts of one sky in every layout of a TIFF, and in PNGs of 16 bits."""
    counts, files = star_counts(1, 1000), []
    depths = ("u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8")
    for depth, order, big, planar, packing, tile, photometric in product(
        depths, "<>", (False, True), (False, True), sorted(write.PACKINGS), (0, 16), (0, 1, 2)
    ):
        stored = counts.astype(depth)
        if photometric == 0:
            stored = -stored if depth[0] == "f" else ~stored
        if photometric == 2:
            stored = np.dstack([stored] * 3)
        how = {"order": order, "big": big, "planar": planar, "packing": packing, "tile": tile}
        files.append(write.tiff(stored, photometric=photometric, **how))
    files += [write.png(np.dstack([counts] * n), kind) for kind, n in ((0, 1), (2, 3))]
    return files


def is_same(data: bytes) -> bool:
    """Whether each pixel is within one level of what the stretch promises."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/tiff"
    got = np.asarray(decode(data, kind, ImageLimits()).image).astype(int)
    wanted = expected(star_counts(1, 1000))
    return bool(np.abs(got - (wanted if got.ndim == 2 else wanted[..., None])).max() <= 1)


def is_taken(data: bytes) -> bool:
    """Whether an image is taken in."""
    try:
        ingest_image(data)
    except ImageError:
        return False
    return True


def row(what: str, kept: list[bool], target: float = 1.0) -> Row:
    """A share of all that were tried."""
    return Row(
        what, sum(kept) / len(kept), n=len(kept), unit="share", target=target, command=COMMAND
    )


def main() -> None:
    rng = np.random.default_rng(20261127)
    same = [is_same(data) for data in layouts()]
    lengthened = [is_taken(whole + junk) for whole in JPEGS.values() for junk in TRAILERS.values()]
    cut = []
    for form, junk in product(JPEGS, (b"", *TRAILERS.values())):
        whole = JPEGS[form]
        for at in rng.integers(HEADS[form], len(whole) - 10, 20):
            cut.append(not is_taken(whole[:at] + junk))
            cut.append(not is_taken(whole[:at] + rng.bytes(300) + b"\xff\xd9"))
    emit(
        [
            row("the same counts within one level, of layouts of PNG and TIFF", same),
            row("JPEGs with something appended that are taken in, of tried", lengthened),
            row("cut JPEGs that are refused whatever follows, of tried", cut, 0.999),
        ]
    )


if __name__ == "__main__":
    main()
