"""A backbone that shows what its middle stages see, not only its last one.

The last stage of a net that was trained on holiday photographs has forgotten much of what tells
sky images apart (grain, glow, how crowded it is); the stages before it still have it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cosmic_morphology.errors import SettingsError

# Transformers have a dozen blocks that differ little: four of them, evenly, are enough.
_MAX_LEVELS = 5
_LEVELS_OF_A_TRANSFORMER = 4


class IntermediateFeatures(nn.Module):
    """Mean, spread and maximum over the image of each stage, then the backbone's own vector.

    Parameters
    ----------
    model : torch.nn.Module
        A timm model without head.

    Raises
    ------
    SettingsError
        This model does not tell what its stages see.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        if not hasattr(model, "forward_intermediates"):
            raise SettingsError(
                "this backbone does not tell what its stages see",
                where="recipe: levels",
                todo="Use another backbone, or a recipe with levels = false.",
            )
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Vectors of shape ``(N, n_features)``."""
        model: Any = self.model
        last, stages = model.forward_intermediates(pixels)
        own: torch.Tensor = model.forward_head(last, pre_logits=True)
        parts = [part for stage in self._some(stages) for part in _summary(stage)]
        return torch.cat([*parts, own], 1)

    def _some(self, stages: list[torch.Tensor]) -> list[torch.Tensor]:
        if len(stages) <= _MAX_LEVELS:
            # The stem sees edges and colours only.
            return stages[1:] if len(stages) == _MAX_LEVELS else stages
        step = len(stages) / _LEVELS_OF_A_TRANSFORMER
        return [stages[round(step * (n + 1)) - 1] for n in range(_LEVELS_OF_A_TRANSFORMER)]


def _summary(stage: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    flat = stage.float().flatten(2)
    mean = flat.mean(2)
    spread = (flat - mean[:, :, None]).square().mean(2).add(1e-8).sqrt()
    return mean, spread, flat.amax(2)
