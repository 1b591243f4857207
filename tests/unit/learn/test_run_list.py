"""All runs of a folder in one table, and two of them side by side."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cosmic_morphology.cli import app
from cosmic_morphology.errors import InputError
from cosmic_morphology.learn.run_folder.run_list import COLUMNS, runs
from cosmic_morphology.learn.run_folder.run_pair import compare_two

CLASSES = ("comet", "galaxy")


def score(value, kind):
    return {
        "name": "macro-F1", "value": value, "interval": [value - 0.1, value + 0.1],
        "n": 40, "n_groups": 30, "labels": kind, "grouped_by": "groups",
    }  # fmt: skip


def make_run(out, name, *, wrong=0, recipe="linear-probe", test=None, **recipe_keys):
    """A run's folder with 40 val images in 20 groups, of which the first ``wrong`` are wrong."""
    folder = out / "runs" / name
    folder.mkdir(parents=True)
    settings = {
        "name": name, "recipe_name": recipe, "backbone": "resnet50", "weights_id": "w",
        "seed": 7, "recipe": {"learning_rate": 0.1} | recipe_keys,
    }  # fmt: skip
    metrics = {"seconds": 2.5, "n_train": 80, "n_val": 40}
    if test:
        metrics["test"] = {
            kind: {"macro_f1": score(value, kind), "accuracy": score(value, kind)}
            for kind, value in test.items()
        }
    lines = ["id,group,label,p_comet,p_galaxy"]
    for at in range(40):
        label = CLASSES[at % 2]
        p_comet = 0.9 if (label == "comet") == (at >= wrong) else 0.1
        lines.append(f"i{at},g{at // 2},{label},{p_comet},{1 - p_comet}")
    (folder / "val.csv").write_text("\n".join(lines) + "\n")
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    (folder / "preprocessing.json").write_text(
        json.dumps({"size_px": 64, "mean": [0.5] * 3, "std": [0.2] * 3})
    )
    (folder / "FINISHED").write_text("key\n")
    return folder


def test_test_scores_come_before_val_scores_and_checked_labels_before_others(tmp_path):
    make_run(tmp_path, "on-val")
    make_run(tmp_path, "on-computed", test={"computed": 0.9})
    make_run(tmp_path, "on-both", test={"computed": 0.9, "checked": 0.4})
    found = runs(tmp_path)
    assert [row.run for row in found] == ["on-both", "on-computed", "on-val"]
    assert [row.split for row in found] == ["test", "test", "val"]
    assert [row.macro_f1.labels for row in found] == ["checked", "computed", "curated labels"]
    assert found[0].macro_f1.value == 0.4


def test_val_scores_are_those_of_the_predictions_with_n_and_interval(tmp_path):
    make_run(tmp_path, "one", wrong=10)
    row = runs(tmp_path)[0]
    assert row.macro_f1.value == pytest.approx(0.75)
    assert row.accuracy.value == pytest.approx(0.75)
    low, high = row.macro_f1.interval
    assert 0.5 < low < 0.75 < high < 0.95
    assert (row.macro_f1.n, row.macro_f1.n_groups) == (40, 20)
    assert (row.n_train, row.seconds, row.seed) == (80, 2.5, 7)


def test_a_frame_has_a_row_for_each_run(tmp_path):
    make_run(tmp_path, "one", test={"checked": 0.8})
    make_run(tmp_path, "two")
    frame = runs(tmp_path / "runs").to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    assert frame.run.tolist() == ["one", "two"]
    assert frame.macro_f1.tolist() == [0.8, 1.0]
    assert frame.recipe.tolist() == ["linear-probe", "linear-probe"]


def test_what_cannot_be_used_is_left_out_and_said(tmp_path):
    make_run(tmp_path, "good")
    (make_run(tmp_path, "half") / "FINISHED").unlink()
    (make_run(tmp_path, "odd") / "val.csv").write_text("id,group,label,p_comet\nx,g,comet,1\n")
    (make_run(tmp_path, "liar", test={"checked": 0.5}) / "metrics.json").write_text(
        json.dumps({"test": {"checked": {"macro_f1": {"value": 7}}}})
    )
    found = runs(tmp_path)
    assert [row.run for row in found] == ["good"]
    assert set(found.left_out) == {"half", "odd", "liar"}
    assert "val.csv" in found.left_out["odd"]
    assert "metrics.json" in found.left_out["liar"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        runs(tmp_path / "nowhere")


def test_two_runs_differ_in_what_differs_and_their_difference_is_tested(tmp_path):
    one = make_run(tmp_path, "one", wrong=20, learning_rate=0.01, augment={"flip": True})
    two = make_run(tmp_path, "two", recipe="scratch")
    pair = compare_two(one, two)
    assert {what: each for what, *each in pair.differing} == {
        "recipe": ["linear-probe", "scratch"],
        "recipe.learning_rate": ["0.01", "0.1"],
        "recipe.augment.flip": ["True", ""],
    }
    assert pair.difference.value == pytest.approx(0.5)
    assert pair.difference.is_significant
    assert (pair.difference.n, pair.difference.n_groups) == (40, 20)


def test_runs_without_shared_images_have_no_difference(tmp_path):
    one, two = make_run(tmp_path, "one"), make_run(tmp_path, "two")
    text = (two / "val.csv").read_text()
    (two / "val.csv").write_text(text.replace("\ni", "\nj"))
    assert compare_two(one, two).difference is None


def run(*words):
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(each) for each in words])


def test_the_table_stays_whole_at_80_columns_with_long_names(tmp_path):
    name = "a-very-long-name-of-a-run-" + "x" * 30
    make_run(tmp_path, name, recipe="r" * 40)
    done = run("runs", "--out", tmp_path)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith(("Next", "Scores")))
    assert lines[0].startswith("run ")
    assert lines[0].rstrip().endswith("  s")
    assert "[1.000, 1.000]" in done.output
    # A long name has a line of its own, and is whole.
    assert lines[2].rstrip() == name
    assert lines[3].rstrip().endswith(" 2")  # seconds, the last column
    assert lines[-1] == f"Next: cosmic evaluate {tmp_path}/runs/{name}"


def test_the_verb_lists_compares_and_answers_in_json(tmp_path):
    make_run(tmp_path, "one", wrong=20)
    make_run(tmp_path, "two")
    listed = json.loads(run("runs", "--out", tmp_path, "--json").output)
    assert [each["run"] for each in listed["runs"]] == ["two", "one"]
    compared = json.loads(run("runs", "one", "two", "--out", tmp_path, "--json").output)
    assert compared["val_difference"]["value"] == pytest.approx(0.5)
    said = run("runs", "one", "two", "--out", tmp_path).output
    assert "two is better on the val split" in said
    assert said.splitlines()[-1].endswith("cosmic evaluate one two")


def test_the_next_command_works_in_the_atlas_that_a_run_was_trained_on(tmp_path):
    make_run(tmp_path, "one")
    atlas = tmp_path / "else where"
    atlas.mkdir()
    (tmp_path / "runs" / "one" / "atlas.json").write_text(json.dumps({"uri": str(atlas)}))
    said = run("runs", "--out", tmp_path).output.splitlines()[-1]
    assert said == f"Next: cosmic evaluate --atlas '{atlas}' {tmp_path}/runs/one"


def test_an_empty_folder_of_runs_is_no_error(tmp_path):
    (tmp_path / "runs").mkdir()
    done = run("runs", "--out", tmp_path)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == f"Next: cosmic train --out {tmp_path}"


def test_runs_are_listed_without_torch(tmp_path):
    make_run(tmp_path, "one")
    script = (
        "import sys; from cosmic_morphology.learn.run_folder.run_list import runs; "
        f"assert len(runs({str(tmp_path)!r})) == 1; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
