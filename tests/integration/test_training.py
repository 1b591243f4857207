"""Training on small drawn pictures: a class is a colour, so that a small net can learn it."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cosmic_morphology.atlas import Arrival, Atlas, Record, Stamp, export
from cosmic_morphology.errors import InputError, SettingsError, TrainingError, UsageError
from cosmic_morphology.imaging import take_in
from cosmic_morphology.learn import (
    ParquetPictures,
    build_backbone,
    embed,
    load_recipe,
    load_run,
    predict_into,
    read_run,
    train,
)
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import SkyClass, Taxonomy

CLASSES = {"comet": (200, 40, 40), "galaxy": (40, 200, 40), "nebula": (40, 40, 200)}
TAXONOMY = Taxonomy(classes=tuple(SkyClass(name=name) for name in CLASSES))
LEARN = LearnSettings(
    backbone="resnet10t", weights="none", image_size_px=32, threads=1, workers=1, accelerator="cpu"
)
SEED = 7


def drawn(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 50, (40, 48, 3))
    out = io.BytesIO()
    Image.fromarray((noise + np.array(colour)).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def fill(folder: Path, *, per_class: int = 10, wrong: int = 0) -> Atlas:
    atlas = Atlas.create(folder)
    arrivals, beliefs = [], []
    for name, colour in CLASSES.items():
        for number in range(per_class):
            data = drawn(colour, 1000 * len(beliefs) + number)
            record = Record("drawn", f"{name}-{number:02d}")
            arrivals.append(Arrival(record, take_in(data), data))
            split = ("train", "train", "train", "val", "test")[number % 5]
            beliefs.append({"id": record.id, "label": name, "split": split, "group": record.id})
    atlas.add(arrivals)
    write(atlas, beliefs, wrong=wrong)
    return atlas


def write(atlas: Atlas, beliefs: list[dict[str, str]], *, wrong: int = 0) -> None:
    import pyarrow as pa

    from cosmic_morphology.atlas import VOTE_TYPE

    for row in beliefs[:wrong]:
        row["label"] = "nebula"
    labels = pa.Table.from_pylist(beliefs)
    votes = [
        [
            {"voter": "always_comet", "label": "comet", "weight": 0.3, "reason": ""},
            {"voter": "folder", "label": row["label"], "weight": 0.9, "reason": ""},
        ]
        for row in beliefs
    ]
    rows = labels.append_column("votes", pa.array(votes, VOTE_TYPE))
    atlas.replace_columns(rows, Stamp("labels"))


@pytest.fixture
def sky(tmp_path: Path) -> Atlas:
    return fill(tmp_path / "atlas")


@pytest.fixture
def go(tmp_path: Path):
    def run(source, name="baseline", recipe="baseline", learn=LEARN, **more):
        job = RunJob(
            name=name,
            recipe=recipe,
            labels=more.pop("labels_of", "label"),
            starts_from=more.pop("starts_from", ""),
        )
        given = {"taxonomy": TAXONOMY, "seed": SEED, "out": tmp_path / "out", **more}
        return train(source, job, learn=learn, **given)

    return run


def recipe_file(folder: Path, text: str) -> str:
    path = folder / f"recipe-{abs(hash(text))}.toml"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_baseline_learns_and_its_folder_tells_everything(sky, go):
    run = go(sky)
    assert run.metrics["val_macro_f1"] == 1.0
    assert (run.metrics["n_train"], run.metrics["n_val"]) == (18, 6)
    assert {file.name for file in run.path.iterdir()} == {
        "settings.json", "atlas.json", "environment.json", "history.csv", "weights.safetensors",
        "classes.json", "preprocessing.json", "metrics.json", "val.csv", "model_card.md", "KEY",
        "FINISHED",
    }  # fmt: skip
    assert json.loads((run.path / "atlas.json").read_text())["uri"] == sky.uri
    text = (run.path / "history.csv").read_text()
    history = list(csv.DictReader(text.splitlines()))
    assert [int(row["epoch"]) for row in history] == list(range(1, len(history) + 1))
    assert float(history[-1]["train_loss"]) < float(history[0]["train_loss"])


def test_a_model_says_the_same_after_loading_and_from_embeddings(sky, go):
    model = load_run(go(sky).path)
    thumbnails = sky.pictures(sky.ids()).column("thumbnail").to_pylist()
    probabilities = model.predict(thumbnails)
    assert probabilities.shape == (30, 3)
    assert probabilities.sum(1) == pytest.approx(np.ones(30), abs=1e-5)
    seen = model.embed(thumbnails)
    assert model.predict_embeddings(seen) == pytest.approx(probabilities, abs=1e-4)
    named = [model.classes[k] for k in probabilities.argmax(1)]
    assert named == [each.split(":")[1].split("-")[0] for each in sky.ids()]


def test_predictions_become_columns_and_are_made_once(sky, go):
    model = load_run(go(sky).path)
    done = predict_into(sky, model, where="split = 'test'")
    assert (done.column, done.filled, done.unreadable) == ("prediction_baseline", 6, 0)
    rows = sky.read(
        ["id", "label", "prediction_baseline", "confidence_baseline", "probabilities_baseline"],
        where="split = 'test'",
    ).to_pylist()
    for row in rows:
        assert row["prediction_baseline"] == row["label"]
        assert max(row["probabilities_baseline"]) == row["confidence_baseline"]
    assert predict_into(sky, model, where="split = 'test'").filled == 0
    assert predict_into(sky, model).filled == 24
    assert json.loads(sky.stamp_of("prediction_baseline")[b"parameters"])["classes"] == [*CLASSES]


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


def test_test_pictures_are_never_read_for_training(sky, go):
    run = go(sky)
    by_class = run.metrics["n_by_class"]
    assert sum(by_class["train"].values()) + sum(by_class["val"].values()) == 24
    seen = []

    class Watched(ParquetPictures):
        def thumbnails(self, ids):
            seen.extend(ids)
            return super().thumbnails(ids)

    file = run.path.parent / "sky.parquet"
    export(sky, file, format_="parquet")
    go(Watched(file), name="watched", recipe="scratch-once")
    splits = {row["id"]: row["split"] for row in sky.read(["id", "split"]).to_pylist()}
    assert {splits[each] for each in seen} == {"train", "val"}


@pytest.fixture(autouse=True)
def short_recipes(monkeypatch):
    """The packaged recipes for few pictures; with ``-once`` at the name's end for one epoch."""
    import cosmic_morphology.learn.fit as fit_module

    def load(name):
        if name.endswith("-once"):
            return load_recipe(name.removesuffix("-once")).model_copy(update={"epochs": 1})
        if name == "baseline":
            quick = {"batch_size": 6, "learning_rate": 0.03, "patience": 0}
            return load_recipe(name).model_copy(update=quick)
        return load_recipe(name)

    monkeypatch.setattr(fit_module, "load_recipe", load)


def test_fine_tuning_starts_from_the_baseline_and_moves_the_last_stages_only(sky, go):
    base = load_run(go(sky).path)
    tuned = load_run(go(sky, name="tuned", recipe="finetune-once", starts_from="baseline").path)
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
    export(sky, file, format_="parquet")
    from_file, from_atlas = go(ParquetPictures(file), name="p"), go(sky, name="a")
    assert from_file.metrics["val_macro_f1"] == from_atlas.metrics["val_macro_f1"]
    with pytest.raises(InputError, match="no such Parquet file"):
        ParquetPictures(tmp_path / "none.parquet")


def train_in_a_process(uri: str, recipe: str, out: Path) -> None:
    job = RunJob(name="tuned", recipe=recipe)
    train(Atlas.open(uri), job, learn=LEARN, taxonomy=TAXONOMY, seed=SEED, out=out)


def test_a_killed_run_resumes_to_the_same_metrics(sky, go, tmp_path):
    recipe = recipe_file(tmp_path, 'extends = "finetune"\nepochs = 6\npatience = 0\nmixup = 0.2\n')
    whole = go(sky, name="tuned", recipe=recipe, out=tmp_path / "undisturbed")

    child = multiprocessing.get_context("spawn").Process(
        target=train_in_a_process, args=(sky.uri, recipe, tmp_path / "killed")
    )
    child.start()
    checkpoint = tmp_path / "killed/runs/tuned/checkpoints/last.ckpt"
    deadline = time.monotonic() + 120
    while not checkpoint.is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert checkpoint.is_file()
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with pytest.raises(InputError, match="no finished run"):
        read_run(tmp_path / "killed/runs/tuned")
    resumed = go(sky, name="tuned", recipe=recipe, out=tmp_path / "killed")
    drop = ("seconds",)
    assert {k: v for k, v in resumed.metrics.items() if k not in drop} == {
        k: v for k, v in whole.metrics.items() if k not in drop
    }
    assert (resumed.path / "weights.safetensors").read_bytes() == (
        whole.path / "weights.safetensors"
    ).read_bytes()


def test_a_corrupt_picture_is_quarantined_and_the_epoch_goes_on(sky, go, tmp_path):
    class OneBroken(ParquetPictures):
        def thumbnails(self, ids):
            for each, data in super().thumbnails(ids):
                yield each, data[:200] if each == "drawn:comet-00" else data

    file = tmp_path / "sky.parquet"
    export(sky, file, format_="parquet")
    for recipe in ("baseline", "scratch-once"):
        run = go(OneBroken(file), name=recipe, recipe=recipe)
        assert run.metrics["quarantined"] == 1
        assert run.metrics["n_train"] == 17
        assert "1 picture was left out as unreadable: see quarantine.csv" in run.notes
        assert "drawn:comet-00" in (run.path / "quarantine.csv").read_text()


def test_a_class_missing_in_one_split_is_said_and_survived(sky, go):
    labels = {row["id"]: row["label"] for row in sky.read(["id", "label", "split"]).to_pylist()
              if not (row["label"] == "comet" and row["split"] == "val")}  # fmt: skip
    run = go(sky, labels=labels)
    assert run.notes == ("the val split has no picture of: comet",)
    assert run.metrics["val_macro_f1"] == 1.0
    labels = {each: name for each, name in labels.items() if name != "comet"}
    assert "the train split has no picture of: comet" in go(sky, labels=labels).notes


def test_one_picture_a_class_and_no_val_split_still_train(sky, go):
    labels = {f"drawn:{name}-00": name for name in CLASSES}
    run = go(sky, labels=labels, recipe="baseline")
    assert run.metrics["n_train"] == 3
    assert "the val split is empty: no early stopping, no calibration" in run.notes
    assert load_run(run.path).temperature == 1.0


def test_a_loss_that_is_no_number_ends_the_run_with_a_clear_line(sky, go, tmp_path):
    recipe = recipe_file(tmp_path, 'extends = "scratch"\nlearning_rate = 1e30\nepochs = 5\n')
    with pytest.raises(TrainingError, match=r"the loss is nan.*Lower learning_rate"):
        go(sky, recipe=recipe)


def test_a_full_gpu_halves_the_batch_and_says_so(sky, go, monkeypatch):
    import cosmic_morphology.learn.trainer as trainer_module

    real = trainer_module._fit_once

    def full(module, train, val, recipe, device, folder, seed, batch_size, *rest):
        if batch_size > 5:
            raise torch.OutOfMemoryError
        return real(module, train, val, recipe, device, folder, seed, batch_size, *rest)

    monkeypatch.setattr(trainer_module, "_fit_once", full)
    run = go(sky)
    assert run.metrics["batch_size"] == 3
    assert any("halved to 3" in note for note in run.notes)


def test_a_gpu_that_fills_up_in_the_middle_of_an_epoch_goes_on_with_half(sky, go, monkeypatch):
    from cosmic_morphology.learn.module import Classifier

    real, sizes = Classifier.training_step, []

    def full(self, batch, index):
        sizes.append(len(batch["target"]))
        if len(sizes) > 4 and sizes[-1] > 4:
            raise torch.OutOfMemoryError
        return real(self, batch, index)

    monkeypatch.setattr(Classifier, "training_step", full)
    run = go(sky, name="tuned", recipe="scratch-once", learn=LEARN)
    assert run.metrics["batch_size"] == 18
    run = go(sky)
    assert sizes[1:4] == [6, 6, 6]
    assert run.metrics["batch_size"] == 3
    assert run.metrics["n_train"] == 18
    assert "the GPU's memory was full: the batch was halved to 3" in run.notes


def test_a_gpu_too_small_for_two_pictures_ends_with_a_clear_line(sky, go, monkeypatch):
    from cosmic_morphology.learn.module import Classifier

    def full(self, batch, index):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Classifier, "training_step", full)
    with pytest.raises(TrainingError, match=r"batch of 3 pictures.*smaller backbone"):
        go(sky)


def test_a_picture_of_the_atlas_that_cannot_be_read_is_quarantined(tmp_path, go):
    sky = fill(tmp_path / "atlas")
    data = drawn((200, 40, 40), 77)
    broken = replace(take_in(data), thumbnail=b"no picture", sha256="0" * 64)
    record = Record("drawn", "broken")
    sky.add([Arrival(record, broken, data)])
    rows = sky.read(["id", "label", "split", "group"]).to_pylist()
    beliefs = [row for row in rows if row["label"]]
    write(sky, [*beliefs, {"id": record.id, "label": "comet", "split": "train", "group": "b"}])
    for recipe in ("baseline", "scratch-once", "best-once"):
        run = go(sky, name=recipe, recipe=recipe)
        assert (run.metrics["n_train"], run.metrics["quarantined"]) == (18, 1)
        assert record.id in (run.path / "quarantine.csv").read_text()


def test_weights_that_are_no_numbers_end_the_run_with_a_clear_line(sky, go, tmp_path):
    from safetensors.torch import save_file

    from cosmic_morphology.learn.backbones import bare_model

    weights = bare_model("resnet10t", {}).state_dict()
    weights["layer4.0.conv1.weight"][:] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    learn = LEARN.model_copy(update={"weights": str(tmp_path / "nan.safetensors")})
    for recipe in ("baseline", "finetune-once"):
        with pytest.raises(TrainingError, match=r"nan.*damaged weights"):
            go(sky, name=recipe, recipe=recipe, learn=learn)


def test_a_head_that_was_killed_resumes_to_the_same_metrics(sky, go, tmp_path, monkeypatch):
    from cosmic_morphology.learn.module import Classifier

    recipe = recipe_file(tmp_path, BEST)
    whole = go(sky, name="best", recipe=recipe, out=tmp_path / "undisturbed")
    real = Classifier.training_step

    def killed(self, batch, index):
        if self.current_epoch == 4:
            raise MemoryError
        return real(self, batch, index)

    monkeypatch.setattr(Classifier, "training_step", killed)
    with pytest.raises(MemoryError):
        go(sky, name="best", recipe=recipe)
    monkeypatch.setattr(Classifier, "training_step", real)
    resumed = go(sky, name="best", recipe=recipe)
    assert (resumed.path / "weights.safetensors").read_bytes() == (
        whole.path / "weights.safetensors"
    ).read_bytes()
    for each in ("val_macro_f1", "temperature", "best_epoch", "epochs"):
        assert resumed.metrics[each] == whole.metrics[each]


def test_starting_from_a_run_with_other_classes_is_refused(sky, go):
    go(sky)
    other = Taxonomy(classes=(*TAXONOMY.classes, SkyClass(name="star")))
    with pytest.raises(UsageError, match="knows the classes comet, galaxy, nebula"):
        go(sky, name="tuned", recipe="finetune", starts_from="baseline", taxonomy=other)


def test_a_newer_run_is_refused_and_an_older_one_loads(sky, go):
    run = go(sky)
    file = run.path / "settings.json"
    settings = json.loads(file.read_text())
    del settings["format_version"]
    file.write_text(json.dumps(settings))
    assert load_run(run.path).classes == run.classes
    file.write_text(json.dumps(settings | {"format_version": 99}))
    with pytest.raises(TrainingError, match="format 99"):
        load_run(run.path)


def test_embeddings_are_made_once_and_again_for_other_weights(sky):
    first = embed(sky, learn=LEARN)
    assert (first.column, first.filled, first.unreadable) == ("embedding_resnet10t", 30, 0)
    assert embed(sky, learn=LEARN).filled == 0
    larger = LEARN.model_copy(update={"image_size_px": 48})
    assert embed(sky, learn=larger).filled == 30


def test_a_run_of_another_name_beside_leaves_the_first_alone(sky, go):
    first = go(sky)
    before = (first.path / "weights.safetensors").read_bytes()
    go(sky, name="other", seed=8)
    assert (first.path / "weights.safetensors").read_bytes() == before
    with pytest.raises(UsageError, match="cannot be the name of a run"):
        go(sky, name="../outside")


def test_an_example_keeps_its_label_confidence(sky):
    from cosmic_morphology.learn.pictures import examples_of_labels

    row = {"id": "a", "label": "comet", "split": "train", "group": "g", "label_confidence": 0.4}
    (example,) = examples_of_labels([row])
    assert example.weight == pytest.approx(0.4)
    assert replace(example, label="galaxy").weight == example.weight


BEST = 'extends = "best"\nepochs = 8\nviews = 2\ntrain_views = 2\nbatch_size = 6\n'


def test_the_best_recipe_learns_from_views_of_the_levels(sky, go, tmp_path):
    run = go(sky, name="best", recipe=recipe_file(tmp_path, BEST))
    assert run.metrics["val_macro_f1"] == 1.0
    assert (run.metrics["n_train"], run.metrics["n_val"]) == (18, 6)
    model = load_run(run.path)
    thumbnails = sky.pictures(sky.ids("split = 'test'")).column("thumbnail").to_pylist()
    named = [model.classes[k] for k in model.predict(thumbnails).argmax(1)]
    assert named == [each.split(":")[1].split("-")[0] for each in sky.ids("split = 'test'")]
    assert model.embed(thumbnails).shape == (6, 3 * (64 + 128 + 256 + 512) + 512)


def test_every_ingredient_of_fine_tuning_runs_and_resumes(sky, go, tmp_path):
    recipe = recipe_file(
        tmp_path,
        'extends = "finetune"\nepochs = 3\noptimiser = "adamw"\nschedule = "cosine"\n'
        "warmup_epochs = 1\nlayer_decay = 0.5\nema = 0.9\nmixup = 0.2\nlabel_smoothing = 0.1\n"
        'logit_adjustment = 1.0\nclass_weights = "none"\nlabel_confidence = true\n',
    )
    run = go(sky, name="rich", recipe=recipe)
    assert run.metrics["epochs"] == 3
    assert np.isfinite(load_run(run.path).predict([drawn((1, 2, 3), 1)])).all()


def test_a_head_with_the_reject_class_knows_one_more(sky, go, tmp_path):
    labels = {each: "irrelevant" if "-09" in each or "-06" in each else each[6:].split("-")[0]
              for each in sky.ids()}  # fmt: skip
    recipe = recipe_file(tmp_path, 'extends = "baseline"\nwith_reject = true\n')
    assert go(sky, recipe=recipe, labels=labels).classes == (*CLASSES, "irrelevant")


def test_adapters_of_a_transformer_learn_and_leave_a_plain_run(sky, go, tmp_path):
    learn = LEARN.model_copy(update={"backbone": "test_vit", "image_size_px": 32})
    recipe = recipe_file(tmp_path, 'extends = "adapters"\nepochs = 3\nbatch_size = 6\nrank = 2\n')
    before = build_backbone(learn).model.state_dict()
    run = go(sky, name="thin", recipe=recipe, learn=learn)
    model = load_run(run.path)
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
        go(sky, name="thin", recipe="adapters-once")
