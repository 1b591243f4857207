"""What a leakage check looked for and what it did not, in plain words."""

from __future__ import annotations

from cosmic_morphology.curate.duplicates.similarity import MIN_PART
from cosmic_morphology.curate.exhaustive.compare import MAX_PARTS, MAX_WHOLE, Exhaustive
from cosmic_morphology.curate.exhaustive.maps import PARTS
from cosmic_morphology.curate.exhaustive.residual import CLEAR_LEVELS
from cosmic_morphology.settings import CurateSettings

NO_IMAGE = "no image"
UNREADABLE = "image cannot be read"
BY_KEYS = ("images of equal bytes, and what the columns say; no pixels",)
NOT_BY_KEYS = ("copies of other bytes (re-encoded, resized, cropped, turned): not looked for",)
_SMALLEST_PART = min(share for share, _ in PARTS)
# benchmarks/trust_copies.py measures it; cut at any place, 19 of 33 sparse images were missed.
_MISSED = (
    "cropped copies, and copies with a border: looked for, but without embeddings about one in "
    "four is missed, of sparse images (star fields, planets on black) more than half, of noise "
    "alone all"
)
_DIM = (
    f"compressed copies of smooth images with fewer than {CLEAR_LEVELS:.0f} grey levels of "
    "contrast: looked for, but some are missed"
)
_SMALLEST_BY_BLOBS = MIN_PART**0.5


def searched(found: Exhaustive, settings: CurateSettings, column: str) -> tuple[str, ...]:
    """What was compared.

    Parameters
    ----------
    found : Exhaustive
        Of the comparison of every pair.
    settings : CurateSettings
        Of the search.
    column : str
        Embeddings whose neighbours were compared; empty: none.
    """
    by = f" and by embeddings ({column})" if column else ""
    said = [f"the search of `cosmic curate` ({settings.duplicates.search}){by}"]
    if found.whole:
        said.append(
            f"every pair of images that could leak ({found.compared:,}), in eight orientations"
        )
    if found.parts:
        said.append(f"each image with parts of each other, of {_SMALLEST_PART:.0%} of the sides up")
    return tuple(said)


def not_looked_for(found: Exhaustive, settings: CurateSettings, column: str) -> tuple[str, ...]:
    """Copies that nothing looked for; the parameters are those of :func:`searched`."""
    by_blobs = bool(column) or settings.duplicates.search == "thorough"
    said = []
    if not found.whole:
        said.append(
            f"pairs that the search missed: not compared among more than {MAX_WHOLE:,} images"
        )
    if not found.parts and not by_blobs:
        said.append("cropped copies: not looked for without embeddings")
        said.append(f"(images are compared with parts of each other up to {MAX_PARTS:,} of them)")
    elif not by_blobs:
        said.append(
            f"copies cropped to less than {_SMALLEST_PART:.0%} of a side: "
            "not looked for without embeddings"
        )
    else:
        said.append(
            f"copies cropped to less than {_SMALLEST_BY_BLOBS:.0%} of a side: not looked for"
        )
    if found.parts and not by_blobs:
        said.append(_MISSED)
    if found.whole:
        said.append(_DIM)
    said.append("copies turned by other angles than 90, 180 and 270 degrees: not looked for")
    return tuple(said)
