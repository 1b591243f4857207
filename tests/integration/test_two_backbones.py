"""Two backbones that answer together: trained, loaded, embedded, exported as one file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from training_sky import LEARN, fill, recipe_file, runs_in
from training_tools import call, coloured_atlas, config_in

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import InputError, SettingsError, TrainingError, UsageError
from cosmic_morphology.evaluate.saliency import saliency
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import (
    OnnxModel,
    export_onnx,
    load_recipe,
    load_trained_model,
    predict_images,
    read_run,
)
from cosmic_morphology.learn.models.backbones import build_backbone
from cosmic_morphology.learn.models.joint import join_backbones, mean_of_heads
from cosmic_morphology.learn.models.network import Head
from cosmic_morphology.settings import OtherBackbone
from cosmic_morphology.synthesize.renderer import render_image

FIRST, SECOND = "resnet10t", "mobilenetv3_small_075"
# Two normalisations, and two sizes of the input.
SMALLER = OtherBackbone(
    weights="random", weights_mean=(0.5, 0.4, 0.3), weights_std=(0.5, 0.6, 0.7), image_size_px=24
)
TWO = LEARN.model_copy(update={"backbones": {SECOND: SMALLER}})
RECIPE = (
    f'extends = "multilayer-probe"\nbackbones = ["{FIRST}", "{SECOND}"]\n'
    "tta_views = 2\ncv_folds = 3\n"
)
PLAIN = (
    f'extends = "linear-probe"\nbackbones = ["{FIRST}", "{SECOND}"]\n'
    'optimiser = "lbfgs"\nmonitor = "val_loss"\n'
)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def sky(place) -> Atlas:
    return fill(place / "atlas")


@pytest.fixture(scope="module")
def go(place):
    return runs_in(place / "out")


@pytest.fixture(scope="module")
def run(sky, go, place):
    return go(sky, "two", recipe_file(place, RECIPE), TWO)


@pytest.fixture(scope="module")
def rendered() -> list[bytes]:
    """Images of several classes, as an atlas keeps them."""
    jobs = [(name, seed) for name in ("comet", "galaxy", "nebula") for seed in (3, 4)]
    images = [render_image(name, seed, size_px=96).jpeg() for name, seed in jobs]
    return [ingest_image(image).thumbnail for image in images]


def test_one_file_says_what_torch_says_of_rendered_images(run, rendered, tmp_path):
    model = load_trained_model(run.path)
    done = export_onnx(model, tmp_path / "two.onnx", compare_on=rendered)
    exported = OnnxModel(done.path)
    assert exported.predict(rendered) == pytest.approx(model.predict(rendered), abs=1e-4)
    said = {each.key: each.value for each in onnx.load(str(done.path)).metadata_props}
    members = json.loads(said["backbones"])
    assert [each["name"] for each in members] == [FIRST, SECOND]
    assert [each["preprocessing"]["size_px"] for each in members] == [32, 24]
    assert members[1]["preprocessing"]["mean"] == [0.5, 0.4, 0.3]
    assert "2 networks look at this one square" in said["input"]
    assert exported.preprocessing.size_px == 32


def test_the_answer_is_the_mean_of_the_log_probabilities_of_two_heads(run, rendered):
    """Checked against the parts, put together by hand."""
    model = load_trained_model(run.path)
    head, joint = model.network.head, model.network.backbone
    layer = head.layers[-1]
    pixels = torch.from_numpy(np.stack([model.preprocessing.pixels(each) for each in rendered]))
    scaled = pixels.permute(0, 3, 1, 2).float() / 255
    means, at = [], 0
    for number, (member, own) in enumerate(zip(joint.members, joint.inputs, strict=True)):
        shrink = getattr(joint, f"shrink_{number}")
        seen = scaled if shrink is None else (shrink @ scaled @ shrink.T).clamp(0, 1)
        with torch.inference_mode():
            vectors = member((seen - torch.tensor(own.mean).view(3, 1, 1)) / torch.tensor(
                own.std).view(3, 1, 1))  # fmt: skip
        width = vectors.shape[1]
        part = slice(at, at + width)
        scores = ((vectors - head.mean[part]) / head.scale[part]) @ layer.weight[:, part].T * 2
        means.append((scores + layer.bias).log_softmax(1))
        at += width
    together = torch.stack(means).mean(0).log_softmax(1).detach().numpy()
    with torch.inference_mode():
        whole = model.network(scaled).log_softmax(1).numpy()
    assert together == pytest.approx(whole, abs=1e-4)


def test_the_run_is_used_as_any_other(run, sky):
    told = read_run(run.path)
    assert told.backbone == f"{FIRST}+{SECOND}"
    assert told.metrics["val_macro_f1"] > 0.9
    model = load_trained_model(run.path)
    done = predict_images(sky, model, where="split = 'test'")
    rows = sky.read(["label", done.column], where="split = 'test'").to_pylist()
    assert np.mean([row["label"] == row[done.column] for row in rows]) > 0.8
    assert told.path.joinpath("model_card.md").read_text("utf-8").count("at 24 px") == 1
    image = sky.images([sky.read(["id"]).column("id")[0].as_py()]).column("thumbnail")[0].as_py()
    assert saliency(model, [image]).shape == (1, 32, 32)


def test_members_count_for_whether_a_run_is_the_same(run, sky, go, tmp_path):
    recipe = recipe_file(tmp_path, RECIPE)
    before = (run.path / "FINISHED").stat().st_mtime_ns
    again = go(sky, "two", recipe, TWO)
    assert (again.path / "FINISHED").stat().st_mtime_ns == before
    other = OtherBackbone(weights="random", image_size_px=24)
    changed = go(sky, "other", recipe, TWO.model_copy(update={"backbones": {SECOND: other}}))
    assert changed.key != run.key


def test_plain_heads_learn_from_a_column_of_each_backbone(sky, go, tmp_path):
    same_size = TWO.model_copy(
        update={"backbones": {SECOND: SMALLER.model_copy(update={"image_size_px": None})}}
    )
    found = go(sky, "plain", recipe_file(tmp_path, PLAIN), same_size)
    assert {f"embedding_{FIRST}", f"embedding_{SECOND}"} <= set(sky.columns())
    assert found.metrics["val_macro_f1"] > 0.5
    model = load_trained_model(found.path)
    vectors = [
        np.array(sky.images(["drawn:comet-00"], ["id", f"embedding_{each}"])
                 .column(f"embedding_{each}")[0].as_py(), np.float32)
        for each in (FIRST, SECOND)
    ]  # fmt: skip
    thumbnail = sky.images(["drawn:comet-00"]).column("thumbnail")[0].as_py()
    from_columns = model.predict_embeddings(np.concatenate(vectors)[None])
    assert from_columns == pytest.approx(model.predict([thumbnail]), abs=0.01)


def test_missing_weights_of_the_second_backbone_are_told(sky, go, tmp_path, monkeypatch):
    recipe = recipe_file(tmp_path, RECIPE)
    lost = tmp_path / "lost.safetensors"
    gone = TWO.model_copy(update={"backbones": {SECOND: OtherBackbone(weights=str(lost))}})
    with pytest.raises(InputError, match="no such file of weights") as told:
        go(sky, "two", recipe, gone)
    assert str(lost) in str(told.value)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    unsaid = TWO.model_copy(update={"backbones": {}, "weights": "bundled", "backbone": SECOND})
    with pytest.raises(TrainingError, match=rf"{FIRST} from .*cannot be fetched") as told:
        go(sky, "two", recipe, unsaid)
    assert "learn.backbones.<name>.weights" in str(told.value)


def test_several_backbones_cannot_do_everything(run, sky, go, tmp_path):
    text = f'extends = "{{}}"\nbackbones = ["{FIRST}", "{SECOND}"]\n'
    with pytest.raises(SettingsError, match="stay frozen"):
        load_recipe(recipe_file(tmp_path, text.format("finetune")))
    with pytest.raises(SettingsError, match="two or more, each once"):
        load_recipe(recipe_file(tmp_path, f'extends = "linear-probe"\nbackbones = ["{FIRST}"]\n'))
    with pytest.raises(UsageError, match="start from no other run"):
        go(sky, "more", recipe_file(tmp_path, RECIPE), TWO, init_from=run.name)


def test_embeddings_of_every_backbone_become_columns(tmp_path, monkeypatch, capsys):
    config = config_in(
        tmp_path, f'\n[learn.backbones.{SECOND}]\nweights = "random"\nimage_size_px = 24\n'
    )
    coloured_atlas(tmp_path / "atlas", per_class=2)
    words = ("embed", "--config", config, "--atlas", tmp_path / "atlas", "--json")
    code, out, _ = call(words, monkeypatch, capsys)
    assert code == 0
    found = json.loads(out)
    assert [found["column"], *(each["column"] for each in found["others"])] == [
        f"embedding_{FIRST}", f"embedding_{SECOND}"]  # fmt: skip
    assert {f"embedding_{FIRST}", f"embedding_{SECOND}"} <= set(
        Atlas.open(tmp_path / "atlas").columns()
    )


def test_a_square_is_shrunk_as_pillow_would():
    small = TWO.model_copy(update={"backbone": SECOND, "weights": "random", "image_size_px": 24})
    large = TWO.model_copy(update={"backbone": FIRST, "image_size_px": 60})
    joint = join_backbones([build_backbone(each) for each in (large, small)])
    assert joint.preprocessing.size_px == 60
    assert joint.model.shrink_0 is None
    pixels = np.random.default_rng(0).integers(60, 190, (60, 60, 3), dtype=np.uint8)
    inputs = joint.model.inputs[1]
    wanted = np.asarray(Image.fromarray(pixels).resize((24, 24), Image.Resampling.BICUBIC))
    assert inputs.interpolation == "bicubic"
    found = joint.model._shrunk(1, torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)
    assert found[0].permute(1, 2, 0).numpy() * 255 == pytest.approx(wanted, abs=1.5)


def test_a_head_of_all_features_is_the_mean_of_the_heads():
    torch.manual_seed(0)
    heads = [Head(3, 2), Head(4, 2)]
    features = [torch.randn(5, 3), torch.randn(5, 4)]
    for head, seen in zip(heads, features, strict=True):
        head.standardise(seen)
    joint = Head(7, 2)
    mean_of_heads(joint, heads, [0.5, 2.0])
    wanted = (heads[0](features[0]) / 0.5 + heads[1](features[1]) / 2) / 2
    assert torch.allclose(joint(torch.cat(features, 1)), wanted, atol=1e-6)
