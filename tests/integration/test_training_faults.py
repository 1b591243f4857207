"""Training meets kills, full memory, broken images and labels that do not fit."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_sky import (
    CLASSES,
    LEARN,
    SEED,
    STEPPED,
    TAXONOMY,
    drawn,
    fill,
    recipe_file,
    write,
)

from cosmic_morphology.atlas import Atlas, NewImage, Record, export_images
from cosmic_morphology.errors import InputError, TrainingError, UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import (
    ParquetSource,
    load_trained_model,
    read_run,
    train,
)
from cosmic_morphology.settings import RunJob
from cosmic_morphology.taxonomy import SkyClass, Taxonomy

pytest_plugins = ["training_fixtures"]
pytestmark = pytest.mark.usefixtures("short_recipes")


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
    deadline = time.monotonic() + 1800
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


def test_a_head_that_was_killed_resumes_to_the_same_metrics(sky, go, tmp_path, monkeypatch):
    from cosmic_morphology.learn.training.lightning_module import Classifier

    recipe = recipe_file(tmp_path, STEPPED)
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


def test_a_corrupt_image_is_quarantined_and_the_epoch_goes_on(sky, go, tmp_path):
    class OneBroken(ParquetSource):
        def thumbnails(self, ids):
            for each, data in super().thumbnails(ids):
                yield each, data[:200] if each == "drawn:comet-00" else data

    file = tmp_path / "sky.parquet"
    export_images(sky, file, format_="parquet")
    for recipe in ("linear-probe", "scratch-once"):
        run = go(OneBroken(file), name=recipe, recipe=recipe)
        assert run.metrics["quarantined"] == 1
        assert run.metrics["n_train"] == 17
        assert "1 image was left out as unreadable: see quarantine.csv" in run.notes
        assert "drawn:comet-00" in (run.path / "quarantine.csv").read_text()


def test_a_class_missing_in_one_split_is_said_and_survived(sky, go):
    labels = {row["id"]: row["label"] for row in sky.read(["id", "label", "split"]).to_pylist()
              if not (row["label"] == "comet" and row["split"] == "val")}  # fmt: skip
    run = go(sky, labels=labels)
    assert run.notes == ("the val split has no image of: comet",)
    assert run.metrics["val_macro_f1"] == 1.0
    labels = {each: name for each, name in labels.items() if name != "comet"}
    assert "the train split has no image of: comet" in go(sky, labels=labels).notes


def test_one_image_a_class_and_no_val_split_still_train(sky, go):
    labels = {f"drawn:{name}-00": name for name in CLASSES}
    run = go(sky, labels=labels, recipe="linear-probe")
    assert run.metrics["n_train"] == 3
    assert "the val split is empty: no early stopping, no calibration" in run.notes
    assert load_trained_model(run.path).temperature == 1.0


def test_a_loss_that_is_no_number_ends_the_run_with_a_clear_line(sky, go, tmp_path):
    recipe = recipe_file(tmp_path, 'extends = "scratch"\nlearning_rate = 1e30\nepochs = 5\n')
    with pytest.raises(TrainingError, match=r"the loss is nan.*Lower learning_rate"):
        go(sky, recipe=recipe)


def test_a_full_gpu_halves_the_batch_and_says_so(sky, go, monkeypatch):
    import cosmic_morphology.learn.training.loop as trainer_module

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
    from cosmic_morphology.learn.training.lightning_module import Classifier

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


def test_a_gpu_too_small_for_two_images_ends_with_a_clear_line(sky, go, monkeypatch):
    from cosmic_morphology.learn.training.lightning_module import Classifier

    def full(self, batch, index):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Classifier, "training_step", full)
    with pytest.raises(TrainingError, match=r"batch of 3 images.*smaller backbone"):
        go(sky)


def test_an_image_of_the_atlas_that_cannot_be_read_is_quarantined(tmp_path, go):
    sky = fill(tmp_path / "atlas")
    data = drawn((200, 40, 40), 77)
    broken = replace(ingest_image(data), thumbnail=b"no image", sha256="0" * 64)
    record = Record("drawn", "broken")
    sky.add([NewImage(record, broken, data)])
    rows = sky.read(["id", "label", "split", "group"]).to_pylist()
    beliefs = [row for row in rows if row["label"]]
    write(sky, [*beliefs, {"id": record.id, "label": "comet", "split": "train", "group": "b"}])
    for recipe in ("linear-probe", "scratch-once", "finetune-deep-once"):
        run = go(sky, name=recipe, recipe=recipe)
        assert (run.metrics["n_train"], run.metrics["quarantined"]) == (18, 1)
        assert record.id in (run.path / "quarantine.csv").read_text()


def test_weights_that_are_no_numbers_end_the_run_with_a_clear_line(sky, go, tmp_path):
    from safetensors.torch import save_file

    from cosmic_morphology.learn.models.backbones import bare_model

    weights = bare_model("resnet10t", {}).state_dict()
    weights["layer4.0.conv1.weight"][:] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    learn = LEARN.model_copy(update={"weights": str(tmp_path / "nan.safetensors")})
    for recipe in ("linear-probe", "finetune-once"):
        with pytest.raises(TrainingError, match=r"nan.*damaged weights"):
            go(sky, name=recipe, recipe=recipe, learn=learn)


def test_starting_from_a_run_with_other_classes_is_refused(sky, go):
    go(sky)
    other = Taxonomy(classes=(*TAXONOMY.classes, SkyClass(name="star")))
    with pytest.raises(UsageError, match="knows the classes comet, galaxy, nebula"):
        go(sky, name="tuned", recipe="finetune", init_from="linear-probe", taxonomy=other)


def test_a_newer_run_is_refused_and_an_older_one_loads(sky, go):
    run = go(sky)
    file = run.path / "settings.json"
    settings = json.loads(file.read_text())
    del settings["format_version"]
    file.write_text(json.dumps(settings))
    assert load_trained_model(run.path).classes == run.classes
    file.write_text(json.dumps(settings | {"format_version": 99}))
    with pytest.raises(TrainingError, match="format 99"):
        load_trained_model(run.path)
