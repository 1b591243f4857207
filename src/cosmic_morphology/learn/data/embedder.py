"""A frozen backbone at work: images in, vectors out."""

from __future__ import annotations

import numpy as np
import torch

from cosmic_morphology.errors import ImageError
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.batch_size_fallback import BatchSizeFallback
from cosmic_morphology.learn.models.devices import autocast, bf16_helps, device_for, on_device
from cosmic_morphology.settings import LearnSettings

_BATCH = {"cpu": 16, "cuda": 256}
_BATCH_ELSEWHERE = 64


class FrozenBackbone:
    """A backbone on the device of the settings, in the precision that is fast there.

    Parameters
    ----------
    backbone : Backbone
        Put into evaluation mode.
    learn : LearnSettings
        Names the device and the number of threads.

    Attributes
    ----------
    device : torch.device
        Where it runs.
    batch : int
        Images that are best given at once.
    """

    def __init__(self, backbone: Backbone, learn: LearnSettings) -> None:
        self.device = device_for(learn)
        self.batch = _BATCH.get(self.device.type, _BATCH_ELSEWHERE)
        self._bf16 = bf16_helps(self.device)
        self._model = on_device(backbone.model, self.device)
        self._preprocessing = backbone.preprocessing
        self._in_parts = BatchSizeFallback()

    def __call__(self, pixels: torch.Tensor) -> np.ndarray:
        """Vectors, float32 of shape ``(N, F)``, of pixels of shape ``(N, 3, size, size)``."""
        found: np.ndarray = self._in_parts(self._forward, pixels).cpu().numpy()
        return found

    def _forward(self, pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), autocast(self.device, bf16=self._bf16):
            ready = self._preprocessing.normalised(pixels)
            out: torch.Tensor = self._model(ready.contiguous(memory_format=torch.channels_last))
        return out.float()


class Embedder:
    """A frozen backbone for thumbnails.

    Parameters
    ----------
    backbone, learn
        As :class:`FrozenBackbone` has them.
    """

    def __init__(self, backbone: Backbone, learn: LearnSettings) -> None:
        self._see = FrozenBackbone(backbone, learn)
        self._backbone = backbone

    def __call__(self, thumbnails: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings, float32 of shape ``(N, n_features)``, and which images could be read."""
        vectors = np.zeros((len(thumbnails), self._backbone.n_features), np.float32)
        readable = np.ones(len(thumbnails), bool)
        pixels = []
        for row, thumbnail in enumerate(thumbnails):
            try:
                pixels.append(self._backbone.preprocessing.pixels(thumbnail))
            except ImageError:
                readable[row] = False
        n = self._see.batch
        seen = [self._seen(pixels[start : start + n]) for start in range(0, len(pixels), n)]
        if seen:
            vectors[readable] = np.concatenate(seen)
        return vectors, readable

    def _seen(self, pixels: list[np.ndarray]) -> np.ndarray:
        batch = torch.from_numpy(np.stack(pixels)).to(self._see.device)
        return self._see(batch.permute(0, 3, 1, 2))
