"""The eight ways to lay down a square: the sky has no up."""

from __future__ import annotations

import torch

# Quarter turns and whether it is mirrored; what differs most comes first.
_WAYS = ((0, 0), (2, 0), (0, 1), (2, 1), (1, 0), (3, 0), (1, 1), (3, 1))


def turn(pixels: torch.Tensor, view: int) -> torch.Tensor:
    """One of the eight rotations and flips of squares, ``pixels`` of shape ``(N, C, S, S)``."""
    quarters, mirrored = _WAYS[view]
    seen = pixels.flip(-1) if mirrored else pixels
    # Written out because ONNX has no rot90.
    if quarters == 2:
        return seen.flip(-2).flip(-1)
    return seen.transpose(-2, -1).flip(-2 if quarters == 1 else -1) if quarters else seen
