"""The verbs around a trained run: export, sweep, model-card."""

from __future__ import annotations

import csv
import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from training_sky import LEARN, TAXONOMY
from training_tools import CLASSES, QUICK, call, coloured_atlas, config_in, drawn

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import TrainingError
from cosmic_morphology.learn import OnnxModel, load_trained_model, train, write_card
from cosmic_morphology.settings import RunJob

sweep_module = importlib.import_module("cosmic_morphology.learn.sweep")


@pytest.fixture
def cosmic(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *words: call(words, monkeypatch, capsys)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def sky(place) -> Atlas:
    return coloured_atlas(place / "atlas")


@pytest.fixture(scope="module")
def run(place, sky) -> Path:
    recipe = place / "quick.toml"
    recipe.write_text(QUICK)
    job = RunJob(name="quick", recipe=str(recipe))
    return train(sky, job, learn=LEARN, taxonomy=TAXONOMY, seed=3, out=place).path


def test_an_export_is_compared_with_torch_on_the_runs_own_images(cosmic, run, tmp_path):
    file = tmp_path / "models/quick.onnx"
    code, said, _ = cosmic("export", run, "--onnx", file, "--json")
    told = json.loads(said)
    assert code == 0
    assert told["compared_on"] == "6 images"
    assert told["largest_difference_from_torch"] < 1e-4
    assert told["same_class_as_torch"] == 1
    assert OnnxModel(file).classes == tuple(CLASSES)
    assert OnnxModel(file).reject_below == load_trained_model(run).reject_below


def test_an_export_is_compared_on_images_that_are_given(cosmic, run, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    given = ("export", run, "--onnx", tmp_path / "x.onnx", "--images", folder, "--json")
    code, _, line = cosmic(*given)
    assert code == 2
    assert "there is no image here" in line
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(drawn("comet", n))
    assert json.loads(cosmic(*given)[1])["compared_on"] == "3 images"


def test_an_export_in_eight_bits_states_what_it_costs(cosmic, run, sky, tmp_path):
    file = tmp_path / "small.onnx"
    code, said, _ = cosmic(
        "export", run, "--onnx", file, "--int8", "--atlas", sky.uri, "--json",
        "--config", config_in(tmp_path),
    )  # fmt: skip
    told = json.loads(said)
    assert code == 0
    assert told["int8"]
    assert OnnxModel(file).precision == "int8"
    for what in ("accuracy_loss", "macro_f1_loss"):
        assert (told[what]["n"], told[what]["groups"]) == (6, 6)
        assert told[what]["ci95"][0] <= told[what]["value"] <= told[what]["ci95"][1]
        assert told[what]["labels"] == "computed"
        assert "duplicates" in told[what]["grouped_by"]
    for each in ("torch_scores", "int8_scores"):
        assert "n=6" in told[each]["accuracy"]
    rows = sky.read(["prediction_quick", "prediction_quick_int8", "label", "split"]).to_pylist()
    test = [row for row in rows if row["split"] == "test"]
    right = sum(row["prediction_quick"] == row["label"] for row in test)
    small = sum(row["prediction_quick_int8"] == row["label"] for row in test)
    assert told["accuracy_loss"]["value"] == pytest.approx((right - small) / 6)


def test_eight_bits_without_images_are_refused(cosmic, run, place, tmp_path):
    source = run / "atlas.json"
    before = source.read_text()
    try:
        source.write_text(json.dumps({"uri": str(tmp_path / "gone"), "version": "1"}))
        code, _, line = cosmic("export", run, "--onnx", tmp_path / "x.onnx", "--int8")
        assert code == 2
        assert "Give --atlas, or --images" in line
        told = json.loads(cosmic("export", run, "--onnx", tmp_path / "x.onnx", "--json")[1])
        assert told["compared_on"] == "noise"
    finally:
        source.write_text(before)
    assert cosmic("export", run, "--onnx", tmp_path / "x.pt")[0] == 2


def test_a_sweep_ends_with_a_table_and_goes_on_where_it_was(cosmic, sky, tmp_path):
    given = (
        "sweep", "colours", "--recipe", tmp_path / "quick.toml",
        "--backbone", "resnet10t", "--backbone", "resnet14t", "--weights", "resnet14t=random",
        "--seed", "1", "--seed", "2", "--atlas", sky.uri, "--out", tmp_path / "out",
        "--config", config_in(tmp_path),
    )  # fmt: skip
    code, said, _ = cosmic(*given, "--json")
    told = json.loads(said)
    assert (code, told["failed"]) == (0, {})
    names = {f"quick_resnet{n}t-s{seed}" for n in (10, 14) for seed in (1, 2)}
    assert {row["run"] for row in told["runs"]} == names
    scores = [row["macro_f1"] for row in told["runs"]]
    assert scores == sorted(scores, reverse=True)
    for row in told["runs"]:
        assert (row["n"], row["n_groups"], row["backbone"][:6]) == (6, 6, "resnet")
        assert row["low"] <= row["macro_f1"] <= row["high"]
    with Path(told["table"]).open() as file:
        assert {row["run"] for row in csv.DictReader(file)} == names
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/runs").rglob("weights.*")}
    assert len(before) == 4
    code, said, _ = cosmic(*given)
    assert code == 0
    assert "quick_resnet14t-s2" in said
    best = tmp_path / "out/runs" / told["runs"][0]["run"]
    assert f": cosmic evaluate {best} --atlas {sky.uri} " in said.splitlines()[-1]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_sweep_with_a_failure_shows_the_others_and_ends_with_one(
    cosmic, sky, tmp_path, monkeypatch
):
    config = config_in(tmp_path)
    (tmp_path / "wild.toml").write_text((tmp_path / "quick.toml").read_text())
    plain = sweep_module.train

    def trained(atlas, job, **more):
        if job.name.startswith("wild"):
            raise TrainingError("the loss is nan", where="training", todo="Lower learning_rate.")
        return plain(atlas, job, **more)

    monkeypatch.setattr(sweep_module, "train", trained)
    code, said, _ = cosmic(
        "sweep", "--recipe", tmp_path / "quick.toml", "--recipe", tmp_path / "wild.toml",
        "--seed", "1", "--atlas", sky.uri, "--out", tmp_path / "out",
        "--config", config, "--json",
    )  # fmt: skip
    told = json.loads(said)
    assert code == 1
    assert [row["run"] for row in told["runs"]] == ["quick_resnet10t-s1"]
    assert "the loss is" in told["failed"]["wild_resnet10t-s1"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("sweep", "--seed", "one"), "--seed"),
        (("sweep", "--seed", "1", "--seed", "1"), "one name"),
        (("sweep", "--weights", "a", "--weights", "b"), "BACKBONE=FILE"),
        (("sweep", "--weights", "vgg=random"), "BACKBONE=FILE"),
        (("train", "--backbone", "vit-tinny"), "Did you mean 'vit-tiny'"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_one_clear_line(cosmic, sky, tmp_path, words, part):
    code, said, line = cosmic(*words, "--atlas", sky.uri, "--config", config_in(tmp_path))
    assert (code, said) == (2, "")
    assert part in line
    assert len(line.splitlines()) == 1


def test_training_writes_a_card_and_the_verb_adds_scores_of_the_test_split(
    cosmic, run, sky, tmp_path
):
    card = run / "model_card.md"
    assert "18 to learn from, 6 to choose by" in card.read_text("utf-8")
    assert "Not measured yet" in card.read_text("utf-8")
    code, said, _ = cosmic(
        "model-card", run, "--atlas", sky.uri, "--config", config_in(tmp_path), "--json"
    )
    assert code == 0
    scores = json.loads(said)["test_scores"]
    assert scores[0].startswith("macro-F1 ")
    assert "(95 %, n=6 in 6 groups, computed labels, grouped by" in scores[0]
    for score in scores:
        assert score in card.read_text("utf-8")
    # Written again without an atlas it keeps what was measured.
    assert cosmic("model-card", run)[0] == 0
    assert scores[0] in card.read_text("utf-8")
    assert "no finished run" in cosmic("model-card", tmp_path)[2]


def test_a_card_is_written_for_a_run_of_an_older_version(run, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(run, old)
    for name in ("environment.json", "val.csv", "model_card.md", "test_scores.json"):
        (old / name).unlink(missing_ok=True)
    metrics = {"val_macro_f1": 0.5, "val_accuracy": 0.5}
    (old / "metrics.json").write_text(json.dumps(metrics))
    settings = json.loads((old / "settings.json").read_text())
    for name in ("recipe", "labels", "seed", "format_version"):
        del settings[name]
    (old / "settings.json").write_text(json.dumps(settings))
    text = write_card(old).read_text("utf-8")
    assert "macro-F1 | 0.500" in text
    assert "comet" in text
    assert np.isfinite(load_trained_model(old).predict([drawn("comet", 5)])).all()


def test_weights_of_another_architecture_are_one_clear_line(cosmic, sky, tmp_path):
    from safetensors.torch import save_file

    from cosmic_morphology.learn.models.backbones import bare_model

    file = tmp_path / "other.safetensors"
    save_file(bare_model("resnet14t", {}).state_dict(), file)
    code, said, line = cosmic(
        "train", "--weights", file, "--atlas", sky.uri, "--config", config_in(tmp_path)
    )
    assert (code, said) == (2, "")
    assert "another architecture" in line
    assert str(file) in line
    assert len(line.splitlines()) == 1
    (tmp_path / "text.safetensors").write_text("not weights at all")
    code, _, line = cosmic(
        "train", "--weights", tmp_path / "text.safetensors", "--atlas", sky.uri,
        "--config", config_in(tmp_path),
    )  # fmt: skip
    assert code == 2
    assert "not a readable safetensors file" in line


def test_runs_are_logged_to_mlflow_once(cosmic, sky, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="the extra [track] is not installed")
    pytest.importorskip("alembic", reason="the extra [track] is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    given = (
        "train", "logged", "--recipe", tmp_path / "quick.toml", "--mlflow", "--atlas", sky.uri,
        "--out", tmp_path / "out", "--config", config_in(tmp_path), "--json",
    )  # fmt: skip
    told = json.loads(cosmic(*given)[1])
    assert cosmic(*given)[0] == 0
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/out/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("cosmic-morphology")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["val_macro_f1"] == told["metrics"]["val_macro_f1"]
    assert logged.data.params["backbone"] == "resnet10t"
    assert logged.data.params["recipe.batch_size"] == "6"
    losses = client.get_metric_history(logged.info.run_id, "epoch_train_loss")
    assert [each.step for each in losses] == list(range(1, told["metrics"]["epochs"] + 1))
    assert "model_card.md" in {each.path for each in client.list_artifacts(logged.info.run_id)}


def test_tracking_without_mlflow_says_what_to_install(cosmic, sky, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    code, _, line = cosmic(
        "train", "logged", "--recipe", tmp_path / "quick.toml", "--mlflow", "--atlas", sky.uri,
        "--out", tmp_path / "out", "--config", config_in(tmp_path),
    )  # fmt: skip
    assert code == 2
    assert "[track]" in line
    # The run itself is there, with its history as CSV.
    assert (tmp_path / "out/runs/logged/history.csv").is_file()


def test_training_prints_scores_with_their_intervals_and_the_notes(cosmic, sky, tmp_path):
    code, said, _ = cosmic(
        "train", "told", "--recipe", tmp_path / "quick.toml", "--atlas", sky.uri,
        "--out", tmp_path / "out", "--config", config_in(tmp_path),
    )  # fmt: skip
    metrics = json.loads((tmp_path / "out/runs/told/metrics.json").read_text())
    assert code == 0
    assert re.search(rf"{metrics['val_macro_f1']:.3f} +\[", said)
    assert "val chose its best epoch" in said
    assert "counts as sure from" in said
    run = tmp_path / "out/runs/told"
    assert f": cosmic evaluate {run} --atlas {sky.uri} " in said.splitlines()[-1]
