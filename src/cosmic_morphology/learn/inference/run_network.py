"""The network that a run's folder describes, built again with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cosmic_morphology.errors import InputError, SettingsError
from cosmic_morphology.learn.models.backbones import bare_model
from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.joint import JointBackbone
from cosmic_morphology.learn.models.light_timm import NoNumbers
from cosmic_morphology.learn.models.network import Head, Network
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.models.weights import (
    check_architecture,
    check_numbers,
    read_safetensors,
    shapes_in,
)
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.learn.run_folder.documents import SETTINGS


def read_network(folder: Path, settings: dict[str, Any], n_classes: int) -> Network:
    """The network that a folder describes, with its weights; the folder may be anybody's."""
    weights = folder / "weights.safetensors"
    shapes = shapes_in(weights)
    if not settings.get("head"):
        raise InputError(
            "this file of a run cannot be used (head: it says nothing of the head's shape)",
            where=str(folder / SETTINGS),
            todo="Take the run from where it was made, or train it again.",
        )
    try:
        # Without memory first: nothing of a size that the weights do not have is ever made.
        with torch.device("meta"), NoNumbers():
            described = _network(settings, n_classes)
        check_architecture(described, shapes, weights)
        network = _network(settings, n_classes)
    except SettingsError as error:
        raise InputError(
            f"this file of a run cannot be used ({error.what})",
            where=str(folder / SETTINGS),
            todo="Take the run from where it was made, or train it again.",
        ) from error
    tensors = read_safetensors(weights)
    check_numbers(tensors, weights)
    network.load_state_dict(tensors, strict=True)
    return network


def _network(settings: dict[str, Any], n_classes: int) -> Network:
    shape = dict(settings["head"])
    levels = bool(settings.get("levels"))
    members = settings.get("backbones", [])
    backbone = (
        JointBackbone(
            [_bare(each["name"], each, levels=levels) for each in members],
            [Preprocessing.from_dict(each["preprocessing"]) for each in members],
        )
        if members
        else _bare(settings["backbone"], settings, levels=levels)
    )
    head = Head(
        shape["n_features"],
        n_classes,
        kind=shape.get("kind", "linear"),
        hidden=shape.get("hidden", 512),
        dropout=shape.get("dropout", 0.0),
    )
    return Network(backbone, head)


def _bare(name: str, said: Mapping[str, Any], *, levels: bool) -> torch.nn.Module:
    model = bare_model(name, dict(said.get("timm_kwargs", {})))
    return IntermediateFeatures(model) if levels else model


def head_shape(recipe: Recipe, n_features: int) -> dict[str, Any]:
    """What :func:`load_trained_model` needs to build the head again."""
    return {
        "n_features": n_features,
        "kind": recipe.head,
        "hidden": recipe.hidden,
        "dropout": recipe.dropout,
    }
