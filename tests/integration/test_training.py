"""Training on small drawn images: a class is a colour, so that a small net can learn it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_sky import (
    BEHIND,
    CLASSES,
    LEARN,
    LEVELS,
    drawn,
    recipe_file,
)

import cosmic_morphology.learn.data.pixel_cache as cache_module
from cosmic_morphology.atlas import export_images
from cosmic_morphology.errors import InputError, SettingsError, UsageError
from cosmic_morphology.learn import (
    ParquetSource,
    build_backbone,
    embed_images,
    load_trained_model,
    predict_images,
)

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.usefixtures("short_recipes")


def test_a_baseline_learns_and_its_folder_tells_everything(sky, go):
    run = go(sky)
    assert run.metrics["val_macro_f1"] == 1.0
    assert (run.metrics["n_train"], run.metrics["n_val"]) == (18, 6)
    assert {file.name for file in run.path.iterdir()} == {
        "settings.json", "atlas.json", "environment.json", "history.csv", "weights.safetensors",
        "classes.json", "preprocessing.json", "metrics.json", "val.csv", "model_card.md",
        "training_record.csv", "KEY", "FINISHED",
    }  # fmt: skip
    assert json.loads((run.path / "atlas.json").read_text())["uri"] == sky.uri
    text = (run.path / "history.csv").read_text()
    history = list(csv.DictReader(text.splitlines()))
    assert [int(row["epoch"]) for row in history] == list(range(1, len(history) + 1))
    assert float(history[-1]["train_loss"]) < float(history[0]["train_loss"])


def test_a_model_says_the_same_after_loading_and_from_embeddings(sky, go):
    model = load_trained_model(go(sky).path)
    thumbnails = sky.images(sky.ids()).column("thumbnail").to_pylist()
    probabilities = model.predict(thumbnails)
    assert probabilities.shape == (30, 3)
    assert probabilities.sum(1) == pytest.approx(np.ones(30), abs=1e-5)
    seen = model.embed(thumbnails)
    assert model.predict_embeddings(seen) == pytest.approx(probabilities, abs=1e-4)
    named = [model.classes[k] for k in probabilities.argmax(1)]
    assert named == [each.split(":")[1].split("-")[0] for each in sky.ids()]


def test_a_model_that_gives_shares_back_says_after_loading_what_its_val_table_says(
    sky, go, tmp_path
):
    recipe = recipe_file(
        tmp_path, 'extends = "linear-probe"\nprior_correction = true\nepochs = 2\n'
    )
    run = go(sky, recipe=recipe)
    assert 0 <= run.metrics["prior_given_back"] <= 1
    rows = list(csv.DictReader((run.path / "val.csv").read_text().splitlines()))
    ids = [row["id"] for row in rows]
    said = np.array([[float(row[f"p_{name}"]) for name in run.classes] for row in rows])
    thumbnails = sky.images(ids).column("thumbnail").to_pylist()
    assert load_trained_model(run.path).predict(thumbnails) == pytest.approx(said, abs=1e-3)


def test_predictions_become_columns_and_are_made_once(sky, go):
    model = load_trained_model(go(sky).path)
    done = predict_images(sky, model, where="split = 'test'")
    assert (done.column, done.filled, done.unreadable) == ("prediction_linear-probe", 6, 0)
    rows = sky.read(
        [
            "id",
            "label",
            "prediction_linear-probe",
            "confidence_linear-probe",
            "probabilities_linear-probe",
        ],
        where="split = 'test'",
    ).to_pylist()
    for row in rows:
        assert row["prediction_linear-probe"] == row["label"]
        assert max(row["probabilities_linear-probe"]) == row["confidence_linear-probe"]
    assert predict_images(sky, model, where="split = 'test'").filled == 0
    assert predict_images(sky, model).filled == 24
    assert json.loads(sky.provenance_of("prediction_linear-probe")[b"parameters"])["classes"] == [
        *CLASSES
    ]


def test_the_same_run_is_not_made_twice_and_other_labels_make_it_anew(sky, go):
    first = go(sky)
    weights = first.path / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    assert go(sky) == first
    assert weights.stat().st_mtime_ns == before
    ids = sky.ids()
    others = {**dict.fromkeys(ids[:12], "comet"), **dict.fromkeys(ids[20:], "nebula")}
    go(sky, labels=others)
    assert weights.stat().st_mtime_ns != before


def test_two_runs_with_one_seed_are_the_same(sky, go, tmp_path):
    one, two = go(sky), go(sky, out=tmp_path / "again")
    assert one.metrics["val_macro_f1"] == two.metrics["val_macro_f1"]
    assert (one.path / "weights.safetensors").read_bytes() == (
        two.path / "weights.safetensors"
    ).read_bytes()


def test_training_learns_from_the_labels_of_one_voter(sky, go):
    assert go(sky, labels_of="folder").metrics["val_macro_f1"] == 1.0
    with pytest.raises(UsageError, match="labels of 1 of 3 classes"):
        go(sky, labels_of="always_comet")
    with pytest.raises(UsageError, match=r"no voter 'nobody'.*always_comet, folder"):
        go(sky, labels_of="nobody")


def test_test_images_are_never_read_for_training(sky, go):
    run = go(sky)
    by_class = run.metrics["n_by_class"]
    assert sum(by_class["train"].values()) + sum(by_class["val"].values()) == 24
    seen = []

    class Watched(ParquetSource):
        def thumbnails(self, ids):
            seen.extend(ids)
            return super().thumbnails(ids)

    file = run.path.parent / "sky.parquet"
    export_images(sky, file, format_="parquet")
    go(Watched(file), name="watched", recipe="scratch-once")
    splits = {row["id"]: row["split"] for row in sky.read(["id", "split"]).to_pylist()}
    assert {splits[each] for each in seen} == {"train", "val"}


def test_fine_tuning_starts_from_the_baseline_and_moves_the_last_stages_only(sky, go):
    base = load_trained_model(go(sky).path)
    tuned = load_trained_model(
        go(sky, name="tuned", recipe="finetune-once", init_from="linear-probe").path
    )
    before, after = base.network.state_dict(), tuned.network.state_dict()
    moved = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert moved <= {"layer3", "layer4", "layers"}
    assert {"layer3", "layer4"} <= moved
    assert tuned.classes == base.classes


def test_a_net_learns_from_scratch(sky, go, tmp_path):
    recipe = recipe_file(tmp_path, 'extends = "scratch"\nepochs = 6\nbatch_size = 6\n')
    assert go(sky, name="small", recipe=recipe).metrics["val_macro_f1"] > 0.8


def test_training_from_parquet_needs_no_atlas(sky, go, tmp_path):
    file = tmp_path / "sky.parquet"
    export_images(sky, file, format_="parquet")
    from_file, from_atlas = go(ParquetSource(file), name="p"), go(sky, name="a")
    assert from_file.metrics["val_macro_f1"] == from_atlas.metrics["val_macro_f1"]
    with pytest.raises(InputError, match="no such Parquet file"):
        ParquetSource(tmp_path / "none.parquet")


def test_embeddings_are_made_once_and_again_for_other_weights(sky):
    first = embed_images(sky, learn=LEARN)
    assert (first.column, first.filled, first.unreadable) == ("embedding_resnet10t", 30, 0)
    assert embed_images(sky, learn=LEARN).filled == 0
    larger = LEARN.model_copy(update={"image_size_px": 48})
    assert embed_images(sky, learn=larger).filled == 30


def test_a_run_of_another_name_beside_leaves_the_first_alone(sky, go):
    first = go(sky)
    before = (first.path / "weights.safetensors").read_bytes()
    go(sky, name="other", seed=8)
    assert (first.path / "weights.safetensors").read_bytes() == before
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        go(sky, name="../outside")


def test_an_example_keeps_its_label_confidence(sky):
    from cosmic_morphology.learn.data.dataset import examples_of_labels

    row = {"id": "a", "label": "comet", "split": "train", "group": "g", "label_confidence": 0.4}
    (example,) = examples_of_labels([row])
    assert example.weight == pytest.approx(0.4)
    assert replace(example, label="galaxy").weight == example.weight


def test_a_head_learns_from_views_of_the_levels(sky, go, tmp_path):
    run = go(sky, name="levels", recipe=recipe_file(tmp_path, LEVELS))
    assert run.metrics["val_macro_f1"] == 1.0
    # Val is learned from, too: what is said of it comes from heads that had not seen it.
    assert (run.metrics["n_train"], run.metrics["n_val"]) == (24, 6)
    assert run.metrics["penalty"] in (0.1, 0.3, 1.0)
    assert "held back in turn" in " ".join(run.metrics["notes"])
    model = load_trained_model(run.path)
    thumbnails = sky.images(sky.ids("split = 'test'")).column("thumbnail").to_pylist()
    named = [model.classes[k] for k in model.predict(thumbnails).argmax(1)]
    assert named == [each.split(":")[1].split("-")[0] for each in sky.ids("split = 'test'")]
    assert model.embed(thumbnails).shape == (6, 3 * (64 + 128 + 256 + 512) + 512)


def test_what_is_too_large_for_memory_lies_in_a_file_and_is_learnt_the_same(
    sky, go, tmp_path, monkeypatch
):
    recipe = recipe_file(tmp_path, LEVELS)
    in_memory = go(sky, name="memory", recipe=recipe)
    monkeypatch.setattr(cache_module, "IN_MEMORY_BYTES", 1000)
    in_file = go(sky, name="file", recipe=recipe)
    assert in_file.metrics["val_macro_f1"] == in_memory.metrics["val_macro_f1"]
    assert (in_file.path / "val.csv").read_text() == (in_memory.path / "val.csv").read_text()


def test_last_stages_learn_behind_frozen_ones_that_look_once(sky, go, tmp_path):
    start = go(sky)
    recipe = recipe_file(tmp_path, BEHIND)
    run = go(sky, name="finetune-cached", recipe=recipe, init_from=start.name)
    assert run.metrics["val_macro_f1"] == 1.0
    assert (run.metrics["n_train"], run.metrics["n_val"]) == (18, 6)
    model, before = (
        load_trained_model(run.path),
        load_trained_model(start.path).network.backbone.state_dict(),
    )
    moved = {
        name.partition(".")[0]
        for name, value in model.network.backbone.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == {"layer4"}
    # The saved network is whole: from images on it says what the val table says.
    rows = list(csv.DictReader((run.path / "val.csv").read_text().splitlines()))
    said = np.array([[float(row[f"p_{name}"]) for name in run.classes] for row in rows])
    thumbnails = sky.images([row["id"] for row in rows]).column("thumbnail").to_pylist()
    assert model.predict(thumbnails) == pytest.approx(said, abs=0.02)


def test_enlarged_parts_are_averaged_in_training_and_after_loading(sky, go, tmp_path):
    parts = 'extends = "linear-probe"\ntta_crops = 2\nepochs = 4\n'
    model = load_trained_model(go(sky, name="parts", recipe=recipe_file(tmp_path, parts)).path)
    assert (model.views, model.crops) == (1, 2)
    thumbnails = sky.images(sky.ids()[:4]).column("thumbnail").to_pylist()
    whole = replace(model, crops=0)
    assert not np.allclose(model.logits(thumbnails), whole.logits(thumbnails), atol=1e-4)
    assert model.fingerprint() != whole.fingerprint()


def test_every_ingredient_of_fine_tuning_runs_and_resumes(sky, go, tmp_path):
    recipe = recipe_file(
        tmp_path,
        'extends = "finetune"\nepochs = 3\noptimiser = "adamw"\nschedule = "cosine"\n'
        "warmup_epochs = 1\nlayer_decay = 0.5\nema = 0.9\nmixup = 0.2\nlabel_smoothing = 0.1\n"
        'logit_adjustment = 1.0\nclass_weights = "none"\nweight_by_label_confidence = true\n',
    )
    run = go(sky, name="rich", recipe=recipe)
    assert run.metrics["epochs"] == 3
    assert np.isfinite(load_trained_model(run.path).predict([drawn((1, 2, 3), 1)])).all()


def test_a_head_with_the_reject_class_knows_one_more(sky, go, tmp_path):
    labels = {each: "irrelevant" if "-09" in each or "-06" in each else each[6:].split("-")[0]
              for each in sky.ids()}  # fmt: skip
    recipe = recipe_file(tmp_path, 'extends = "linear-probe"\ninclude_reject_class = true\n')
    assert go(sky, recipe=recipe, labels=labels).classes == (*CLASSES, "irrelevant")


def test_adapters_of_a_transformer_learn_and_leave_a_plain_run(sky, go, tmp_path):
    learn = LEARN.model_copy(update={"backbone": "test_vit", "image_size_px": 32})
    recipe = recipe_file(tmp_path, 'extends = "lora"\nepochs = 3\nbatch_size = 6\nlora_rank = 2\n')
    before = build_backbone(learn).model.state_dict()
    run = go(sky, name="thin", recipe=recipe, learn=learn)
    model = load_trained_model(run.path)
    after = model.network.backbone.state_dict()
    assert after.keys() == before.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.endswith("attn.qkv.weight")}
    for name in moved:
        assert torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-4) <= 2
    assert np.isfinite(model.predict([drawn((1, 2, 3), 1)])).all()
    again = go(sky, name="thin", recipe=recipe, learn=learn, out=tmp_path / "again")
    assert (again.path / "weights.safetensors").read_bytes() == (
        run.path / "weights.safetensors"
    ).read_bytes()


def test_adapters_for_a_net_without_attention_are_refused(sky, go):
    with pytest.raises(SettingsError, match="adapters are for transformers"):
        go(sky, name="thin", recipe="lora-once")
