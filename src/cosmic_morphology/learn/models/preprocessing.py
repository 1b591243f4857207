"""How an image becomes the input of a network: read from the model, never repeated beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cosmic_morphology.imaging import read_thumbnail

if TYPE_CHECKING:
    import torch

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Input of a network.

    Attributes
    ----------
    size_px : int
        Side of the square input, px.
    mean, std : tuple of float
        Of R, G and B in 0..1.
    interpolation : str
        ``bicubic``, ``bilinear``, ``lanczos`` or ``nearest``.
    """

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Preprocessing:
        """From JSON; keys of newer versions are passed over."""
        mean, std = found["mean"], found["std"]
        return cls(
            size_px=int(found["size_px"]),
            mean=(float(mean[0]), float(mean[1]), float(mean[2])),
            std=(float(std[0]), float(std[1]), float(std[2])),
            interpolation=str(found.get("interpolation", "bicubic")),
        )

    def pixels(self, thumbnail: bytes, *, size_px: int | None = None) -> np.ndarray:
        """Pixels of a thumbnail as a square.

        The whole image is squeezed into the square: objects of the sky stand anywhere, and a
        central crop of a wide image would lose them.

        Parameters
        ----------
        thumbnail : bytes
            The JPEG of the atlas.
        size_px : int, optional
            Another side than the network's.

        Returns
        -------
        ndarray of uint8, shape ``(size_px, size_px, 3)``

        Raises
        ------
        ImageError
            The bytes are no image.
        """
        side = size_px or self.size_px
        # Twice the side lets the JPEG decoder skip detail that the resize would throw away.
        return self.squared(read_thumbnail(thumbnail, size=2 * side), side)

    def squared(self, pixels: np.ndarray, size_px: int | None = None) -> np.ndarray:
        """Squeeze pixels of shape ``(height, width, 3)`` into the square of the input."""
        side = size_px or self.size_px
        image = Image.fromarray(pixels).resize((side, side), FILTERS[self.interpolation])
        return np.asarray(image)

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels of shape ``(N, 3, H, W)``, uint8 or float in 0..1, as the network wants them."""
        # Only here: an ONNX file predicts without torch.
        import torch

        scaled = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
        mean = torch.tensor(self.mean, device=pixels.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std, device=pixels.device).view(1, 3, 1, 1)
        return (scaled - mean) / std
