"""A backbone cut in two: the stages that stay as they are, and those that learn.

What the first half sees of an image never changes, so it needs to be looked at only once.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.learn.models.network import unfreeze_last

_NEAR_ENOUGH = 1e-3


class _EnoughError(Exception):
    """The first half is through."""


class FrozenStem(nn.Module):
    """The stages that stay as they are.

    Parameters
    ----------
    model : torch.nn.Module
        The whole backbone.
    border : torch.nn.Module
        Its first part that learns.
    """

    def __init__(self, model: nn.Module, border: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._border = [border]  # in a list: it is part of the model already
        self.shape: tuple[int, ...] = ()

    def extra_repr(self) -> str:
        """Where it ends: two halves of one model differ in nothing else."""
        return str(
            next(name for name, each in self.model.named_modules() if each is self._border[0])
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the border is given, flat: shape ``(N, C * H * W)``."""
        seen: list[torch.Tensor] = []

        def stop(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
            seen.append(given[0])
            raise _EnoughError

        handle = self._border[0].register_forward_pre_hook(stop)
        try:
            self.model(pixels)
        except _EnoughError:
            pass
        finally:
            handle.remove()
        self.shape = tuple(seen[0].shape[1:])
        return seen[0].flatten(1)


class TrainableStages(nn.Module):
    """The stages that learn; they are the backbone's own.

    Parameters
    ----------
    model : torch.nn.Module
        The backbone with the parts before the border left out.
    shape : tuple of int
        Of what the first half sees: channels, height, width.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model = model
        self.shape = shape

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Vectors ``(N, F)`` of what the front gives; of ``(N, V, C * H * W)`` ``(N, V, F)``."""
        maps = seen.float().reshape(-1, *self.shape)
        found: torch.Tensor = self.model(maps.contiguous(memory_format=torch.channels_last))
        return found.reshape(*seen.shape[:-1], -1)


def split_backbone(
    model: nn.Module, count: int, size_px: int
) -> tuple[FrozenStem, TrainableStages]:
    """Cut a timm model without head before its last ``count`` stages, which are set to learn.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode.
    count : int
        How many last stages learn.
    size_px : int
        Side of its input.

    Raises
    ------
    SettingsError
        What follows the border needs more than what the border is given.
    """
    unfreeze_last(model, count)
    model.eval()
    sample = torch.rand(2, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before, border = _units_until_it_learns(model, sample)
        front = FrozenStem(model, border)
        seen = front(sample)
        rest = TrainableStages(_without(model, before), front.shape)
        try:
            same = torch.allclose(rest(seen), model(sample), atol=_NEAR_ENOUGH, rtol=_NEAR_ENOUGH)
        except (RuntimeError, ValueError, IndexError):
            same = False
    if not same:
        raise SettingsError(
            "this backbone cannot be cut in two",
            where="recipe: cached_views",
            todo="Set cached_views = 1: images then pass through all of it in every epoch.",
        )
    return front, rest


def _units(model: nn.Module) -> list[nn.Module]:
    """The parts that a model's forward calls: its children, of sequences their members."""
    found: list[nn.Module] = []
    for child in model.children():
        found += list(child) if isinstance(child, nn.Sequential) and len(child) else [child]
    return found


def _units_until_it_learns(
    model: nn.Module, sample: torch.Tensor
) -> tuple[list[nn.Module], nn.Module]:
    called: list[nn.Module] = []
    handles = [
        unit.register_forward_pre_hook(lambda module, _: called.append(module))
        for unit in _units(model)
    ]
    model(sample)
    for handle in handles:
        handle.remove()
    for at, unit in enumerate(called):
        if any(parameter.requires_grad for parameter in unit.parameters()):
            return called[:at], unit
    return called[:-1], called[-1]


def _without(model: nn.Module, left_out: list[nn.Module]) -> nn.Module:
    """The model with these parts doing nothing; all else that learns is its own, not a copy."""
    stays: dict[int, Any] = {id(each): each for each in (*_units(model), *model.parameters())}
    return copy.deepcopy(model, stays | {id(unit): nn.Identity() for unit in left_out})
