"""The backbones whose weights are on this machine, and those that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.models.at_hand import (
    backbones_at_hand,
    file_of_weights,
    hub_id_of,
    licence_of,
    pretrained,
    why_not_at_hand,
)
from cosmic_morphology.learn.models.backbones import build_backbone
from cosmic_morphology.learn.models.presets import PRESETS
from cosmic_morphology.learn.models.weights import hash_of_file
from cosmic_morphology.settings import LearnSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A backbone of the study.

    Attributes
    ----------
    name : str
        Its arm: the preset, or timm's name; with the file where two have the same.
    learn : LearnSettings
        Its weights and its input.
    weights : str
        Hash of the file of its weights (sha256, 16 digits).
    licence : str
        Of timm's pretrained weights; ``unknown`` of a file that somebody gives.
    seen : mapping
        All that its vectors depend on, JSON-able.
    size_px, n_features : int
        Side of its input, length of its vector.
    """

    name: str
    learn: LearnSettings
    weights: str
    licence: str
    seen: Mapping[str, Any]
    size_px: int
    n_features: int


def candidates(learn: LearnSettings, weights: Sequence[tuple[str, str]]) -> list[Candidate]:
    """Every backbone that can be compared without a download, the default first where it can.

    Parameters
    ----------
    learn : LearnSettings
        The default.
    weights : sequence of (str, str)
        Backbone and safetensors file, beside those of the cache.

    Raises
    ------
    UsageError
        No weights of any backbone are on this machine.
    InputError
        A file of weights cannot be read, or belongs to another network.
    """
    chosen = [*backbones_at_hand(learn), *_given(learn, weights)]
    if not chosen:
        raise UsageError(
            "no weights of any backbone are on this machine, and a study fetches none",
            where=learn.backbone,
            todo=f"{fetching(learn.backbone)}; or give --weights BACKBONE=FILE.",
        )
    return [*map(_candidate, _named(chosen), chosen)]


def presets_lacking(found: Sequence[Candidate]) -> list[str]:
    """Presets of which no weights are among those found."""
    there = {hub_id_of(each.learn.backbone) for each in found}
    return [name for name in PRESETS if hub_id_of(name) not in there]


def fetching(backbone: str) -> str:
    """The command that fetches a backbone's weights, as a sentence without its full stop."""
    hub_id = hub_id_of(backbone)
    if not hub_id:
        return f"timm names no pretrained weights of {backbone}"
    return f"`hf download {hub_id} model.safetensors` fetches its weights"


def _given(learn: LearnSettings, weights: Sequence[tuple[str, str]]) -> list[LearnSettings]:
    found = []
    for name, file in weights:
        one = pretrained(learn, name).model_copy(update={"weights": file})
        why = "weights are files here" if file in ("pretrained", "random") else why_not_at_hand(one)
        if why:
            raise UsageError(
                why,
                where=f"--weights {name}={file}",
                todo="Give a safetensors file of this backbone.",
            )
        found.append(one)
    return found


def _named(chosen: Sequence[LearnSettings]) -> list[str]:
    """A name for each; the file's where a backbone is there twice."""
    found: list[str] = []
    for each in chosen:
        name = each.backbone
        if name in found:
            name = f"{name} ({Path(each.weights).name})"
        while name in found:
            name += "'"
        found.append(name)
    return found


def _candidate(name: str, learn: LearnSettings) -> Candidate:
    built, file = build_backbone(learn), file_of_weights(learn)
    weights = hash_of_file(file) if file else ""
    seen = {
        "backbone": built.name,
        "arguments": built.arguments,
        "weights": weights,
        "preprocessing": asdict(built.preprocessing),
    }
    known = licence_of(learn.backbone) if learn.weights == "pretrained" else ""
    size = built.preprocessing.size_px
    return Candidate(name, learn, weights, known or "unknown", seen, size, built.n_features)
