"""Where a network looks: one call for convolutional nets and transformers (Grad-CAM)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.learn import TrainedModel
from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.joint import JointBackbone

_BATCH = 16
_NEARLY_NOTHING = 1e-7  # so that an empty map stays empty


def saliency(
    model: TrainedModel, thumbnails: Sequence[bytes], *, answers: Sequence[int] | None = None
) -> np.ndarray:
    """What in each image speaks for an answer (Grad-CAM, Selvaraju et al. 2017).

    Each channel of the last features that have places counts by its mean gradient; what speaks
    against the answer is cut off, and the rest scaled to [0, 1] and enlarged bilinearly.

    Parameters
    ----------
    model : TrainedModel
        Any timm backbone with spatial features: convolutional, or a transformer with tokens. Of
        several that answer together, the first one's features are looked at.
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
    TrainingError
        The backbone has no spatial features.
    """
    layer, spatial = _layer(model)
    model.network.eval()
    size = model.preprocessing.size_px
    found = [np.zeros((0, size, size), np.float32)]
    for start in range(0, len(thumbnails), _BATCH):
        part = thumbnails[start : start + _BATCH]
        squares = np.stack([model.preprocessing.pixels(each) for each in part])
        pixels = torch.from_numpy(squares).to(model.device).permute(0, 3, 1, 2)
        wanted = None if answers is None else torch.tensor(answers[start : start + _BATCH])
        maps = _class_activation(
            model.network, layer, spatial, model.preprocessing.normalised(pixels), wanted
        )
        found.append(maps.cpu().numpy())
    return np.concatenate(found)


def _class_activation(
    network: nn.Module,
    layer: nn.Module,
    spatial: Callable[[torch.Tensor], torch.Tensor] | None,
    ready: torch.Tensor,
    wanted: torch.Tensor | None,
) -> torch.Tensor:
    """Maps of shape ``(N, height, width)`` for normalised images ``(N, 3, height, width)``."""
    kept: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _given, made: kept.append(made))
    try:
        with torch.enable_grad():
            # A frozen backbone has no gradients of its own: they begin at the image.
            scores = network(ready.detach().requires_grad_())
    finally:
        hook.remove()
    chosen = scores.detach().argmax(1) if wanted is None else wanted.to(scores.device)
    (gradients,) = torch.autograd.grad(scores.gather(1, chosen[:, None]).sum(), kept[:1])
    features = kept[0].detach()
    if spatial is not None:
        features, gradients = spatial(features), spatial(gradients)
    maps = (features * gradients.mean((2, 3), keepdim=True)).sum(1, keepdim=True).relu()
    maps = functional.interpolate(
        _to_unit_range(maps), size=ready.shape[2:], mode="bilinear", align_corners=False
    )
    return _to_unit_range(maps).squeeze(1).nan_to_num().float()


def _to_unit_range(maps: torch.Tensor) -> torch.Tensor:
    above = maps - maps.amin((2, 3), keepdim=True)
    return above / (above.amax((2, 3), keepdim=True) + _NEARLY_NOTHING)


def _layer(
    model: TrainedModel,
) -> tuple[nn.Module, Callable[[torch.Tensor], torch.Tensor] | None]:
    """The last layer whose features still have places, and how they are laid out."""
    backbone: Any = model.network.backbone
    if isinstance(backbone, JointBackbone):
        backbone = backbone.members[0]
    if isinstance(backbone, IntermediateFeatures):
        backbone = backbone.model
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
    layer: nn.Module = backbone.get_submodule(str(info["module"]))
    last = getattr(backbone, "output_fmt", "NCHW") == "NHWC"
    return layer, _channels_first if last else None


def _from_tokens(tokens: torch.Tensor, prefix: int, grid: tuple[int, ...]) -> torch.Tensor:
    places = tokens[:, prefix:]
    return places.transpose(1, 2).reshape(len(places), -1, grid[0], grid[1])


def _channels_first(features: torch.Tensor) -> torch.Tensor:
    return features.permute(0, 3, 1, 2)
