"""``cosmic evaluate``: runs are ranked on every test that the split or a person gives."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from training_sky import LEARN, TAXONOMY
from training_tools import QUICK, call, coloured_atlas, config_in

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.learn import export_onnx, load_trained_model, train
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
    """A run, one that has learned too little, and one that knows one class more."""
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
        runs["good"], runs["short"], "--corruptions", "--subset", "comets=label = 'comet'",
        "--ablate", f"steps={runs['short']}", "--leaderboard", tmp_path / "board",
        "--atlas", sky.uri, "--json",
    )  # fmt: skip
    assert code == 0, wrong
    told = json.loads(said)
    assert told["comparison"]["best"] == "good"
    assert set(told["tests"]) == {"comets", "corrupted images"}
    (row,) = told["ablation"]
    assert (row["without"], row["run"]) == ("steps", "short")
    with (tmp_path / "board/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["test"] for row in rows] == [
        *["test"] * 2, *["comets"] * 2, *["corrupted images"] * 2
    ]  # fmt: skip
    assert [row["n"] for row in rows] == ["9", "9", "3", "3", "9", "9"]
    with (tmp_path / "board/leaderboard-parts.csv").open(newline="") as file:
        assert "size of the target" in {row["by"] for row in csv.DictReader(file)}
    assert (tmp_path / "board/ablation.csv").read_text().startswith("without,run,worth")
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
    code, _, wrong = cosmic(runs["good"], "--subset", test, "--atlas", sky.uri)
    assert (code, len(wrong.splitlines())) == (2, 1)
    assert "--subset" in wrong


def test_no_filter_brings_training_images_into_a_test(cosmic, sky, runs):
    everything = "all=split = 'train' OR split = 'test'"
    code, said, _ = cosmic(runs["good"], "--subset", everything, "--atlas", sky.uri, "--json")
    assert code == 0
    (found,) = json.loads(said)["tests"].values()
    assert found["runs"][0]["macro_f1"]["n"] == 9


def test_a_report_of_runs_predicts_once_and_shows_what_each_component_is_worth(
    cosmic, sky, runs, tmp_path, monkeypatch, capsys
):
    given = (
        "report", runs["good"], "--ablate", f"steps={runs['short']}", "--out", tmp_path,
        "--atlas", sky.uri,
    )  # fmt: skip
    code, said, wrong = call((*given, "--json"), monkeypatch, capsys)
    assert code == 0, wrong
    page = Path(json.loads(said)["report"])
    assert page == tmp_path / "report/index.html"
    text = page.read_text("utf-8")
    assert "What each ingredient is worth" in text or "What each component is worth" in text
    assert "good" in text
    version = Atlas.open(sky.uri).version
    code, said, _ = call(given, monkeypatch, capsys)
    assert code == 0
    assert Atlas.open(sky.uri).version == version
    assert said.splitlines()[-1].startswith("Next, for one run's model card: cosmic model-card ")


@pytest.fixture
def scorings(monkeypatch) -> list[int]:
    """Number of images of each call of the scorer, in their order."""
    from cosmic_morphology.evaluate import evaluate

    found: list[int] = []

    def counted(answers, *given, **named):
        found.append(len(answers.ids))
        return score_answers(answers, *given, **named)

    score_answers = evaluate.score_answers
    monkeypatch.setattr(evaluate, "score_answers", counted)
    return found


def test_a_run_is_scored_once_on_each_test(cosmic, sky, runs, tmp_path, scorings):
    code, _, wrong = cosmic(
        runs["good"], runs["short"], "--subset", "comets=label = 'comet'",
        "--leaderboard", tmp_path, "--atlas", sky.uri,
    )  # fmt: skip
    assert code == 0, wrong
    assert sorted(scorings) == [3, 3, 9, 9]


def test_a_run_of_more_classes_is_scored_on_its_own_and_on_those_in_common(
    cosmic, sky, runs, tmp_path, scorings
):
    words = (runs["good"], runs["more"], "--leaderboard", tmp_path, "--atlas", sky.uri, "--json")
    assert cosmic(*words)[0] == 0
    assert len(scorings) == 3


def test_a_report_with_components_scores_each_run_once(
    sky, runs, tmp_path, scorings, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    config_in(tmp_path)
    given = ("report", runs["good"], "--ablate", f"steps={runs['short']}", "--atlas", sky.uri)
    code, _, wrong = call(given, monkeypatch, capsys)
    assert code == 0, wrong
    assert scorings == [9, 9]


def test_scored_runs_are_listed_with_their_test_scores(cosmic, sky, runs, monkeypatch, capsys):
    assert cosmic(runs["good"], "--atlas", sky.uri)[0] == 0
    code, said, _ = call(("runs", "--out", runs["good"].parents[1], "--json"), monkeypatch, capsys)
    assert code == 0
    rows = {row["run"]: row for row in json.loads(said)["runs"]}
    own = json.loads((runs["good"] / "metrics.json").read_text())["test"]["computed"]["macro_f1"]
    assert rows["good"]["split"] == "test"
    assert rows["good"]["macro_f1"] == own["value"]
    assert (rows["good"]["n"], rows["good"]["label_kind"]) == (9, "computed")


def test_the_ranking_ends_with_a_sentence_and_the_next_command(cosmic, sky, runs):
    code, said, _ = cosmic(runs["short"], runs["good"], "--atlas", sky.uri)
    assert code == 0
    lines = said.splitlines()
    assert lines[-1] == f"Next: cosmic report {runs['good']} {runs['short']} --atlas {sky.uri}"
    assert any(line.startswith("good is best: macro-F1") for line in lines)
    assert any(line.startswith("good less short: +") for line in lines)


def test_an_exported_file_is_ranked_beside_its_run_and_scores_the_same(cosmic, sky, runs, tmp_path):
    file = export_onnx(load_trained_model(runs["good"]), tmp_path / "good.onnx").path
    code, said, wrong = cosmic(
        file, runs["good"], "--leaderboard", tmp_path / "board", "--atlas", sky.uri, "--json"
    )
    assert code == 0, wrong
    told = json.loads(said)["runs"]
    assert set(told) == {"good", "good_float32"}
    assert told["good"] == told["good_float32"]
    assert told["good"][0]["n"] == 9
    with (tmp_path / "board/leaderboard.csv").open(newline="") as table:
        recipes = {row["run"]: row["recipe"] for row in csv.DictReader(table)}
    assert recipes["good_float32"] == "exported file"
    code, said, wrong = cosmic(file, "--atlas", sky.uri)
    assert code == 0, wrong
    # A report is made of a run's folder.
    assert "cosmic report" not in said


def test_a_file_that_is_no_model_is_one_line(cosmic, sky, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"none")
    code, _, wrong = cosmic(tmp_path / "bad.onnx", "--atlas", sky.uri)
    assert code == 2
    assert "not a model of ours" in wrong
    assert len(wrong.strip().splitlines()) == 1
