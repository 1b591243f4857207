"""Several backbones that look at one square, as if they were one.

What they see stands side by side. A linear head on that is the mean of a head on each, so that
all that is known of one backbone with one head (views, embeddings, export) holds for several.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import nn

from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.network import Head
from cosmic_morphology.learn.models.preprocessing import FILTERS, Preprocessing
from cosmic_morphology.learn.models.presets import BETWEEN_NAMES

_AS_IT_IS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class JointBackbone(nn.Module):
    """Backbones side by side, each behind its own normalisation and size.

    Parameters
    ----------
    members : sequence of torch.nn.Module
        Each gives vectors of its own length.
    inputs : sequence of Preprocessing
        What each of them takes.
    """

    def __init__(self, members: Sequence[nn.Module], inputs: Sequence[Preprocessing]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.inputs = tuple(inputs)
        side = common_input(inputs).size_px
        for number, each in enumerate(inputs):
            shrink = None if each.size_px == side else _shrinking(side, each)
            self.register_buffer(f"shrink_{number}", shrink, persistent=False)

    def extra_repr(self) -> str:
        """What the members take: two of these may differ in nothing else."""
        return "; ".join(map(repr, self.inputs))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Vectors side by side, of pixels in 0..1 of shape ``(N, 3, side, side)``."""
        return torch.cat(
            [
                member(each.normalised(self._shrunk(number, pixels)))
                for number, (member, each) in enumerate(zip(self.members, self.inputs, strict=True))
            ],
            1,
        )

    def _shrunk(self, number: int, pixels: torch.Tensor) -> torch.Tensor:
        shrink: torch.Tensor | None = getattr(self, f"shrink_{number}")
        if shrink is None:
            return pixels
        return (shrink @ pixels @ shrink.T).clamp(0, 1)


def common_input(inputs: Sequence[Preprocessing]) -> Preprocessing:
    """The square that all backbones are given: as large as the largest, and not normalised."""
    largest = max(inputs, key=lambda each: each.size_px)
    return Preprocessing(largest.size_px, *_AS_IT_IS, interpolation=largest.interpolation)


def join_backbones(members: Sequence[Backbone]) -> Backbone:
    """Backbones as one, which looks at the square of the largest input."""
    inputs = [each.preprocessing for each in members]
    return Backbone(
        name=BETWEEN_NAMES.join(each.name for each in members),
        model=JointBackbone([each.model for each in members], inputs),
        preprocessing=common_input(inputs),
        weights_id=BETWEEN_NAMES.join(each.weights_id for each in members),
        arguments={},
        n_features=sum(each.n_features for each in members),
    )


def mean_of_heads(joint: Head, heads: Sequence[Head], temperatures: Sequence[float]) -> None:
    """Fill a linear head with the mean of linear heads, each on its part of the features.

    The mean of scores, each divided by its temperature, is that of calibrated log-probabilities,
    up to a number that is the same for all classes of an image.
    """
    last, parts = joint.layers[-1], [each.layers[-1] for each in heads]
    with torch.no_grad():
        joint.mean.copy_(torch.cat([each.mean for each in heads]))
        joint.scale.copy_(torch.cat([each.scale for each in heads]))
        shares = [1 / (len(heads) * temperature) for temperature in temperatures]
        weights = [p.get_parameter("weight") * s for p, s in zip(parts, shares, strict=True)]
        biases = [p.get_parameter("bias") * s for p, s in zip(parts, shares, strict=True)]
        last.get_parameter("weight").copy_(torch.cat(weights, 1))
        last.get_parameter("bias").copy_(torch.stack(biases).sum(0))


def _shrinking(side: int, wanted: Preprocessing) -> torch.Tensor:
    """The matrix of shape ``(wanted, side)`` by which Pillow's filter makes a column smaller."""
    columns = Image.fromarray(np.eye(side, dtype=np.float32))
    small = columns.resize((side, wanted.size_px), FILTERS[wanted.interpolation])
    return torch.from_numpy(np.array(small))
