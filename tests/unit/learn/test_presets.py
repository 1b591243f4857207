"""Presets: their licence, what they take in, what they give, and weights that do not fit."""

from __future__ import annotations

import socket

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cosmic_morphology.errors import InputError, SettingsError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn.models.backbones import bare_model, build_backbone
from cosmic_morphology.learn.models.light_timm import NoNumbers, timm
from cosmic_morphology.learn.models.presets import PERMISSIVE, PRESETS, Preset, with_preset
from cosmic_morphology.settings import LearnSettings

# As published: side of the input (ours), length of the vector, million numbers, mean and deviation.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
KNOWN = {
    "convnext-nano": (224, 640, 15.0, IMAGENET),
    "convnext-tiny": (224, 768, 27.8, IMAGENET),
    "efficientnet-b4": (380, 1792, 17.5, IMAGENET),
    "vit-tiny": (224, 192, 5.5, HALVES),
    "dino-vit-small": (224, 384, 21.6, IMAGENET),
    "dino-vit-base": (224, 768, 85.7, IMAGENET),
    "siglip2-base": (224, 768, 92.9, HALVES),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_carries_the_licence_of_timms_configuration(name):
    own = timm.get_pretrained_cfg(PRESETS[name].model)
    assert PRESETS[name].licence == own.license
    assert own.license in PERMISSIVE
    assert own.hf_hub_id.startswith("timm/")


def test_the_manual_states_input_and_licence_of_every_preset():
    from pathlib import Path

    docs = Path(__file__).parents[3] / "docs"
    lines = (docs / "explanation/models.md").read_text("utf-8").splitlines()
    for name, preset in PRESETS.items():
        (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        _, _, model, size, licence, _ = (cell.strip() for cell in row.split("|"))
        assert (model, size.split()[0]) == (f"`{preset.model}`", str(KNOWN[name][0]))
        assert licence == preset.licence
    guide = (docs / "howto/backbones.md").read_text("utf-8")
    assert {each for each in PERMISSIVE if f"`{each}`" not in guide} == set()


@pytest.mark.parametrize(
    "model", ["convnextv2_tiny.fcmae_ft_in1k", "convnext_tiny.eupe_lvd1689m",
              "convnext_tiny.dinov3_lvd1689m"]
)  # fmt: skip
def test_weights_that_may_not_be_used_for_everything_are_no_preset(model):
    licence = timm.get_pretrained_cfg(model).license
    with pytest.raises(SettingsError, match=f"not permissive .{licence}. makes no preset"):
        Preset(model, licence=licence)


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_input_and_vector_are_those_published(name):
    """A network without memory: the large ones cost nothing."""
    size, n_features, millions, (mean, std) = KNOWN[name]
    learn = with_preset(LearnSettings(backbone=name, weights="random"))
    own = timm.get_pretrained_cfg(learn.backbone)
    with torch.device("meta"), NoNumbers():
        built = build_backbone(learn)
    assert built.n_features == n_features
    assert sum(each.numel() for each in built.model.parameters()) / 1e6 == pytest.approx(
        millions, abs=0.1
    )
    how = built.preprocessing
    assert (how.size_px, how.mean, how.std) == (size, mean, std)
    assert (how.mean, how.std) == (tuple(own.mean), tuple(own.std))
    assert how.interpolation == own.interpolation == "bicubic"
    assert own.input_size[-1] == (518 if "dino" in name else size)


def test_every_preset_is_among_the_published():
    assert set(KNOWN) == set(PRESETS)


def test_nothing_is_cropped_though_timms_configuration_would():
    """Objects of the sky stand anywhere: a mark in the corner is still in the corner."""
    from io import BytesIO

    from PIL import Image

    learn = LearnSettings(backbone="test_vit", weights="random")
    built = build_backbone(learn)
    assert timm.get_pretrained_cfg("test_vit").crop_pct < 1
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:15, :20] = 255
    data = BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    seen = built.preprocessing.pixels(ingest_image(data.getvalue()).thumbnail)
    assert seen.shape == (160, 160, 3)
    assert seen[:5, :5].min() > 200
    assert seen[20:, 20:].max() < 50


# ---- weights that do not fit -------------------------------------------------------------------


def file_of(path, name: str, **arguments):
    save_file(bare_model(name, arguments).state_dict(), path)
    return path


def test_a_file_of_a_transformer_for_another_size_is_resampled_as_timm_does_it(tmp_path):
    path = file_of(tmp_path / "large.safetensors", "test_vit", img_size=160)
    learn = LearnSettings(backbone="test_vit", weights=str(path), timm_kwargs={"img_size": 64})
    ours = build_backbone(learn).model
    theirs = timm.create_model(
        "test_vit", pretrained=True, num_classes=0, img_size=64,
        pretrained_cfg_overlay={"file": str(path)},
    )  # fmt: skip
    assert ours.pos_embed.shape[1] < 50
    for mine, its in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.equal(mine, its)


def test_positions_that_are_no_square_belong_to_another_architecture(tmp_path):
    tensors = bare_model("test_vit", {}).state_dict()
    tensors["pos_embed"] = tensors["pos_embed"][:, :-3].contiguous()
    path = tmp_path / "odd.safetensors"
    save_file(tensors, path)
    with pytest.raises(InputError, match=r"another architecture.*pos_embed"):
        build_backbone(LearnSettings(backbone="test_vit", weights=str(path)))


def cached(monkeypatch, folder, name: str = "test_convnext"):
    """A cache of the model hub that holds the file of one model, and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("the network"))
    hub = folder / "models--timm--test_convnext.r160_in1k"
    (hub / "snapshots" / "0f").mkdir(parents=True)
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("0f")
    file = hub / "snapshots" / "0f" / "model.safetensors"
    file_of(file, name)
    return file


def test_a_broken_download_is_said_in_one_line(tmp_path, monkeypatch):
    file = cached(monkeypatch, tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable safetensors file") as told:
        build_backbone(LearnSettings(backbone="test_convnext"))
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


def test_cached_weights_of_another_network_are_said_in_one_line(tmp_path, monkeypatch):
    file = cached(monkeypatch, tmp_path, name="test_vit")
    with pytest.raises(InputError, match="another architecture") as told:
        build_backbone(LearnSettings(backbone="test_convnext"))
    assert str(file) in str(told.value)
    assert "\n" not in str(told.value)


def test_an_unknown_preset_is_said_with_the_one_that_was_meant():
    with pytest.raises(SettingsError, match="Did you mean 'siglip2-base'"):
        build_backbone(LearnSettings(backbone="siglip2-bas"))
