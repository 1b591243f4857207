"""A trained model: from thumbnails to probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from cosmic_morphology.errors import ImageError
from cosmic_morphology.io_utils import whole_file
from cosmic_morphology.learn.inference.run_network import read_network
from cosmic_morphology.learn.models.batch_size_fallback import BatchSizeFallback
from cosmic_morphology.learn.models.devices import device_for, on_device
from cosmic_morphology.learn.models.feature_session import FeatureSession
from cosmic_morphology.learn.models.frozen_cache import FrozenNetwork
from cosmic_morphology.learn.models.network import Network
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.models.tta import tta_views
from cosmic_morphology.learn.run_folder.documents import (
    CLASSES,
    PREPROCESSING,
    write_document,
)
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.fusion import Fusion

_BATCH = {"cpu": 32, "cuda": 256}
_USUAL_SIDE_PX = 512


@dataclass(slots=True)
class TrainedModel:
    """A network with everything that it needs to predict an image.

    Attributes
    ----------
    name : str
        Of the run.
    classes : tuple of str
        In the order of the probabilities.
    network : Network
        Backbone and head.
    preprocessing : Preprocessing
        From an image to the network's input.
    temperature : float
        The scores are divided by it (Guo et al. 2017).
    reject_below : float
        An answer less sure than this is better left open; 0: none was chosen.
    views, crops : int
        Rotations and flips that are averaged, and enlarged parts.
    embedding : dict
        Parameters of the embeddings that the head was trained on, when the backbone is frozen.
    fusion : Fusion, optional
        How a record is answered from its pixels and its texts; None: it was never asked.
    backbones : tuple of dict
        Of several backbones that answer together: name, weights and preprocessing of each, which
        the network does itself; empty where there is one.
    device : torch.device
        Where torch runs it.
    frozen : FrozenNetwork, optional
        The backbone by ONNX Runtime; without it torch runs it.
    """

    name: str
    classes: tuple[str, ...]
    network: Network
    preprocessing: Preprocessing
    temperature: float = 1.0
    reject_below: float = 0.0
    views: int = 1
    crops: int = 0
    embedding: dict[str, Any] = field(default_factory=dict)
    fusion: Fusion | None = None
    backbones: tuple[dict[str, Any], ...] = ()
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    frozen: FrozenNetwork | None = field(default=None, repr=False, compare=False)

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities, float32 of shape ``(N, K)``; an image that cannot be read gets NaN."""
        return _softmax(self.logits(thumbnails) / self.temperature)

    def logits(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Scores before the temperature, float32 of shape ``(N, K)``; NaN where unreadable."""
        return self._over(thumbnails, self.network, len(self.classes))

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities of squares of uint8, shape ``(N, size, size, 3)``."""
        found = np.zeros((len(pixels), len(self.classes)), np.float32)
        batch = self._batch()
        for start in range(0, len(pixels), batch):
            part = pixels[start : start + batch]
            found[start : start + batch] = self._forward(part, self.network, BatchSizeFallback())
        return _softmax(found / self.temperature)

    @property
    def n_features(self) -> int:
        """Length of what the backbone sees."""
        return len(self.network.head.mean)

    def embed(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """What the backbone sees, float32 of shape ``(N, n_features)``; NaN where unreadable."""
        return self._over(thumbnails, self.network.backbone, self.n_features)

    def predict_embeddings(self, embeddings: np.ndarray) -> np.ndarray:
        """Probabilities for what the frozen backbone saw, of shape ``(N, n_features)``."""
        features = torch.from_numpy(np.asarray(embeddings, np.float32))
        self.network.eval()
        with torch.inference_mode():
            scores = self.network.head(features.to(self.device)).cpu().numpy()
        return _softmax(scores / self.temperature)

    def score(self, pixels: np.ndarray) -> np.ndarray:
        """Scores of squares of uint8, shape ``(N, size, size, 3)``."""
        return self._forward(pixels, self.network, BatchSizeFallback())

    def fingerprint(self) -> str:
        """Hash of everything that decides over an answer."""
        found = hashlib.sha256()
        for value in self.network.state_dict().values():
            found.update(value.cpu().contiguous().numpy().tobytes())
        found.update(
            repr((self.classes, self.preprocessing, self.temperature, self.views)).encode()
        )
        if self.crops:
            found.update(f"{self.crops} crops".encode())
        if self.backbones:
            found.update(repr(self.backbones).encode())
        return found.hexdigest()[:16]

    def _batch(self) -> int:
        # Large inputs in smaller batches: what a batch takes of memory goes with its pixels.
        smaller = max(1.0, (self.preprocessing.size_px / _USUAL_SIDE_PX) ** 2)
        return max(1, int(_BATCH.get(self.device.type, 32) / smaller))

    def _over(self, thumbnails: Sequence[bytes], part: torch.nn.Module, width: int) -> np.ndarray:
        found = np.full((len(thumbnails), width), np.nan, np.float32)
        in_parts = BatchSizeFallback()
        batch = self._batch()
        for start in range(0, len(thumbnails), batch):
            rows, squares = [], []
            for row in range(start, min(start + batch, len(thumbnails))):
                try:
                    squares.append(self.preprocessing.pixels(thumbnails[row]))
                    rows.append(row)
                except ImageError:
                    continue  # stays NaN, which the caller counts
            if rows:
                found[rows] = self._forward(np.stack(squares), part, in_parts)
        return found

    def _forward(
        self, pixels: np.ndarray, part: torch.nn.Module, in_parts: BatchSizeFallback
    ) -> np.ndarray:
        self.network.eval()
        session = self.frozen.session if self.frozen else None
        if session is not None:
            return self._forward_in(session, pixels, part)

        def mean_of_views(batch: torch.Tensor) -> torch.Tensor:
            ready = self.preprocessing.normalised(batch)
            seen = tta_views(ready, self.views, self.crops)
            scores = torch.stack(
                [part(x.contiguous(memory_format=torch.channels_last)).float() for x in seen]
            )
            return scores.mean(0)

        batch = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)
        with torch.inference_mode():
            found: np.ndarray = in_parts(mean_of_views, batch).cpu().numpy()
        return found

    def _forward_in(
        self, session: FeatureSession, pixels: np.ndarray, part: torch.nn.Module
    ) -> np.ndarray:
        head = self.network.head if part is self.network else torch.nn.Identity()
        scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            scores = [
                head(torch.from_numpy(session(view.numpy())).to(self.device))
                for view in tta_views(scaled, self.views, self.crops)
            ]
            found: np.ndarray = torch.stack(scores).mean(0).cpu().numpy()
        return found


def _softmax(scores: np.ndarray) -> np.ndarray:
    found: np.ndarray = torch.from_numpy(scores).softmax(1).numpy()
    return found


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write weights, classes and preprocessing of a model into a run's folder."""
    tensors = {key: value.contiguous() for key, value in model.network.state_dict().items()}
    with whole_file(folder / "weights.safetensors") as beside:
        save_file(tensors, beside)
    write_document(folder, CLASSES, {"classes": list(model.classes)})
    write_document(
        folder,
        PREPROCESSING,
        {
            **asdict(model.preprocessing),
            "temperature": model.temperature,
            "reject_below": model.reject_below,
            "views": model.views,
            "crops": model.crops,
            "embedding": model.embedding,
            "fusion": asdict(model.fusion) if model.fusion else {},
        },
    )


def load_trained_model(path: Path | str, *, learn: LearnSettings | None = None) -> TrainedModel:
    """Load the model of a finished run.

    Parameters
    ----------
    path : Path or str
        The run's folder.
    learn : LearnSettings, optional
        Names the device; without it the best that is there.

    Raises
    ------
    InputError
        There is no finished run here, or a file of it is damaged.
    TrainingError
        A newer version of this program wrote it.

    Examples
    --------
    >>> load_trained_model(run.path).classes == run.classes
    True
    """
    folder = Path(path)
    run = read_run(folder)
    found = run.preprocessing
    network = read_network(folder, run.settings, len(run.classes))
    learn = learn or LearnSettings()
    device = device_for(learn)
    on_device(network, device)
    return TrainedModel(
        name=run.name,
        classes=run.classes,
        network=network,
        preprocessing=Preprocessing.from_dict(found),
        temperature=float(found.get("temperature", 1.0)),
        reject_below=float(found.get("reject_below", 0.0)),
        views=int(found.get("views", 1)),
        crops=int(found.get("crops", 0)),
        embedding=dict(found.get("embedding", {})),
        fusion=Fusion.from_dict(found.get("fusion", {})),
        backbones=tuple(run.settings.get("backbones", ())),
        device=device,
        frozen=FrozenNetwork(
            network.backbone, Preprocessing.from_dict(found), _made_of(run.settings), learn, device
        ),
    )


def _made_of(settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": settings["backbone"], "arguments": dict(settings.get("timm_kwargs", {}))}
