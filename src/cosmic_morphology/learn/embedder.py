"""A frozen backbone at work: thumbnails in, vectors out."""

from __future__ import annotations

import numpy as np
import torch

from cosmic_morphology.errors import PictureError
from cosmic_morphology.learn.backbones import Backbone
from cosmic_morphology.learn.devices import autocast, bf16_helps, device_for, on_device
from cosmic_morphology.settings import LearnSettings

_BATCH = {"cpu": 16, "cuda": 256}


class Embedder:
    """A backbone on the device of the settings.

    Parameters
    ----------
    backbone : Backbone
        Put into evaluation mode.
    learn : LearnSettings
        Names the device and the number of threads.
    """

    def __init__(self, backbone: Backbone, learn: LearnSettings) -> None:
        self._device = device_for(learn)
        self._bf16 = bf16_helps(self._device)
        self._backbone = backbone
        self._model = on_device(backbone.model, self._device)
        self._batch = _BATCH.get(self._device.type, 64)

    def __call__(self, thumbnails: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings, float32 of shape ``(N, n_features)``, and which pictures could be read."""
        vectors = np.zeros((len(thumbnails), self._backbone.n_features), np.float32)
        readable = np.ones(len(thumbnails), bool)
        pixels = []
        for row, thumbnail in enumerate(thumbnails):
            try:
                pixels.append(self._backbone.preprocessing.pixels(thumbnail))
            except PictureError:
                readable[row] = False
        seen = [
            self._forward(np.stack(pixels[start : start + self._batch]))
            for start in range(0, len(pixels), self._batch)
        ]
        if seen:
            vectors[readable] = np.concatenate(seen)
        return vectors, readable

    def _forward(self, pixels: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
        with torch.inference_mode(), autocast(self._device, bf16=self._bf16):
            ready = self._backbone.preprocessing.normalised(batch)
            out = self._model(ready.contiguous(memory_format=torch.channels_last))
        found: np.ndarray = out.float().cpu().numpy()
        return found
