"""Test-time augmentation: the eight orientations of a square, and enlarged parts of it."""

from __future__ import annotations

import torch
from torch.nn import functional

# Quarter turns and whether it is mirrored; what differs most comes first.
_WAYS = ((0, 0), (2, 0), (0, 1), (2, 1), (1, 0), (3, 0), (1, 1), (3, 1))
# Where the parts lie, as shares of what is left over: the middle first, then the corners.
_PARTS = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
_PART_SIDE = 0.6


def tta_views(pixels: torch.Tensor, views: int, crops: int) -> list[torch.Tensor]:
    """The views of squares that a model averages: turned ones, then enlarged parts.

    Parameters
    ----------
    pixels : Tensor of shape ``(N, C, S, S)``
        The squares.
    views, crops : int
        Turned views, at most 8, and parts, at most 5.

    Returns
    -------
    list of ``views + crops`` tensors of shape ``(N, C, S, S)``
    """
    turned = [dihedral(pixels, view) for view in range(views)]
    return turned + [enlarged_crop(pixels, number) for number in range(crops)]


def enlarged_crop(pixels: torch.Tensor, number: int) -> torch.Tensor:
    """A part of 0.6 of the side, as large as the whole: small targets become large enough."""
    side = int(pixels.shape[-1])
    own = max(1, round(_PART_SIDE * side))
    down, right = (round(share * (side - own)) for share in _PARTS[number])
    cut = pixels[..., down : down + own, right : right + own]
    return functional.interpolate(cut, size=(side, side), mode="bilinear", align_corners=False)


def dihedral(pixels: torch.Tensor, view: int) -> torch.Tensor:
    """One of the eight rotations and flips of squares, ``pixels`` of shape ``(N, C, S, S)``."""
    quarters, mirrored = _WAYS[view]
    seen = pixels.flip(-1) if mirrored else pixels
    # Written out because ONNX has no rot90.
    if quarters == 2:
        return seen.flip(-2).flip(-1)
    return seen.transpose(-2, -1).flip(-2 if quarters == 1 else -1) if quarters else seen
