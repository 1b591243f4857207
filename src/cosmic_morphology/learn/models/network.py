"""A backbone with a head, and which of its parts learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.light_timm import timm
from cosmic_morphology.learn.recipes import Recipe

# Transformers have a group for each block: about four stages as in other nets.
_MAX_STAGES = 8
_STAGES_OF_A_TRANSFORMER = 4
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Head(nn.Module):
    """From a vector to the scores of the classes.

    Parameters
    ----------
    n_features, n_classes : int
        Width of the input and of the output.
    kind : str
        ``linear`` or ``mlp``.
    hidden : int
        Width of the mlp's middle.
    dropout : float
        Before the last layer.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        *,
        kind: str = "linear",
        hidden: int = 512,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        width = hidden if kind == "mlp" else n_features
        before: list[nn.Module] = []
        if kind == "mlp":
            before = [nn.Linear(n_features, hidden), nn.GELU()]
        self.layers = nn.Sequential(*before, nn.Dropout(dropout), nn.Linear(width, n_classes))
        self.n_classes = n_classes

    def standardise(self, features: torch.Tensor) -> None:
        """Take mean and scale from features of shape ``(N, n_features)``."""
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0).clamp_min(1e-6))

    def standardised(self, features: torch.Tensor) -> torch.Tensor:
        """Features as the layers see them, float32."""
        return (features.float() - self.mean) / self.scale

    def shift(self, offset: np.ndarray) -> None:
        """Add an offset of shape ``(n_classes,)`` to all scores."""
        bias = self.layers[-1].get_parameter("bias")
        with torch.no_grad():
            bias.add_(torch.from_numpy(offset).to(bias.device))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores of shape ``(N, n_classes)``, averaged where features are ``(N, views, F)``."""
        found: torch.Tensor = self.layers(self.standardised(features))
        return found.mean(1) if found.ndim == 3 else found


def draw_head(recipe: Recipe, n_features: int, n_classes: int, seed: int) -> Head:
    """The head of a recipe, with the random weights of a seed; no other draws are disturbed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Head(
            n_features, n_classes, kind=recipe.head, hidden=recipe.hidden, dropout=recipe.dropout
        )


class Network(nn.Module):
    """A backbone with its head."""

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Scores of normalised images of shape ``(N, 3, size, size)``."""
        found: torch.Tensor = self.head(self.backbone(pixels))
        return found


def stages(model: nn.Module) -> list[list[str]]:
    """Names of a timm model's parameters, from the stem to the last stage."""
    if isinstance(model, IntermediateFeatures):
        return [[f"model.{name}" for name in stage] for stage in stages(model.model)]
    matcher: Any = getattr(model, "group_matcher", None)
    if matcher is None:
        return [[name for name, _ in model.named_parameters()]]
    grouped = timm.models.group_parameters(model, matcher(coarse=True))
    found = [list(grouped[key]) for key in sorted(grouped)]
    if len(found) <= _MAX_STAGES:
        return found
    stem, blocks = found[0], found[1:]
    per_stage = -(-len(blocks) // _STAGES_OF_A_TRANSFORMER)
    merged = [
        [name for block in blocks[start : start + per_stage] for name in block]
        for start in range(0, len(blocks), per_stage)
    ]
    return [stem, *merged]


def unfreeze_last(model: nn.Module, count: int) -> None:
    """Let only the last ``count`` stages of a backbone learn."""
    learning = {name for stage in stages(model)[-count:] for name in stage}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in learning)


def freeze_batchnorm_stats(model: nn.Module) -> None:
    """Keep the running statistics of batch norms as they are: small batches would spoil them."""
    for module in model.modules():
        if isinstance(module, _NORMS):
            module.eval()


def parameter_groups(
    network: Network, *, head_rate: float, backbone_lr_scale: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Parameters that learn, with their rates: earlier stages slower, norms without decay."""
    groups: list[dict[str, Any]] = []
    rates = {id(p): head_rate for p in network.head.parameters()}
    named = dict(network.backbone.named_parameters())
    ordered = stages(network.backbone)
    for depth, names in enumerate(reversed(ordered)):
        for name in names:
            rates[id(named[name])] = head_rate * backbone_lr_scale * layer_decay**depth
    by_kind: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            key = (rates.get(id(parameter), head_rate * backbone_lr_scale), parameter.ndim > 1)
            by_kind.setdefault(key, []).append(parameter)
    for (rate, decays), members in by_kind.items():
        groups.append({"params": members, "lr": rate, **({} if decays else {"weight_decay": 0.0})})
    return groups
