"""Embedding when it costs no download: torch is installed and the weights are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cosmic_morphology.settings import LearnSettings


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
    from cosmic_morphology.learn.models.light_timm import timm
    from cosmic_morphology.learn.models.presets import timm_name
    from cosmic_morphology.learn.models.weights import cached_weights

    known = timm.get_pretrained_cfg(timm_name(learn.backbone), allow_unregistered=True)
    hub_id = str(getattr(known, "hf_hub_id", None) or "")
    if hub_id and cached_weights(hub_id) is not None:
        return ""
    return without


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


def _candidates(learn: LearnSettings) -> Iterator[LearnSettings]:
    yield learn
    from huggingface_hub.constants import HF_HUB_CACHE

    cached = sorted(Path(HF_HUB_CACHE).glob("models--timm--*"))
    if not cached:
        return
    from cosmic_morphology.learn.models.light_timm import timm
    from cosmic_morphology.learn.models.presets import PRESETS

    names = (each.name.removeprefix("models--timm--") for each in cached)
    known = (name for name in names if timm.is_model(name.partition(".")[0]))
    for name in (*PRESETS, *known):
        yield learn.model_copy(update={"backbone": name, "weights": "pretrained"})
