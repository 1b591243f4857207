"""`cosmic predict` on everything that a person can point at."""

from __future__ import annotations

import csv
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from engine_work import OneProcess
from PIL import Image
from training_sky import LEARN, TAXONOMY
from training_tools import CLASSES, QUICK, drawn

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.cli import main
from cosmic_morphology.errors import InputError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import (
    embed_images,
    export_onnx,
    load_trained_model,
    predict_images,
    train,
)
from cosmic_morphology.learn.data.dataset import Example
from cosmic_morphology.learn.inference.model import TrainedModel
from cosmic_morphology.settings import RunJob


class Drawn:
    """A source of images whose classes are colours."""

    def origin(self):
        return {"uri": "drawn", "version": "1"}

    def examples(self, labels):
        return [
            Example(f"{name}{n}", name, "val" if n > 4 else "train", f"{name}{n}")
            for name in CLASSES
            for n in range(8)
        ]

    def thumbnails(self, ids):
        for each in ids:
            yield each, drawn(each[:-1], int(each[-1]))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out")
    recipe = out / "quick.toml"
    recipe.write_text(QUICK)
    job = RunJob(name="quick", recipe=str(recipe))
    return train(Drawn(), job, learn=LEARN, taxonomy=TAXONOMY, seed=3, out=out).path


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / "images"
    (place / "deep").mkdir(parents=True)
    (place / "comet.jpg").write_bytes(drawn("comet", 100))
    (place / "deep/nebula.jpg").write_bytes(drawn("nebula", 101))
    (place / "notes.txt").write_text("no image at all")
    Image.new("RGB", (1, 1)).save(place / "one.png")
    grey = np.random.default_rng(0).integers(0, 60000, (64, 48)).astype(np.uint16)
    fits.PrimaryHDU(grey).writeto(place / "grey.fits")
    return place


@pytest.fixture
def sky(tmp_path) -> Atlas:
    atlas = Atlas.create(tmp_path / "atlas")
    arrivals = []
    for name in CLASSES:
        for n in range(4):
            data = drawn(name, 200 + n)
            record = Record("drawn", f"{name}{n}", credit=f"{name} team", licence="CC BY 4.0")
            arrivals.append(NewImage(record, ingest_image(data), data))
    atlas.add(arrivals)
    return atlas


@pytest.fixture
def cosmic(monkeypatch, capsys, tmp_path):
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["cosmic", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


def test_one_image_is_named_in_one_line(cosmic, run, folder):
    code, said, _ = cosmic("predict", run, folder / "comet.jpg")
    assert code == 0
    assert said.splitlines() == [line for line in said.splitlines() if "comet.jpg: " in line]
    assert "comet.jpg: comet (comet 0." in said


@pytest.mark.parametrize(
    ("name", "reason"), [("notes.txt", "not_an_image"), ("one.png", "too_small")]
)
def test_a_file_that_is_no_image_is_one_clear_line(cosmic, run, folder, tmp_path, name, reason):
    for more in ((), ("--out", tmp_path / "x.csv"), ("--json",)):
        code, said, line = cosmic("predict", run, folder / name, *more)
        assert code == 2
        assert bool(said) == ("--json" in more)
        assert not said or json.loads(said)["error"]["exit_code"] == 2
        assert len(line.splitlines()) == 1
        assert str(folder / name) in line
        assert reason in line
    assert not list(tmp_path.glob("x.csv*"))


def test_a_grey_fits_of_sixteen_bits_gets_an_answer(cosmic, run, folder):
    code, said, _ = cosmic("predict", run, folder / "grey.fits", "--json")
    (answer,) = json.loads(said)["answers"]
    assert code == 0
    assert answer["prediction"] in CLASSES
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_a_folder_gives_a_row_for_every_file_in_each_format(cosmic, run, folder, tmp_path):
    for ending in ("csv", "json", "parquet"):
        out = tmp_path / f"answers.{ending}"
        code, said, _ = cosmic("predict", run, folder, "--out", out, "--json")
        assert code == 0
        counted = json.loads(said)
        assert (counted["images"], counted["no_image"]) == (3, 2)
    rows = {Path(r["file"]).name: r for r in csv.DictReader((tmp_path / "answers.csv").open())}
    assert set(rows) == {"comet.jpg", "nebula.jpg", "notes.txt", "one.png", "grey.fits"}
    assert rows["comet.jpg"]["prediction"] == "comet"
    assert rows["nebula.jpg"]["prediction"] == "nebula"
    assert rows["notes.txt"]["error"].startswith("not_an_image")
    as_json = json.loads((tmp_path / "answers.json").read_text())
    as_parquet = pq.read_table(tmp_path / "answers.parquet").to_pylist()
    assert as_json == as_parquet
    assert [row["file"] for row in as_json] == sorted(str(p) for p in folder.rglob("*.*"))


def test_an_answer_below_the_threshold_is_left_open(cosmic, run, folder):
    path = folder / "comet.jpg"
    sure = cosmic("predict", run, path, "--reject-below", 0)[1]
    unsure = cosmic("predict", run, path, "--reject-below", 1)[1]
    assert "left open" not in sure
    assert "left open, most like comet" in unsure
    settings = run / "preprocessing.json"
    before = settings.read_text()
    try:
        settings.write_text(json.dumps(json.loads(before) | {"reject_below": 1.0}))
        assert "left open" in cosmic("predict", run, path)[1]
    finally:
        settings.write_text(before)


def test_an_onnx_file_answers_as_its_run_does(cosmic, run, folder, sky, tmp_path):
    onnx = export_onnx(load_trained_model(run), tmp_path / "quick.onnx").path
    theirs = json.loads(cosmic("predict", onnx, folder, "--json")[1])["answers"]
    ours = json.loads(cosmic("predict", run, folder, "--json")[1])["answers"]
    assert [each["file"] for each in theirs] == [each["file"] for each in ours]
    for one, other in zip(theirs, ours, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    # In an atlas the file has columns of its own: those of the run stay as they are.
    assert cosmic("predict", run, sky.uri)[0] == 0
    assert cosmic("predict", onnx, sky.uri)[0] == 0
    assert json.loads(cosmic("predict", run, sky.uri, "--json")[1])["filled"] == 0
    assert {"prediction_quick", "prediction_quick_float32"} <= set(sky.columns())


def test_an_image_behind_an_address_is_fetched_and_named(cosmic, run, folder):
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    root = f"http://127.0.0.1:{server.server_port}"
    try:
        code, said, _ = cosmic("predict", run, f"{root}/comet.jpg", "--json")
        (answer,) = json.loads(said)["answers"]
        assert (code, answer["prediction"]) == (0, "comet")
        code, _, line = cosmic("predict", run, f"{root}/nothing.jpg")
        assert code == 2
        assert "404" in line
        code, _, line = cosmic("predict", run, f"{root}/notes.txt")
        assert code == 2
        assert "not_an_image" in line
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_private_addresses_are_not_asked(cosmic, run):
    code, _, line = cosmic("predict", run, "https://10.0.0.1/x.jpg")
    assert code == 2
    assert "private address" in line


def test_an_atlas_gets_columns_and_a_table_with_credits(cosmic, run, sky, tmp_path):
    out = tmp_path / "answers.csv"
    code, said, _ = cosmic(
        "predict", run, sky.uri, "--where", "title IS NOT NULL", "--out", out, "--json"
    )
    assert code == 0
    assert json.loads(said)["written"] == json.loads(said)["filled"] == 12
    for row in csv.DictReader(out.open()):
        name = row["file"].partition(":")[2][:-1]
        assert row["prediction"] == name
        assert row["credit"] == f"{name} team"
        assert row["licence"] == "CC BY 4.0"
    # As before: without a target the atlas of the settings.
    assert cosmic("predict", run, "--atlas", sky.uri)[0] == 0


def test_wrong_usage_is_said_before_anything_is_judged(cosmic, run, folder, sky, tmp_path):
    for words, part in (
        ((run, folder, "--out", tmp_path / "x.xlsx"), "not written as .xlsx"),
        ((run, tmp_path / "none.jpg"), "no such file or folder"),
        ((tmp_path / "none", folder), "there is no such run"),
        ((folder, folder), "no finished run here"),
        ((folder / "notes.txt", folder), "this is a file, no folder of a run"),
        ((run, folder, "--where", "id = 'x'"), "--where chooses images of an atlas"),
        ((run, sky.uri, "--atlas", sky.uri), "the atlas is given twice"),
    ):
        code, said, line = cosmic("predict", *words)
        assert (code, said) == (2, ""), line
        assert part in line
        assert len(line.splitlines()) == 1


def test_a_filter_that_cannot_be_used_is_one_clear_line(cosmic, run, sky):
    code, _, wrong = cosmic("predict", run, sky.uri, "--where", "nothing = 3")
    assert (code, len(wrong.splitlines())) == (2, 1)
    assert "--where cannot be used" in wrong
    assert "nothing" in wrong


def test_only_images_asked_for_are_judged_and_none_is_read_for_what_is_known(run, sky, monkeypatch):
    model = load_trained_model(run)
    read: list[int] = []
    real = TrainedModel.predict

    def counted(self, thumbnails):
        read.append(len(thumbnails))
        return real(self, thumbnails)

    monkeypatch.setattr(TrainedModel, "predict", counted)
    assert predict_images(sky, model, where="id LIKE 'drawn:comet%'").filled == 4
    assert sum(read) == 4
    done = predict_images(sky, model, where="id LIKE 'drawn:comet%'")
    assert (done.filled, done.already_there, sum(read)) == (0, 4, 4)
    embed_images(sky, learn=LEARN)
    assert predict_images(sky, model).filled == 8
    assert sum(read) == 4
    rows = sky.read(["id", "prediction_quick"]).to_pylist()
    assert all(row["prediction_quick"] in row["id"] for row in rows)


def test_a_worker_loads_the_run_by_itself_and_says_the_same(run, sky, tmp_path):
    model = load_trained_model(run)
    embed_images(sky, learn=LEARN, engine=OneProcess())
    done = predict_images(sky, model, place=run, engine=OneProcess())
    assert (done.filled, done.unreadable) == (12, 0)
    again = predict_images(sky, model, name="here")
    assert (again.filled, again.unreadable) == (12, 0)
    rows = sky.read(["probabilities_quick", "probabilities_here", "confidence_quick"]).to_pylist()
    for row in rows:
        assert row["probabilities_quick"] == pytest.approx(row["probabilities_here"], abs=1e-5)
        assert row["confidence_quick"] == max(row["probabilities_quick"])
    other = tmp_path / "other"
    copytree(run, other)
    changed = load_trained_model(other)
    changed.temperature += 0.5
    with pytest.raises(InputError, match="another model here than the driver"):
        predict_images(sky, changed, name="other", place=other, engine=OneProcess())
