"""What the machine has: where networks run, in which precision, on how many threads."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import nn

from cosmic_morphology._version import __version__
from cosmic_morphology.errors import SettingsError
from cosmic_morphology.settings import LearnSettings

_PACKAGES = ("torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy", "pyarrow")


def device_for(learn: LearnSettings) -> torch.device:
    """The device of the settings.

    Raises
    ------
    SettingsError
        It was named and is not there.
    """
    if learn.threads:
        torch.set_num_threads(learn.threads)
    name = learn.accelerator
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    elif name == "gpu":
        name = "cuda"
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "there is no GPU that torch can use", where="learn.accelerator", todo="Set it to auto."
        )
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise SettingsError(
            f"torch knows no device {name!r}",
            where="learn.accelerator",
            todo="Use auto, cpu, cuda or mps.",
        ) from error


def on_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The network where it runs, its weights laid out for fast convolutions, evaluating."""
    return model.to(device).to(memory_format=torch.channels_last).eval()


def bf16_helps(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    capable = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")()
    # AVX-512 alone emulates bfloat16 and is slower with it than without.
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "AVX512" in capable and bool(has_bf16())


def autocast(device: torch.device, *, bf16: bool) -> AbstractContextManager[Any]:
    """Bfloat16 where asked for."""
    return torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext()


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine that a run was made with."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "cosmic_morphology": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(device),
        "gpu": gpu,
        "threads": torch.get_num_threads(),
        **versions,
    }
