"""Where a network looks: one call for convolutional nets and transformers (Grad-CAM)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from cosmic_morphology.errors import MissingExtraError, TrainingError, how_to_install
from cosmic_morphology.learn import TrainedModel

_BATCH = 16


def saliency(
    model: TrainedModel, thumbnails: Sequence[bytes], *, answers: Sequence[int] | None = None
) -> np.ndarray:
    """What in each image speaks for an answer (Grad-CAM, Selvaraju et al. 2017).

    Parameters
    ----------
    model : TrainedModel
        Any timm backbone with spatial features: convolutional, or a transformer with tokens.
    thumbnails : sequence of bytes
        JPEGs of the atlas.
    answers : sequence of int, optional
        Numbers of the classes that are asked for; without them the model's own answers.

    Returns
    -------
    ndarray of float32, shape ``(N, size, size)``
        In [0, 1], on the squared input of the network; 0 everywhere where nothing speaks for it.

    Raises
    ------
    MissingExtraError
        The package ``grad-cam`` is not installed.
    TrainingError
        The backbone has no spatial features.
    """
    grad_cam, target_for = _library()
    layer, spatial = _layer(model)
    model.network.eval()
    found = []
    with grad_cam(model=model.network, target_layers=[layer], reshape_transform=spatial) as cam:
        for start in range(0, len(thumbnails), _BATCH):
            part = thumbnails[start : start + _BATCH]
            squares = np.stack([model.preprocessing.pixels(each) for each in part])
            pixels = torch.from_numpy(squares).to(model.device).permute(0, 3, 1, 2)
            # A frozen backbone has no gradients of its own: they begin at the image.
            ready = model.preprocessing.normalised(pixels).requires_grad_()
            wanted = None
            if answers is not None:
                wanted = [target_for(int(k)) for k in answers[start : start + _BATCH]]
            found.append(np.nan_to_num(np.asarray(cam(ready, wanted), np.float32)))
    size = model.preprocessing.size_px
    return np.concatenate(found) if found else np.zeros((0, size, size), np.float32)


def _library() -> tuple[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies, on import
            from pytorch_grad_cam import GradCAM
            from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"explaining needs the package {error.name!r}, which is not installed",
            todo=how_to_install("learn"),
        ) from error
    return GradCAM, ClassifierOutputTarget


def _layer(
    model: TrainedModel,
) -> tuple[torch.nn.Module, Callable[[torch.Tensor], torch.Tensor] | None]:
    """The last layer whose features still have places, and how they are laid out."""
    backbone: Any = model.network.backbone
    blocks = getattr(backbone, "blocks", None)
    if blocks is not None and hasattr(blocks[-1], "norm1"):
        # After the last attention only the class token is read: its input still has all places.
        prefix = int(getattr(backbone, "num_prefix_tokens", 1))
        grid = tuple(int(side) for side in backbone.patch_embed.grid_size)
        return blocks[-1].norm1, lambda tokens: _from_tokens(tokens, prefix, grid)
    stages = getattr(backbone, "feature_info", None)
    if not stages:
        raise TrainingError(
            "this backbone does not say which of its features have places",
            where=model.name,
            todo="Explain a run of a convolutional net or a vision transformer of timm.",
        )
    info = stages[-1] if isinstance(stages, list) else stages.info[-1]
    layer: torch.nn.Module = backbone.get_submodule(str(info["module"]))
    last = getattr(backbone, "output_fmt", "NCHW") == "NHWC"
    return layer, _channels_first if last else None


def _from_tokens(tokens: torch.Tensor, prefix: int, grid: tuple[int, ...]) -> torch.Tensor:
    places = tokens[:, prefix:]
    return places.transpose(1, 2).reshape(len(places), -1, grid[0], grid[1])


def _channels_first(features: torch.Tensor) -> torch.Tensor:
    return features.permute(0, 3, 1, 2)
