"""Weights from the model hub or from a file."""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from cosmic_morphology.errors import InputError, SettingsError, TrainingError
from cosmic_morphology.learn.models.light_timm import timm

_SHOWN = 3
_POSITIONS = "pos_embed"
# Of a small net that has seen rendered images only; benchmarks/rendered_weights.py makes them.
BUNDLED_WEIGHTS = Path(__file__).parent / "bundled" / "rendered.safetensors"


def hub_reachable(timeout_s: float = 3.0) -> bool:
    """Whether the model hub answers within ``timeout_s`` seconds."""
    answered: list[bool] = []
    # In a thread: looking up a name has no timeout of its own and can hang for minutes.
    asking = threading.Thread(target=lambda: answered.append(_hub_answers(timeout_s)), daemon=True)
    asking.start()
    asking.join(timeout_s)
    return bool(answered and answered[0])


def _hub_answers(timeout_s: float) -> bool:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    asked = urllib.request.Request(_hub_address(), method="HEAD")  # noqa: S310 - the user's own
    try:
        with urllib.request.urlopen(asked, timeout=timeout_s):  # noqa: S310
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except (OSError, ValueError, http.client.HTTPException):
        return False


def _hub_address() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def cached_weights(hub_id: str) -> Path | None:
    """Weights that an earlier download from the hub left on this machine."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "model.safetensors")
    return Path(found) if isinstance(found, str) else None


def hash_of_file(path: Path) -> str:
    """Short sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def load_weights(model: nn.Module, path: Path, *, classifier: tuple[str, ...] = ()) -> None:
    """Load a safetensors file into a network, strictly; matrices may be stored in float16.

    Positions that a transformer learned for another input size are resampled, as timm does it.

    Parameters
    ----------
    model : torch.nn.Module
        Built without a head.
    path : Path
        A safetensors file.
    classifier : tuple of str
        Names of the head's modules: what the file holds for them is left out.

    Raises
    ------
    InputError
        There is no such file, it is not safetensors, or it belongs to another architecture.
    """
    heads = tuple(f"{name}." for name in classifier)
    found = {
        key: value.float() if value.is_floating_point() else value
        for key, value in read_safetensors(path).items()
        if not (heads and key.startswith(heads))
    }
    _resample_positions(model, found)
    check_architecture(model, {key: tuple(value.shape) for key, value in found.items()}, path)
    model.load_state_dict(found, strict=True)


def _resample_positions(model: nn.Module, found: dict[str, torch.Tensor]) -> None:
    given, wanted = found.get(_POSITIONS), getattr(model, _POSITIONS, None)
    grid = getattr(getattr(model, "patch_embed", None), "grid_size", None)
    if given is None or wanted is None or grid is None or given.shape == wanted.shape:
        return
    prefix = wanted.shape[1] - math.prod(grid)
    side = math.isqrt(max(0, given.shape[1] - prefix)) if given.ndim == wanted.ndim else 0
    # What is no square of positions belongs to another architecture, which is said next.
    if side and side * side + prefix == given.shape[1]:
        resample = timm.layers.resample_abs_pos_embed
        found[_POSITIONS] = resample(given, [*grid], num_prefix_tokens=prefix)


def about_bundled() -> dict[str, Any]:
    """Of the bundled weights: ``backbone``, ``seed`` of their images, and more."""
    return dict(json.loads(BUNDLED_WEIGHTS.with_suffix(".json").read_text("utf-8")))


def load_bundled_weights(model: nn.Module, name: str) -> str:
    """Load the bundled weights, learned from rendered images only; their id.

    Raises
    ------
    SettingsError
        The network is another one.
    """
    known = about_bundled()
    if name != known["backbone"]:
        raise SettingsError(
            f"there are bundled weights of {known['backbone']} only, not of {name}",
            where="learn.weights",
            todo=f'Set learn.backbone = "{known["backbone"]}", or take other weights.',
        )
    load_weights(model, BUNDLED_WEIGHTS)
    return f"bundled:{hash_of_file(BUNDLED_WEIGHTS)}"


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file by name; ``InputError`` when it cannot be read."""
    _must_be_there(path)
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    return tensors


def _must_be_there(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            "there is no such file of weights",
            where=str(path),
            todo="Give 'pretrained', 'random', 'bundled', or the path of a safetensors file.",
        )


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"this is not a readable safetensors file ({error})",
        where=str(path),
        todo="Give a file of timm's weights in this format; one of the model hub's cache is "
        "fetched anew once you delete it.",
    )


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file, from its header alone."""
    _must_be_there(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def check_numbers(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Raise ``InputError`` where weights are not finite: whatever is asked, the answer is NaN."""
    for name, values in tensors.items():
        # What is not finite stays so in a sum, which in double precision cannot overflow.
        if values.is_floating_point() and not values.sum(dtype=torch.float64).isfinite():
            raise InputError(
                f"these weights hold values that are no numbers (in {name})",
                where=str(path),
                todo="Train the run again.",
            )


def check_architecture(model: nn.Module, found: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Raise ``InputError`` unless names and shapes of the tensors are those of the network."""
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in found]
    unknown = [key for key in found if key not in wanted]
    other = [key for key in found if key in wanted and found[key] != tuple(wanted[key].shape)]
    if missing or unknown or other:
        parts = [
            f"{len(names)} {what} (such as {', '.join(names[:_SHOWN])})"
            for names, what in (
                (missing, "tensors are missing"),
                (unknown, "tensors have no place"),
                (other, "tensors have another shape"),
            )
            if names
        ]
        raise InputError(
            f"these weights belong to another architecture: {'; '.join(parts)}",
            where=str(path),
            todo="Set learn.backbone (and learn.timm_kwargs) to the model of this file.",
        )


def hub_error(name: str, why: str = "") -> TrainingError:
    """The error for weights that the hub should have given and did not."""
    return TrainingError(
        f"the pretrained weights cannot be fetched{f' ({why})' if why else ''}",
        where=f"{name} from {_hub_address()}",
        todo="Check the network, or give learn.weights a safetensors file, 'bundled' for a small "
        "net that is bundled, or 'random' to train from scratch. Where a recipe names several "
        "backbones, each has weights of its own: learn.backbones.<name>.weights.",
    )
