"""Low-rank adapters for transformers (LoRA, Hu et al. 2021): few weights learn, none is added.

torch's own parametrisations carry them, and fold them into the weights when training is over: a
finished run has the shape of any other.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.utils import parametrize

from cosmic_morphology.errors import SettingsError

# The projections to queries, keys and values, as timm's transformers call them.
_ATTENTION = "qkv"


class _LowRank(nn.Module):
    """A matrix of shape ``(rows, columns)`` plus the product of two thin ones."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
        # Zeros: at first the network is what it was.
        self.up = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.up @ self.down


def add_adapters(backbone: nn.Module, rank: int, seed: int) -> int:
    """Freeze a transformer and give its attention something that learns; return how many weights.

    Parameters
    ----------
    backbone : torch.nn.Module
        A timm transformer; changed in place.
    rank : int
        Width of the thin matrices.
    seed : int
        Of their first values.

    Raises
    ------
    SettingsError
        The backbone has no attention to adapt.
    """
    layers = _attention(backbone)
    if not layers:
        raise SettingsError(
            "adapters are for transformers, and this backbone has no attention",
            where="recipe: trainable = 'lora'",
            todo="Take a ViT such as vit-tiny, or a recipe with trainable = 'last_stages'.",
        )
    backbone.requires_grad_(requires_grad=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in layers:
            rows, columns = layer.weight.shape
            parametrize.register_parametrization(layer, "weight", _LowRank(rows, columns, rank))
    return sum(p.numel() for p in backbone.parameters() if p.requires_grad)


def fold_adapters(backbone: nn.Module) -> None:
    """Make what the adapters have learned part of the weights."""
    for layer in _attention(backbone):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def _attention(backbone: nn.Module) -> list[nn.Linear]:
    return [
        module
        for name, module in backbone.named_modules()
        if name.rpartition(".")[2] == _ATTENTION and isinstance(module, nn.Linear)
    ]
