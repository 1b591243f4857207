"""A tiny text-image model with random weights."""

from __future__ import annotations

import json
from pathlib import Path

from cosmic_morphology.settings import CurateSettings

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def save_tiny_clip(folder: Path, seed: int) -> CurateSettings:
    """A text-image model with random weights, in the form that people download."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    even = {"mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"model_cfg": TINY, "preprocess_cfg": even}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(seed)
    weights = open_clip.CLIP(**TINY).state_dict()
    weights = {name: value.contiguous() for name, value in weights.items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return CurateSettings(votes={"zero_shot_model": f"local-dir:{folder}"})
