"""Whether two images that lie over each other are copies: the decision of the proof.

Pure functions. What is known of one image alone is made once for all the pairs that it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cosmic_morphology.curate.exhaustive.maps import oriented, part_of, parts_of_image
from cosmic_morphology.curate.exhaustive.residual import (
    ALIKE_SHARE,
    NOISE_LEVELS,
    SAME_SHARE,
    Model,
    Sharpened,
    one_up_to_levels,
)
from cosmic_morphology.curate.exhaustive.tiles import (
    LEVELS_ALIKE,
    MIN_LEVELS,
    MIN_SHAPES,
    DetailMap,
    Tiles,
    compare_tiles,
    levels_alike,
    shapes_alike,
)

# Images must agree without their margins, too: an eighth of each side, and a quarter. What is left
# may show so little that it tells nothing: grey levels that may differ, and the contrast from which
# on levels decide whatever the grain says.
_INSIDE = (slice(16, -16), slice(32, -32))
_INSIDE_LEVELS, _INSIDE_CONTRAST = 1.0, 12.0


@dataclass(frozen=True, slots=True)
class SeenImage:
    """An image as it is compared.

    Attributes
    ----------
    grey : ndarray of float32, shape ``(S, S)``
        Its grey levels.
    details : DetailMap
        Its details, relative to those around them.
    sharpened : Sharpened
        Its grey levels without what compression changes.
    """

    grey: np.ndarray
    details: DetailMap
    sharpened: Sharpened

    @classmethod
    def of(cls, grey: np.ndarray) -> SeenImage:
        """Made of the grey levels."""
        return cls(grey, DetailMap.of(grey), Sharpened.of(grey))

    def oriented(self, orientation: tuple[int, int, int]) -> SeenImage:
        """The same of the image that was mirrored and transposed."""
        return SeenImage(
            oriented(self.grey, orientation),
            self.details.oriented(orientation),
            self.sharpened.oriented(orientation),
        )


class Comparison:
    """One image, compared with several others.

    Parameters
    ----------
    one : SeenImage
        The image.
    """

    def __init__(self, one: SeenImage) -> None:
        self._one = one

    @cached_property
    def _model(self) -> Model:
        return Model(self._one.sharpened)

    def whole(self, other: SeenImage) -> float | None:
        """How well the image agrees with another that is a copy of it; None where it is none.

        Parameters
        ----------
        other : SeenImage
            Turned as the image is.
        """
        correlation = self._copy_correlation(other)
        # Frames, captions and scale bars are the same in thousands of different images. They stand
        # elsewhere in a part of one.
        inside = correlation is not None and all(
            _agree_inside(self._one.grey[each, each], other.grey[each, each]) for each in _INSIDE
        )
        return correlation if inside else None

    def part(self, other: np.ndarray) -> float | None:
        """The same of a part of another, which may be off by a few pixels.

        Parameters
        ----------
        other : ndarray of float32, shape ``(128, 128)``
            Grey levels of the part, turned as the image is.
        """
        tiles = compare_tiles(self._one.details, DetailMap.of(other), search=True)
        agree = tiles.agree and (not tiles.few or self._more_than_limbs(other, tiles))
        return tiles.correlation if agree else None

    def _copy_correlation(self, other: SeenImage) -> float | None:
        tiles = compare_tiles(self._one.details, other.details, search=False)
        if tiles.agree and (not tiles.few or self._more_than_limbs(other.grey, tiles)):
            return tiles.correlation
        if self._model.leaves_noise(other.sharpened):
            return 1.0
        one, two = self._one.grey, other.grey
        alike = not tiles.few and (
            tiles.alike
            or (tiles.correlation >= LEVELS_ALIKE and levels_alike(one, two) >= MIN_LEVELS)
        )
        # Grain correlates by chance, rings and lines of text by their kind: the rest must agree.
        return (
            tiles.correlation
            if alike and one_up_to_levels(one, two, ALIKE_SHARE, NOISE_LEVELS)
            else None
        )

    def _more_than_limbs(self, other: np.ndarray, tiles: Tiles) -> bool:
        if tiles.moved:
            return shapes_alike(self._one.grey, other, tiles.shift) >= MIN_SHAPES
        return one_up_to_levels(self._one.grey, other, SAME_SHARE)

    def agrees_inside(self, other: SeenImage) -> bool:
        """Whether an inner part of the image is a copy of another's, or shows too little to tell.

        Parameters
        ----------
        other : SeenImage
            The inner part.
        """
        if self._copy_correlation(other) is not None:
            return True
        grain = compare_tiles(self._one.details, other.details, search=False).enough
        if grain and other.sharpened.contrast < _INSIDE_CONTRAST:
            return False
        # What has no edges shows no shift.
        one, two = self._one.grey, other.grey
        return one_up_to_levels(one, two, SAME_SHARE, _INSIDE_LEVELS, shift_px=np.inf)


def alike_as_copies(one: np.ndarray, other: np.ndarray, part: int) -> float | None:
    """How well two images agree that are copies; None where they are different.

    Parameters
    ----------
    one, other : ndarray of float32, shape ``(128, 128)``
        Grey levels, turned alike.
    part : int
        Which part of the other the first may be; 0 is the whole.
    """
    comparison = Comparison(SeenImage.of(one))
    if part:
        return comparison.part(part_of(other, parts_of_image()[part]))
    return comparison.whole(SeenImage.of(other))


def _agree_inside(one: np.ndarray, other: np.ndarray) -> bool:
    return Comparison(SeenImage.of(one)).agrees_inside(SeenImage.of(other))
