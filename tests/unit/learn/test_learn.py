"""Parts of learning that need no training."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from cosmic_morphology.errors import InputError, SettingsError, TrainingError, UsageError
from cosmic_morphology.learn import build_backbone, hub_reachable, load_recipe, recipe_names
from cosmic_morphology.learn.data.augment import apply_params, sample_params
from cosmic_morphology.learn.data.batches import Examples, Shuffled
from cosmic_morphology.learn.models.backbones import bare_model
from cosmic_morphology.learn.models.batch_size_fallback import BatchSizeFallback
from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.network import stages
from cosmic_morphology.learn.models.tta import dihedral, tta_views
from cosmic_morphology.learn.recipes import Augmentation
from cosmic_morphology.learn.training.lightning_module import rate_at
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.calibration import (
    classwise_ece,
    temperature_and_prior_for,
    temperature_for,
    threshold_for,
)

SMALL = LearnSettings(backbone="resnet10t", weights="random", image_size_px=32, threads=1)


def images(n: int = 4, side: int = 24) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(1))


def source(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---- weights -----------------------------------------------------------------------------------


def with_file(tmp_path, tensors) -> LearnSettings:
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return SMALL.model_copy(update={"weights": str(path)})


def test_a_file_in_half_precision_with_a_head_loads_without_the_head(tmp_path):
    model = bare_model("resnet10t", {})
    tensors = {
        key: value.half() if value.ndim > 1 else value for key, value in model.state_dict().items()
    }
    tensors["fc.weight"], tensors["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    backbone = build_backbone(with_file(tmp_path, tensors))
    assert backbone.weights_id.startswith("file:")
    assert backbone.n_features == 512
    loaded = backbone.model.state_dict()["layer4.0.conv1.weight"]
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, tensors["layer4.0.conv1.weight"].float())


def test_weights_of_another_architecture_are_refused_with_what_is_wrong(tmp_path):
    tensors = bare_model("mobilenetv2_100", {}).state_dict()
    with pytest.raises(InputError, match=r"another architecture: .*missing.*no place"):
        build_backbone(with_file(tmp_path, tensors))
    state = bare_model("resnet10t", {}).state_dict()
    state["conv1.0.weight"] = torch.zeros(1, 2, 3, 4)
    with pytest.raises(InputError, match="another shape"):
        build_backbone(with_file(tmp_path, state))


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.safetensors: there is no such file"):
        build_backbone(SMALL.model_copy(update={"weights": str(tmp_path / "nothing.safetensors")}))
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        build_backbone(SMALL.model_copy(update={"weights": str(bad)}))


def test_unknown_models_and_arguments_are_usage_errors():
    with pytest.raises(SettingsError, match=r"no timm model 'resnet51'.*Did you mean 'resnet51q'"):
        build_backbone(SMALL.model_copy(update={"backbone": "resnet51"}))
    with pytest.raises(SettingsError, match="does not take these arguments"):
        build_backbone(SMALL.model_copy(update={"timm_kwargs": {"wings": 2}}))


@pytest.fixture
def silent_hub(monkeypatch):
    """A hub that takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server


def test_a_silent_hub_is_given_up_within_the_timeout(silent_hub):
    assert hub_reachable(0.3) is False


def test_a_hub_that_answers_is_found(silent_hub):
    def answer():
        connection, _ = silent_hub.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    assert hub_reachable(20.0) is True
    thread.join()


def test_pretrained_weights_without_a_hub_fail_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("cosmic_morphology.learn.models.backbones.cached_weights", lambda _: None)
    choices = "hub does not answer.*safetensors file, 'bundled' .* or 'random'"
    with pytest.raises(TrainingError, match=choices):
        build_backbone(SMALL.model_copy(update={"weights": "pretrained"}))


def test_preprocessing_is_the_models_own_unless_overridden():
    own = build_backbone(SMALL.model_copy(update={"backbone": "mobilenetv2_100"})).preprocessing
    assert own.mean == pytest.approx((0.485, 0.456, 0.406))
    assert own.size_px == 32
    half = {"weights_mean": (0.5, 0.5, 0.5), "weights_std": (0.5, 0.5, 0.5)}
    other = build_backbone(SMALL.model_copy(update=half)).preprocessing
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert other.normalised(white).unique().tolist() == [1.0]


# ---- recipes -----------------------------------------------------------------------------------


def test_every_packaged_recipe_is_valid_and_described():
    assert {"linear-probe", "finetune", "scratch", "multilayer-probe", "finetune-deep"} <= set(
        recipe_names()
    )
    assert all(load_recipe(name).description for name in recipe_names())


def test_a_recipe_inherits_and_its_own_keys_win(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'extends = "finetune"\nepochs = 3\n[augment]\nblur = 0.0\n', "utf-8"
    )
    mine, parent = load_recipe(str(tmp_path / "mine.toml")), load_recipe("finetune")
    assert (mine.epochs, mine.stages, mine.augment.blur) == (3, parent.stages, 0.0)
    assert mine.augment.rotate_deg == parent.augment.rotate_deg


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "epoch: there is no such key. Did you mean 'epochs'"),
        ("epochs = 0", "epochs: Input should be greater"),
        ('extends = "nobody"', "no recipe 'nobody'"),
        ("epochs = ", "not TOML"),
        ('extends = "bad.toml"', "in a circle"),
    ],
)
def test_a_bad_recipe_is_told_in_one_line(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        load_recipe(str(path))


def test_the_learning_rate_steps_warms_up_and_comes_to_rest():
    step = load_recipe("linear-probe")
    rates = [rate_at(step, epoch * 10, 200) for epoch in range(20)]
    assert rates[:7] == [1.0] * 7
    assert rates[7:14] == pytest.approx([0.1] * 7)
    assert rates[14:] == pytest.approx([0.01] * 6)
    cosine = load_recipe("scratch")
    assert rate_at(cosine, 0, 200) < rate_at(cosine, 9, 200) <= 1.0
    assert rate_at(cosine, 200, 200) == pytest.approx(0.0)


# ---- augmentation ------------------------------------------------------------------------------


def test_no_augmentation_leaves_images_as_they_are():
    before = images()
    after = apply_params(before, sample_params(Augmentation(), 4, source()), 24)
    assert torch.allclose(before, after, atol=1e-5)


def test_the_same_seed_gives_the_same_changes():
    rich = load_recipe("finetune-deep").augment
    one = apply_params(images(), sample_params(rich, 4, source()), 24)
    two = apply_params(images(), sample_params(rich, 4, source()), 24)
    assert torch.equal(one, two)
    assert not torch.equal(one, apply_params(images(), sample_params(rich, 4, source(4)), 24))


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        Augmentation,
        rotate_deg=st.floats(0, 180),
        flip=st.booleans(),
        shift=st.floats(0, 0.5),
        brightness=st.floats(0, 1),
        contrast=st.floats(0, 1),
        saturation=st.floats(0, 1),
        p_grayscale=st.floats(0, 1),
        p_channel_swap=st.floats(0, 1),
        sky_offset=st.floats(0, 0.5),
        blur=st.floats(0, 1),
        noise=st.floats(0, 0.2),
        p_border=st.floats(0, 1),
    ),
    st.integers(0, 10_000),
)
def test_whatever_is_drawn_pixels_stay_pixels(wanted, seed):
    after = apply_params(images(3, 16), sample_params(wanted, 3, source(seed)), 12)
    assert after.shape == (3, 3, 12, 12)
    assert 0 <= float(after.min()) <= float(after.max()) <= 1


def test_a_half_turn_moves_a_star_to_the_other_side():
    sky = torch.zeros(1, 3, 9, 9)
    sky[0, :, 1, 2] = 1.0
    changes = sample_params(Augmentation(), 1, source())
    changes.affine[0] = torch.tensor([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    after = apply_params(sky, changes, 9)
    assert after[0, 0].argmax().item() == 7 * 9 + 6


def test_grey_and_false_colour_touch_colour_only():
    grey = apply_params(images(), sample_params(Augmentation(p_grayscale=1.0), 4, source()), 24)
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-5)
    swapped = apply_params(
        images(), sample_params(Augmentation(p_channel_swap=1.0), 4, source()), 24
    )
    assert torch.allclose(swapped.sum(1), images().sum(1), atol=1e-4)


def test_a_blur_keeps_the_light_and_lowers_the_peaks():
    sky = torch.zeros(1, 3, 25, 25)
    sky[..., 12, 12] = 1.0
    after = apply_params(sky, sample_params(Augmentation(blur=1.0), 1, source()), 25)
    assert after.sum().item() == pytest.approx(3.0, rel=1e-3)
    assert after.max() < 0.9


def test_the_eight_turns_differ_and_keep_every_pixel():
    sky = torch.arange(48.0).view(1, 3, 4, 4)
    turned = [dihedral(sky, view) for view in range(8)]
    assert len({tuple(each.flatten().tolist()) for each in turned}) == 8
    assert all(torch.equal(each.sort().values.sum(), sky.sum()) for each in turned)


def test_parts_enlarge_a_small_target_and_the_middle_comes_first():
    sky = torch.zeros(1, 3, 50, 50)
    sky[..., 24:26, 24:26] = 1.0
    whole, middle, corner = tta_views(sky, views=1, crops=2)
    assert torch.equal(whole, sky)
    assert middle.shape == corner.shape == sky.shape
    assert middle.sum() > 2 * sky.sum()
    # The corner part begins at the corner: the target lies at its far side.
    assert corner[0, 0].argmax().item() // 50 > 35


# ---- batches -----------------------------------------------------------------------------------


def numbered(n: int) -> Examples:
    return Examples(torch.arange(n), torch.zeros(n, dtype=torch.long), torch.ones(n))


@given(st.integers(2, 60), st.integers(2, 16), st.integers(0, 9), st.integers(0, 9))
def test_every_epoch_shows_every_example_once(n, batch, seed, epoch):
    sampler = Shuffled(numbered(n), batch, seed)
    sampler.set_epoch(epoch)
    rows = [part.tolist() for part in sampler]
    assert len(rows) == len(sampler)
    assert sorted(row for part in rows for row in part) == list(range(n))
    assert n == 1 or min(len(part) for part in rows) > 1


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 3), st.integers(0, 9))
def test_processes_share_the_batches_of_one(world, size, more, seed):
    n = world * size * 3 + more
    alone = [set(part.tolist()) for part in Shuffled(numbered(n), world * size, seed)]
    shared = [
        [
            part.tolist()
            for part in Shuffled(numbered(n), world * size, seed, lambda rank=rank: (rank, world))
        ]
        for rank in range(world)
    ]
    # What is left over at the end cannot be shared fairly: in another epoch it is others.
    for number in range(3):
        parts = [rows[number] for rows in shared]
        if number < 2 or more == 0:
            assert set().union(*parts) == alone[number]
            assert sum(map(len, parts)) == world * size


def test_processes_change_images_as_one_would():
    wanted = load_recipe("finetune").augment
    whole = sample_params(wanted, 6, torch.Generator().manual_seed(1))
    parts = [whole.part(rank, 2) for rank in range(2)]
    for name in ("affine", "gain", "contrast", "blur_sigma_px", "border"):
        for rank, part in enumerate(parts):
            assert torch.equal(getattr(part, name), getattr(whole, name)[rank::2])
    assert parts[0].noise_seed != parts[1].noise_seed


# ---- networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv2_100", "vit_tiny_patch16_224"])
def test_stages_hold_every_parameter_once_and_are_few(name):
    model = bare_model(name, {})
    found = stages(model)
    names = [parameter for stage in found for parameter in stage]
    assert sorted(names) == sorted(parameter for parameter, _ in model.named_parameters())
    assert 2 <= len(found) <= 8
    within = stages(IntermediateFeatures(model))
    assert [[f"model.{each}" for each in stage] for stage in found] == within


def test_levels_end_with_the_backbones_own_vector():
    model = bare_model("resnet10t", {}).eval()
    batch = images(2, 32)
    with torch.inference_mode():
        own, levels = model(batch), IntermediateFeatures(model).eval()(batch)
    assert levels.shape == (2, 3 * (64 + 128 + 256 + 512) + 512)
    assert torch.equal(levels[:, -512:], own)


def test_the_weights_that_come_along_see_something_and_belong_to_one_net():
    asked = LearnSettings(backbone="mobilenetv3_small_075", weights="bundled", image_size_px=64)
    learned = build_backbone(asked)
    random = build_backbone(asked.model_copy(update={"weights": "random"}))
    assert learned.weights_id.startswith("bundled:")
    with torch.inference_mode():
        batch = images(2, 64)
        assert not torch.allclose(learned.model(batch), random.model(batch))
    with pytest.raises(SettingsError, match="mobilenetv3_small_075 only, not of resnet10t"):
        build_backbone(asked.model_copy(update={"backbone": "resnet10t"}))


# ---- calibration -------------------------------------------------------------------------------


def test_the_temperature_of_overconfident_scores_is_found():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (4000, 4)).astype(np.float32)
    odds = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    targets = np.array([rng.choice(4, p=row / row.sum()) for row in odds.astype(float)])
    assert temperature_for(3 * scores, targets) == pytest.approx(3.0, rel=0.1)
    assert temperature_for(scores[:0], targets[:0]) == 1.0


def test_the_shares_that_class_weights_took_away_are_found_and_given_back():
    rng = np.random.default_rng(0)
    shares = np.array([0.9, 0.08, 0.02])
    balanced = rng.normal(0, 1, (4000, 3)).astype(np.float32)
    odds = np.exp(balanced) * shares
    targets = np.array([rng.choice(3, p=row / row.sum()) for row in odds.astype(float)])
    temperature, tau = temperature_and_prior_for(balanced, targets, shares)
    assert tau == pytest.approx(1.0, abs=0.05)
    assert temperature == pytest.approx(1.0, rel=0.1)
    # Scores that know the shares already get nothing.
    knowing = (balanced + np.log(shares)).astype(np.float32)
    assert temperature_and_prior_for(knowing, targets, shares)[1] == pytest.approx(0.0, abs=0.05)
    assert temperature_and_prior_for(balanced[:0], targets[:0], shares) == (1.0, 0.0)


def test_honest_probabilities_have_no_calibration_error_and_boasting_has():
    honest = np.tile([[0.8, 0.2]], (1000, 1))
    targets = np.array([0] * 800 + [1] * 200)
    assert classwise_ece(honest, targets) == pytest.approx(0.0, abs=1e-6)
    boast = np.tile([[1.0, 0.0]], (1000, 1))
    assert classwise_ece(boast, targets) == pytest.approx(0.2)


def test_the_threshold_keeps_what_is_right_often_enough():
    first = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([first, 1 - first], 1)
    targets = np.array([0, 0, 1, 0])
    assert threshold_for(probabilities, targets, 0.99) == pytest.approx(0.8)
    assert threshold_for(probabilities, targets, 0.7) == pytest.approx(0.6)
    assert threshold_for(probabilities, 1 - targets, 0.99) == 1.0


def test_a_preset_is_a_name_of_timm_with_an_input_that_fits():
    import timm

    from cosmic_morphology.learn.data.embed import embedding_column
    from cosmic_morphology.learn.models.backbones import PRESETS, with_preset

    for name, preset in PRESETS.items():
        assert timm.is_model(preset.model)
        assert with_preset(LearnSettings(backbone=name)).backbone == preset.model
        assert embedding_column(name) == embedding_column(preset.model)
    given = with_preset(LearnSettings(backbone="dino-vit-small", image_size_px=98))
    assert given.image_size_px == 98
    assert with_preset(LearnSettings(backbone="dino-vit-small")).image_size_px == 224
    assert with_preset(SMALL) is SMALL


# ---- a GPU that is full ------------------------------------------------------------------------


def test_a_full_gpu_gets_half_as_many_images_until_they_fit(caplog):
    in_parts, given = BatchSizeFallback(), []

    def forward(batch: torch.Tensor) -> torch.Tensor:
        given.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError
        return 2 * batch

    batch = torch.arange(13.0)
    assert torch.equal(in_parts(forward, batch), 2 * batch)
    assert in_parts.most == 3
    assert "3 images at once" in caplog.text
    given.clear()
    assert torch.equal(in_parts(forward, batch), 2 * batch)
    assert given == [3, 3, 3, 3, 1]  # what did not fit is not tried again


def test_an_image_that_never_fits_ends_with_a_clear_line():
    def forward(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError

    with pytest.raises(TrainingError, match=r"single image does not fit.*smaller backbone"):
        BatchSizeFallback()(forward, torch.zeros(8))


def test_embeddings_are_the_same_in_halves(monkeypatch):
    from cosmic_morphology.learn.data.embedder import FrozenBackbone

    see = FrozenBackbone(build_backbone(SMALL), SMALL)
    pixels = images(6, 32)
    whole = see(pixels)
    real = FrozenBackbone._forward

    def full(self, batch):
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return real(self, batch)

    monkeypatch.setattr(FrozenBackbone, "_forward", full)
    assert see(pixels) == pytest.approx(whole, abs=1e-4)


# ---- the manual --------------------------------------------------------------------------------


def test_the_manual_names_every_recipe_key_and_preset():
    from pathlib import Path

    from cosmic_morphology.learn.models.backbones import PRESETS
    from cosmic_morphology.learn.recipes import Recipe

    text = (Path(__file__).parents[3] / "docs/explanation/models.md").read_text("utf-8")
    keys = {*Recipe.model_fields, *Augmentation.model_fields}
    named = {*recipe_names(), *keys, *PRESETS, *(each.model for each in PRESETS.values())}
    assert {each for each in named if f"`{each}`" not in text} == set()
    for fields in (Recipe.model_fields, Augmentation.model_fields):
        assert all(field.description for field in fields.values())


def test_the_demo_does_not_score_on_images_that_its_net_has_learnt_from(tmp_path):
    from cosmic_morphology.learn.models.weights import about_bundled
    from cosmic_morphology.pipeline.demo import demo

    with pytest.raises(UsageError, match=r"learned from the images of this seed"):
        demo(tmp_path, seed=about_bundled()["seed"], offline=True)
    assert not any(tmp_path.iterdir())
