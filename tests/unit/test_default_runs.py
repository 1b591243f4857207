"""What is trained where nobody says what."""

from __future__ import annotations

import pytest

from cosmic_morphology.pipeline.default_runs import default_runs
from cosmic_morphology.settings import LearnSettings, OtherBackbone

BUNDLED = LearnSettings(backbone="mobilenetv3_small_075", weights="bundled", image_size_px=64)


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def names(*given, **more) -> list[str]:
    return [job.name for job in default_runs(*given, **more)]


def test_a_bundled_net_gets_the_best_recipe_of_one_backbone_and_asks_no_hub():
    def never() -> bool:
        raise AssertionError

    assert names(BUNDLED, hub=never) == ["linear-probe", "finetune", "multilayer-probe"]
    assert names(BUNDLED, finetune=False) == ["linear-probe", "multilayer-probe"]
    assert default_runs(BUNDLED)[1].init_from == "linear-probe"


def test_two_backbones_where_their_weights_are_or_can_be_had(tmp_path):
    learn = LearnSettings(backbone="resnet18")
    assert names(learn)[-1] == "multilayer-probe"
    assert names(learn, hub=lambda: True)[-1] == "two-backbones"
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"")
    mine = OtherBackbone(weights=str(file))
    both = learn.model_copy(update={"backbones": {"efficientnet-b4": mine, "vit-tiny": mine}})
    assert names(both)[-1] == "two-backbones"
    lost = {"efficientnet-b4": mine, "vit-tiny": OtherBackbone(weights="lost.safetensors")}
    there = learn.model_copy(update={"backbones": lost})
    assert names(there, hub=lambda: True)[-1] == "multilayer-probe"


def test_a_net_that_tells_nothing_of_its_stages_gets_the_references(monkeypatch):
    monkeypatch.setattr(
        "cosmic_morphology.learn.models.backbones.has_intermediate_features", lambda _: False
    )
    assert names(BUNDLED) == ["linear-probe", "finetune"]
