"""What is made from a finished run: ONNX, answers on files, sweeps, cards."""

from __future__ import annotations

import csv
import io
import json
import warnings

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
import torch
from astropy.io import fits
from PIL import Image

from cosmic_morphology.errors import InputError
from cosmic_morphology.learn import (
    OnnxModel,
    TrainedModel,
    export_onnx,
    predict_files,
    sweep_runs,
    write_card,
    write_predictions,
)
from cosmic_morphology.learn.data.dataset import Example
from cosmic_morphology.learn.models.backbones import bare_model
from cosmic_morphology.learn.models.intermediate_features import IntermediateFeatures
from cosmic_morphology.learn.models.network import Head, Network
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.fusion import Fusion
from cosmic_morphology.taxonomy import SkyClass, Taxonomy

CLASSES = ("comet", "galaxy", "nebula")
LEARN = LearnSettings(
    backbone="resnet10t", weights="random", image_size_px=32, threads=1, accelerator="cpu"
)


def jpeg(seed: int, colour: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 90, (40, 60, 3), dtype=np.uint8)
    pixels[..., colour] += 120
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def model() -> TrainedModel:
    torch.manual_seed(0)
    backbone = IntermediateFeatures(bare_model("resnet10t", {}))
    head = Head(3 * (64 + 128 + 256 + 512) + 512, 3)
    preprocessing = Preprocessing(32, (0.4, 0.5, 0.6), (0.2, 0.3, 0.2))
    network = Network(backbone, head).eval()
    return TrainedModel("small", CLASSES, network, preprocessing, 1.7, 0.4, views=2, crops=1)


def test_onnx_says_what_torch_says_and_carries_its_classes(model, tmp_path):
    model.fusion = Fusion(0.8, 1.2, 0.6, 70)
    done = export_onnx(model, tmp_path / "model.onnx")
    assert done.parity < 1e-4
    loaded = OnnxModel(done.path)
    assert (loaded.classes, loaded.name, loaded.reject_below) == (CLASSES, "small", 0.4)
    assert loaded.preprocessing == model.preprocessing
    assert loaded.fusion == model.fusion
    thumbnails = [jpeg(n) for n in range(5)]
    assert loaded.predict(thumbnails) == pytest.approx(model.predict(thumbnails), abs=1e-4)
    assert np.isnan(loaded.predict([b"no image"])).all()


def test_padding_as_tensorflow_does_it_is_worked_out_before_the_export(tmp_path):
    torch.manual_seed(0)
    backbone = bare_model("tf_mobilenetv3_small_minimal_100", {}).eval()
    network = Network(backbone, Head(backbone(torch.zeros(1, 3, 45, 45)).shape[1], 3)).eval()
    preprocessing = Preprocessing(45, (0.4, 0.5, 0.6), (0.2, 0.3, 0.2))
    model = TrainedModel("padded", CLASSES, network, preprocessing, 1.0, 0.0)
    thumbnails = [jpeg(n) for n in range(3)]
    before = model.predict(thumbnails)
    done = export_onnx(model, tmp_path / "model.onnx", compare_on=thumbnails)
    assert done.parity < 1e-4
    assert OnnxModel(done.path).predict(thumbnails) == pytest.approx(before, abs=1e-4)
    assert model.predict(thumbnails) == pytest.approx(before)  # the model itself is unchanged
    kinds = {node.op_type for node in onnx.load(str(done.path)).graph.node}
    assert not kinds & {"Ceil", "Clip"}  # nothing rounds sizes while it predicts


def test_eight_bit_onnx_is_smaller_and_mostly_agrees(model, tmp_path):
    thumbnails = [jpeg(n, n % 3) for n in range(12)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the quantiser speaks of its own old numpy calls
        small = export_onnx(model, tmp_path / "int8.onnx", int8_from=thumbnails)
    large = export_onnx(model, tmp_path / "model.onnx")
    assert small.int8
    assert small.megabytes < large.megabytes / 2
    difference = OnnxModel(small.path).predict(thumbnails) - model.predict(thumbnails)
    assert np.abs(difference).mean() < 0.05


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"hello")
    with pytest.raises(InputError, match="not a model of ours"):
        OnnxModel(path)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "images"
    (place / "deep").mkdir(parents=True)
    (place / "a.jpg").write_bytes(jpeg(1))
    (place / "deep/b.jpg").write_bytes(jpeg(2))
    (place / "notes.txt").write_text("no image at all")
    one = io.BytesIO()
    Image.new("RGB", (1, 1)).save(one, "PNG")
    (place / "one.png").write_bytes(one.getvalue())
    sky = np.random.default_rng(0).integers(0, 60000, (64, 48)).astype(np.uint16)
    fits.PrimaryHDU(sky).writeto(place / "grey.fits")
    return place


def test_every_file_gets_an_answer_or_a_reason(model, folder):
    answers = {answer.file.rpartition("/")[2]: answer for answer in predict_files(model, folder)}
    assert set(answers) == {"a.jpg", "b.jpg", "notes.txt", "one.png", "grey.fits"}
    for name in ("a.jpg", "b.jpg", "grey.fits"):
        assert answers[name].prediction in CLASSES
        assert answers[name].error == ""
        assert sum(answers[name].probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert answers[name].accepted == (answers[name].confidence >= 0.4)
    assert answers["notes.txt"].error.startswith("not_an_image")
    assert answers["one.png"].error.startswith("too_small")
    assert not answers["one.png"].accepted
    with pytest.raises(InputError, match="no such file or folder"):
        next(predict_files(model, folder / "nothing"))


def test_answers_are_written_as_csv_json_and_parquet(model, folder, tmp_path):
    answers = list(predict_files(model, folder))
    assert [
        write_predictions(answers, tmp_path / f"x.{kind}") for kind in ("csv", "json", "parquet")
    ]
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    assert len(rows) == 5
    assert {"file", "prediction", "p_comet", "error"} <= set(rows[0])
    assert [row["file"] for row in json.loads((tmp_path / "x.json").read_text())] == [
        row["file"] for row in rows
    ]
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 5
    with pytest.raises(InputError, match=r"not written as \.xlsx"):
        write_predictions(answers, tmp_path / "x.xlsx")


class Drawn:
    """A source of images whose classes are colours."""

    def origin(self):
        return {"uri": "drawn", "version": "1"}

    def examples(self, labels):
        assert labels == "label"
        return [
            Example(f"{name}{n}", name, "val" if n > 3 else "train", f"{name}{n}")
            for name in CLASSES
            for n in range(6)
        ]

    def thumbnails(self, ids):
        for each in ids:
            name, number = each[:-1], int(each[-1])
            yield each, jpeg(10 * CLASSES.index(name) + number, CLASSES.index(name))


def test_a_sweep_notes_failures_and_makes_finished_runs_only_once(tmp_path):
    kind = Taxonomy(classes=tuple(SkyClass(name=name) for name in CLASSES))
    broken = LEARN.model_copy(update={"weights": str(tmp_path / "none.safetensors")})
    given = {
        "recipes": ["linear-probe"],
        "backbones": [LEARN, broken.model_copy(update={"backbone": "resnet14t"})],
        "seeds": [1, 2],
        "taxonomy": kind,
        "out": tmp_path,
    }
    swept = sweep_runs(Drawn(), **given)
    assert {run.name for run in swept.runs} == {
        "linear_probe_resnet10t-s1", "linear_probe_resnet10t-s2"}  # fmt: skip
    assert set(swept.failed) == {"linear_probe_resnet14t-s1", "linear_probe_resnet14t-s2"}
    before = [(run.path / "FINISHED").stat().st_mtime_ns for run in swept.runs]
    again = sweep_runs(Drawn(), **given)
    assert [(run.path / "FINISHED").stat().st_mtime_ns for run in again.runs] == before


def test_the_model_card_tells_what_the_run_was_made_from(tmp_path):
    kind = Taxonomy(classes=tuple(SkyClass(name=name) for name in CLASSES))
    swept = sweep_runs(
        Drawn(), recipes=["linear-probe"], backbones=[LEARN], seeds=[1], taxonomy=kind, out=tmp_path
    )
    text = write_card(swept.runs[0].path).read_text("utf-8")
    parts = ("resnet10t", "comet", "12 to learn from, 6 to choose by", "flatter", "32 x 32 px")
    for part in parts:
        assert part in text
