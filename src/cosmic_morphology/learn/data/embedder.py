"""A frozen backbone at work: images in, vectors out."""

from __future__ import annotations

import numpy as np
import torch

from cosmic_morphology.errors import ImageError
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.batch_size_fallback import BatchSizeFallback
from cosmic_morphology.learn.models.devices import autocast, bf16_helps, device_for, on_device
from cosmic_morphology.learn.models.feature_session import AT_ONCE, FeatureSession
from cosmic_morphology.learn.models.frozen_cache import FrozenNetwork
from cosmic_morphology.settings import LearnSettings

_BATCH = {"cpu": 16, "cuda": 256}
_BATCH_ELSEWHERE = 64


class FrozenBackbone:
    """A backbone on the device of the settings, by what is fast there.

    On CPUs that is ONNX Runtime, else torch in the precision that the device is fast in.

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
    frozen : FrozenNetwork
        The same by ONNX Runtime, or why not.
    """

    def __init__(self, backbone: Backbone, learn: LearnSettings) -> None:
        self.device = device_for(learn)
        self.batch = _BATCH.get(self.device.type, _BATCH_ELSEWHERE)
        self._bf16 = bf16_helps(self.device)
        self._model = on_device(backbone.model, self.device)
        self._preprocessing = backbone.preprocessing
        self._in_parts = BatchSizeFallback()
        made_of = {"name": backbone.name, "arguments": backbone.arguments}
        self.frozen = FrozenNetwork(
            backbone.model, backbone.preprocessing, made_of, learn, self.device
        )

    @property
    def session(self) -> FeatureSession | None:
        """ONNX Runtime, where that does it."""
        return self.frozen.session

    def __call__(self, pixels: torch.Tensor) -> np.ndarray:
        """Vectors, float32 of shape ``(N, F)``, of pixels of shape ``(N, 3, size, size)``."""
        if self.session is not None:
            scaled = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
            return self.session(scaled.cpu().numpy())
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

    @property
    def frozen(self) -> FrozenNetwork:
        """What runs it."""
        return self._see.frozen

    def __call__(self, thumbnails: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings, float32 of shape ``(N, n_features)``, and which images could be read."""
        vectors = np.zeros((len(thumbnails), self._backbone.n_features), np.float32)
        readable = np.zeros(len(thumbnails), bool)
        session = self._see.session
        n = AT_ONCE if session else self._see.batch

        def look(start: int) -> None:
            rows, pixels = self._decoded(thumbnails, range(start, min(start + n, len(thumbnails))))
            if rows:
                vectors[rows] = session.run(pixels) if session else self._by_torch(pixels)
                readable[rows] = True

        starts = range(0, len(thumbnails), n)
        if session:
            session.each(look, starts)
        else:
            for start in starts:
                look(start)
        return vectors, readable

    def _decoded(self, thumbnails: list[bytes], rows: range) -> tuple[list[int], np.ndarray]:
        """The rows that can be read, and their squares."""
        found = {}
        for row in rows:
            try:
                found[row] = self._backbone.preprocessing.pixels(thumbnails[row])
            except ImageError:
                continue  # it is not among the rows
        return [*found], np.stack([*found.values()]) if found else np.zeros((0,), np.uint8)

    def _by_torch(self, pixels: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(pixels).to(self._see.device)
        return self._see(batch.permute(0, 3, 1, 2))
