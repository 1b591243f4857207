"""``cosmic evaluate``: runs are ranked on every test that the split or a person gives."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from training_tools import LEARN, QUICK, TAXONOMY, call, coloured_atlas, config_in

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.learn import train
from cosmic_morphology.settings import RunJob


@pytest.fixture
def cosmic(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    config_in(tmp_path)
    return lambda *words: call(("evaluate", *words), monkeypatch, capsys)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("ranked")


@pytest.fixture(scope="module")
def sky(place) -> Atlas:
    return coloured_atlas(place / "atlas", per_class=15)


@pytest.fixture(scope="module")
def runs(place, sky) -> dict[str, Path]:
    """A run, one that has learnt too little, and one that knows one class more."""
    recipes = {"good": QUICK, "short": QUICK + "epochs = 1\nlearning_rate = 1e-5\n"}
    recipes["more"] = QUICK + "include_reject_class = true\n"
    found = {}
    for name, text in recipes.items():
        file = place / f"{name}.toml"
        file.write_text(text.replace("learning_rate = 0.01\n", "") if name == "short" else text)
        job = RunJob(name=name, recipe=str(file))
        found[name] = train(sky, job, learn=LEARN, taxonomy=TAXONOMY, seed=3, out=place).path
    return found


def test_a_board_has_every_test_and_ingredient_that_was_asked_for(cosmic, sky, runs, tmp_path):
    code, said, wrong = cosmic(
        runs["good"], runs["short"], "--shifted", "--test", "comets=label = 'comet'",
        "--without", f"steps={runs['short']}", "--board", tmp_path / "board",
        "--report", tmp_path, "--atlas", sky.uri, "--json",
    )  # fmt: skip
    assert code == 0, wrong
    told = json.loads(said)
    assert told["comparison"]["best"] == "good"
    assert set(told["tests"]) == {"comets", "shifted images"}
    (row,) = told["ablation"]
    assert (row["without"], row["run"]) == ("steps", "short")
    with (tmp_path / "board/board.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["test"] for row in rows] == [
        *["test"] * 2, *["comets"] * 2, *["shifted images"] * 2
    ]  # fmt: skip
    assert [row["n"] for row in rows] == ["9", "9", "3", "3", "9", "9"]
    with (tmp_path / "board/board-parts.csv").open(newline="") as file:
        assert "size of the target" in {row["by"] for row in csv.DictReader(file)}
    assert (tmp_path / "board/ablation.csv").read_text().startswith("without,run,worth")
    page = (tmp_path / "report/index.html").read_text()
    assert "What each ingredient is worth" in page
    assert json.loads((runs["good"] / "metrics.json").read_text())["test"]["run"] == "good"


def test_runs_of_six_and_of_seven_classes_are_ranked_on_the_six(cosmic, sky, runs):
    code, said, wrong = cosmic(runs["more"], runs["good"], "--atlas", sky.uri)
    assert code == 0, wrong
    assert "compared on the classes that all runs know: comet, galaxy, nebula" in " ".join(
        said.split()
    )
    own = json.loads((runs["more"] / "metrics.json").read_text())["test"]
    assert own["classes"] == ["comet", "galaxy", "nebula", "irrelevant"]


def test_held_out_collections_are_a_test_of_their_own(cosmic, place, runs, tmp_path):
    shutil.copytree(place / "atlas", tmp_path / "atlas")
    atlas = Atlas.open(str(tmp_path / "atlas"))
    rows = atlas.read(["id", "split"]).sort_by("id").to_pylist()
    test = [row["id"] for row in rows if row["split"] == "test"]
    site = {each: "site-b" if at % 3 else "site-a" for at, each in enumerate(test)}
    sites = [site.get(row["id"], "site-a") for row in rows]
    table = pa.table({"id": [row["id"] for row in rows], "collection": sites})
    atlas.replace_columns(table, ColumnProvenance("by hand"))
    code, said, wrong = cosmic(runs["good"], "--atlas", atlas.uri, "--json")
    assert code == 0, wrong
    tests = json.loads(said)["tests"]
    of = {name: found["runs"][0]["macro_f1"]["n"] for name, found in tests.items()}
    assert of == {"collections seen in training": 3, "collections never seen": 6}


def test_a_copied_run_is_scored_and_two_of_one_name_are_refused(cosmic, sky, runs, tmp_path):
    shutil.copytree(runs["good"], tmp_path / "elsewhere")
    code, said, _ = cosmic(tmp_path / "elsewhere", "--atlas", sky.uri, "--json")
    assert (code, list(json.loads(said)["runs"])) == (0, ["good"])
    code, _, wrong = cosmic(tmp_path / "elsewhere", runs["good"], "--atlas", sky.uri)
    assert code == 2
    assert "two of these runs are called 'good'" in wrong


@pytest.mark.parametrize("test", ["odd=nothing = 3", "odd=split ==", "no filter"])
def test_a_filter_that_cannot_be_used_is_one_clear_line(cosmic, sky, runs, test):
    code, _, wrong = cosmic(runs["good"], "--test", test, "--atlas", sky.uri)
    assert (code, len(wrong.splitlines())) == (2, 1)
    assert "--test" in wrong


def test_no_filter_brings_training_images_into_a_test(cosmic, sky, runs):
    everything = "all=split = 'train' OR split = 'test'"
    code, said, _ = cosmic(runs["good"], "--test", everything, "--atlas", sky.uri, "--json")
    assert code == 0
    (found,) = json.loads(said)["tests"].values()
    assert found["runs"][0]["macro_f1"]["n"] == 9
