"""Embedding when it costs no download: torch is installed and the weights are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cosmic_morphology.settings import LearnSettings, OtherBackbone


def why_not_at_hand(learn: LearnSettings) -> str:
    """Why images cannot be embedded without a download; empty when they can. No network is used.

    Parameters
    ----------
    learn : LearnSettings
        The backbone and its weights.
    """
    lacking = [name for name in ("torch", "timm") if find_spec(name) is None]
    if lacking:
        return f"{lacking[0]} is not installed"
    if learn.weights == "random":
        return "the settings ask for random weights, which see nothing"
    if learn.weights == "bundled":
        return ""
    if learn.weights == "pretrained":
        return _why_not_cached(learn)
    return "" if Path(learn.weights).is_file() else f"there is no file {learn.weights}"


def _why_not_cached(learn: LearnSettings) -> str:
    without = f"the weights of {learn.backbone} are not on this machine"
    from huggingface_hub.constants import HF_HUB_CACHE

    # Before timm, and torch with it, are imported: that takes longer than many a search.
    if not any(Path(HF_HUB_CACHE).glob("models--*")):
        return without
    return without if file_of_weights(learn) is None else ""


def file_of_weights(learn: LearnSettings) -> Path | None:
    """The file that holds the weights of these settings; None where it is not on this machine."""
    from cosmic_morphology.learn.models.weights import BUNDLED_WEIGHTS, cached_weights

    if learn.weights == "bundled":
        return BUNDLED_WEIGHTS
    if learn.weights == "pretrained":
        hub_id = hub_id_of(learn.backbone)
        return cached_weights(hub_id) if hub_id else None
    file = Path(learn.weights)
    return file if file.is_file() else None


def hub_id_of(backbone: str) -> str:
    """Where the model hub keeps the pretrained weights of a backbone; empty: nowhere."""
    return str(getattr(_pretrained(backbone), "hf_hub_id", None) or "")


def licence_of(backbone: str) -> str:
    """The licence of a backbone's pretrained weights, as timm states it; empty where it is silent.

    Examples
    --------
    >>> licence_of("siglip2-base"), licence_of("convnextv2_tiny.fcmae_ft_in1k")
    ('apache-2.0', 'cc-by-nc-4.0')
    """
    return str(getattr(_pretrained(backbone), "license", None) or "")


def _pretrained(backbone: str) -> Any:
    from cosmic_morphology.learn.models.light_timm import timm
    from cosmic_morphology.learn.models.presets import timm_name

    return timm.get_pretrained_cfg(timm_name(backbone), allow_unregistered=True)


def weights_at_hand(learn: LearnSettings) -> LearnSettings | None:
    """Settings of pretrained weights that an earlier download left here; no network is used.

    Parameters
    ----------
    learn : LearnSettings
        Its own backbone comes first, then the presets, then whatever else of timm's lies here.

    Returns
    -------
    LearnSettings or None
        The same settings with a backbone whose weights are here; ``None`` where there is none.
    """
    return next((each for each in _candidates(learn) if not why_not_at_hand(each)), None)


def backbones_at_hand(learn: LearnSettings) -> list[LearnSettings]:
    """Settings of every backbone whose weights are on this machine, each once; no network is used.

    Parameters
    ----------
    learn : LearnSettings
        Its own backbone comes first, then those of ``backbones``, the presets, and whatever else
        of timm's lies in the cache of the model hub.
    """
    found: dict[str, LearnSettings] = {}
    for each in _candidates(learn):
        is_hubs = each.weights == "pretrained"
        what = hub_id_of(each.backbone) if is_hubs else f"{each.backbone}={each.weights}"
        if what not in found and not why_not_at_hand(each):
            found[what] = each
    return [*found.values()]


def _candidates(learn: LearnSettings) -> Iterator[LearnSettings]:
    yield learn
    from cosmic_morphology.learn.models.presets import PRESETS, settings_of

    for name in learn.backbones:
        yield settings_of(learn, name)
    from huggingface_hub.constants import HF_HUB_CACHE

    cached = sorted(Path(HF_HUB_CACHE).glob("models--timm--*"))
    if not cached:
        return
    from cosmic_morphology.learn.models.light_timm import timm

    names = (each.name.removeprefix("models--timm--") for each in cached)
    known = (name for name in names if timm.is_model(name.partition(".")[0]))
    for name in (*PRESETS, *known):
        yield pretrained(learn, name)


def pretrained(learn: LearnSettings, backbone: str) -> LearnSettings:
    """The same settings for a backbone with its pretrained weights."""
    own = {**OtherBackbone().model_dump(), "image_size_px": learn.image_size_px}
    return learn.model_copy(update={"backbone": backbone, **own})
