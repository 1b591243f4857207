"""Any timm model as a backbone: network without head, preprocessing, weights; short names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cosmic_morphology.errors import InputError, SettingsError, first_line
from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.light_timm import timm
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.models.presets import PRESETS, with_preset
from cosmic_morphology.learn.models.weights import (
    cached_weights,
    hash_of_file,
    hub_error,
    hub_reachable,
    load_bundled_weights,
    load_weights,
    shapes_in,
)
from cosmic_morphology.learn.run_folder.documents import BACKBONE
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.suggest import suggest_names

# Random weights are drawn from this seed, so that they are the same in every stage of a run.
_RANDOM_WEIGHTS_SEED = 0
_MAX_SUGGESTED = 5
_LARGEST_ARGUMENT = 4096
_LONGEST_LIST = 16
_LONGEST_WORD = 64
# What timm's own machinery takes beside a model's arguments: files to load, what to load from
# where, and other kinds of models than a backbone.
_NOT_OURS_TO_GIVE = {
    name
    for make in (timm.create_model, timm.models.build_model_with_cfg)
    for name in signature(make).parameters
} | {"features_only", "feature_cls", "out_indices", "pruned", "in_chans", "num_classes", "file"}


@dataclass(slots=True)
class Backbone:
    """A network that turns an image into a vector.

    Attributes
    ----------
    name : str
        As timm calls it.
    model : torch.nn.Module
        Takes ``(N, 3, size, size)`` and gives ``(N, n_features)``.
    preprocessing : Preprocessing
        Read from the model's own configuration, with the overrides of the settings.
    weights_id : str
        ``pretrained:<tag>``, ``file:<hash>``, ``bundled:<hash>`` or ``random``: which
        weights these are.
    arguments : dict
        What timm was given beside the name.
    n_features : int
        Length of the vector.
    """

    name: str
    model: nn.Module
    preprocessing: Preprocessing
    weights_id: str
    arguments: dict[str, Any]
    n_features: int


def build_backbone(learn: LearnSettings, *, levels: bool = False) -> Backbone:
    """Make the backbone that the settings ask for, with its weights.

    Parameters
    ----------
    learn : LearnSettings
        Its name, weights and input.
    levels : bool
        Whether it also shows what its middle stages see.

    Raises
    ------
    SettingsError
        There is no such model, or it does not take these arguments.
    InputError
        The file of weights is missing or belongs to another model.
    TrainingError
        The hub cannot be reached.
    """
    learn = with_preset(learn)
    arguments = {key: value for key, value in learn.timm_kwargs.items() if key != "num_classes"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_RANDOM_WEIGHTS_SEED)
        model, weights_id = _with_weights(learn, arguments)
    preprocessing = _preprocessing(model, learn)
    if levels:
        model = IntermediateFeatures(model)
    n_features = _count_features(model, preprocessing.size_px)
    built = _as_built(learn, arguments)
    return Backbone(learn.backbone, model, preprocessing, weights_id, built, n_features)


def bare_model(name: str, arguments: dict[str, Any]) -> nn.Module:
    """A timm model without head and with random weights; nothing but its code is looked at.

    Name and arguments may come from somebody else's run: a name with a colon would make timm ask
    the model hub or read a folder, and some of its arguments name files and configurations to load.

    Raises
    ------
    SettingsError
        There is no such model, or it does not take these arguments.
    """
    _check_arguments(arguments)
    if not re.fullmatch(BACKBONE, name) or not timm.is_model(name.partition(".")[0]):
        begins_so = timm.list_models(f"*{re.split(r'[_.]', name, maxsplit=1)[0]}*")[:_MAX_SUGGESTED]
        meant = suggest_names(name, [*PRESETS, *timm.list_models()])
        meant = f"{meant} " if meant.startswith("Did") else ""
        raise SettingsError(
            f"there is no timm model {name!r}",
            where="learn.backbone",
            todo=f"{meant}Presets: {', '.join(PRESETS)}; of timm: {', '.join(begins_so) or 'any'}.",
        )
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **arguments)
    except MemoryError:
        raise
    except Exception as error:  # models raise anything for arguments that they do not expect
        raise SettingsError(
            f"{name} does not take these arguments ({first_line(error)})",
            where="learn.timm_kwargs",
            todo="Give arguments of this timm model.",
        ) from error
    return model


def has_intermediate_features(learn: LearnSettings) -> bool:
    """Whether a backbone shows what its middle stages see; no weights are loaded."""
    learn = with_preset(learn)
    with torch.random.fork_rng(devices=[]):
        model = bare_model(learn.backbone, _as_built(learn, learn.timm_kwargs))
    return hasattr(model, "forward_intermediates")


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    for key, value in arguments.items():
        if key in _NOT_OURS_TO_GIVE or key.startswith("pretrained") or not _is_plain(value):
            raise SettingsError(
                f"{key!r} cannot be given to a model, or not with this value",
                where="learn.timm_kwargs",
                todo=f"Give numbers up to {_LARGEST_ARGUMENT}, words and short lists of them.",
            )


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a word, or a short list: nothing to load, nothing to swell."""
    if isinstance(value, list | tuple):
        return len(value) <= _LONGEST_LIST and not any(
            isinstance(each, list | tuple | dict) or not _is_plain(each) for each in value
        )
    if isinstance(value, int | float):
        return bool(abs(value) <= _LARGEST_ARGUMENT)  # NaN is not
    if isinstance(value, str):
        return len(value) <= _LONGEST_WORD and value.isascii()
    return value is None


def _with_weights(learn: LearnSettings, arguments: dict[str, Any]) -> tuple[nn.Module, str]:
    model = bare_model(learn.backbone, _as_built(learn, arguments))
    if learn.weights == "random":
        return model, "random"
    if learn.weights == "pretrained":
        return _from_hub(learn, _as_built(learn, arguments), model)
    if learn.weights == "bundled":
        return model, load_bundled_weights(model, learn.backbone)
    path = Path(learn.weights)
    load_weights(model, path, classifier=_classifier_names(model))
    return model, f"file:{hash_of_file(path)}"


def _from_hub(
    learn: LearnSettings, arguments: dict[str, Any], bare: nn.Module
) -> tuple[nn.Module, str]:
    config: dict[str, Any] = dict(getattr(bare, "pretrained_cfg", {}) or {})
    hub_id = str(config.get("hf_hub_id") or "")
    if not hub_id:
        raise hub_error(learn.backbone, "timm names no pretrained weights for it")
    here = cached_weights(hub_id)
    if here is not None:
        shapes_in(here)  # a download that broke off is said to be unreadable, and where it lies
        overlay = {"file": str(here)}
    elif hub_reachable():
        overlay = {}
    else:
        raise hub_error(learn.backbone, "the hub does not answer")
    try:
        model: nn.Module = timm.create_model(
            learn.backbone,
            pretrained=True,
            num_classes=0,
            pretrained_cfg_overlay=overlay,
            **arguments,
        )
    except MemoryError:
        raise
    except Exception as error:  # of a file of another network timm's converters raise anything
        if here is not None:
            raise InputError(
                f"these weights belong to another architecture ({first_line(error)})",
                where=str(here),
                todo="Delete this file: the next run fetches it anew.",
            ) from error
        if not isinstance(error, OSError | RuntimeError):
            raise
        raise hub_error(learn.backbone, first_line(error)) from error
    return model, f"pretrained:{hub_id.rpartition('/')[2]}"


def _as_built(learn: LearnSettings, arguments: dict[str, Any]) -> dict[str, Any]:
    # Transformers fix the number of patches when they are built; others take any size.
    if learn.image_size_px and "img_size" not in arguments and _has_positions(learn.backbone):
        return {**arguments, "img_size": learn.image_size_px}
    return arguments


def _has_positions(name: str) -> bool:
    family = name.partition(".")[0]
    return family.startswith(("vit_", "deit", "eva", "beit", "swin"))


def _classifier_names(model: nn.Module) -> tuple[str, ...]:
    config: dict[str, Any] = dict(getattr(model, "pretrained_cfg", {}) or {})
    names = config.get("classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _preprocessing(model: nn.Module, learn: LearnSettings) -> Preprocessing:
    own: dict[str, Any] = timm.data.resolve_model_data_config(model)
    return Preprocessing(
        size_px=learn.image_size_px or int(own["input_size"][-1]),
        mean=learn.weights_mean or tuple(own["mean"]),
        std=learn.weights_std or tuple(own["std"]),
        interpolation=str(own["interpolation"]),
    )


def _count_features(model: nn.Module, size_px: int) -> int:
    # Some nets have a layer between the pooled features and the head: only trying tells.
    with torch.inference_mode():
        return int(model.eval()(torch.zeros(1, 3, size_px, size_px)).shape[1])
