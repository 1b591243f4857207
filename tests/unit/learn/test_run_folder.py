"""The folder of a run has one reader and writer, which needs no torch."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from evaluate_atlas import CLASSES, write_run

from cosmic_morphology.errors import InputError
from cosmic_morphology.learn import read_run
from cosmic_morphology.learn.run_folder import documents
from cosmic_morphology.learn.run_folder.history import read_history, write_history
from cosmic_morphology.learn.run_folder.val_predictions import (
    read_val_predictions,
    write_val_predictions,
)

SOURCE = Path(__file__).parents[3] / "src" / "cosmic_morphology"
ROOM = SOURCE / "learn" / "run_folder"
FILES = {*documents._FILES, "history.csv", "val.csv", "training_record.csv", "FINISHED"}
# Both have files of that name of their own: the marker of an atlas, and a status in MLflow.
ELSEWHERE = {
    ("atlas/storage/creation.py", "atlas.json"),
    ("learn/export/mlflow_log.py", "FINISHED"),
}


def test_no_other_room_knows_the_files_of_a_run():
    found = {
        (str(file.relative_to(SOURCE)), node.value)
        for file in SOURCE.rglob("*.py")
        if ROOM not in file.parents
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in FILES
    }
    assert found - ELSEWHERE == set()


def test_the_room_is_used_where_torch_cannot_be_imported(tmp_path):
    folder = write_run(tmp_path, "one")
    names = sorted(each.stem for each in ROOM.glob("*.py") if each.stem != "__init__")
    script = f"""
import sys
from importlib import import_module
from pathlib import Path

for name in ("torch", "timm", "lightning", "torchmetrics", "safetensors", "torchvision"):
    sys.modules[name] = None
for name in {names!r}:
    import_module("cosmic_morphology.learn.run_folder." + name)
from cosmic_morphology.learn import read_run, runs
from cosmic_morphology.learn.export.model_card import write_card

run = read_run(Path(sys.argv[1]))
write_card(run.path)
print(run.name, len(runs(run.path.parent)), run.history["epoch"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "one 1 [1.0, 2.0, 3.0]\n"), done.stderr
    assert (folder / "model_card.md").is_file()


def test_a_run_is_what_its_folder_says(tmp_path):
    run = read_run(write_run(tmp_path, "one"))
    assert (run.name, run.backbone, run.classes) == ("one", "resnet10t", CLASSES)
    assert (run.labels, run.trained_on, run.reject_below) == ("label", "curated labels", 0.0)
    assert (run.atlas["version"], run.key) == ("i1-c2-d3-l4", "of these inputs")
    assert np.isnan(run.history["val_loss"][1])
    assert "environment" not in repr(run)  # a line for people; the files are long


def test_what_is_not_finished_is_no_run(tmp_path):
    folder = write_run(tmp_path, "one")
    (folder / "FINISHED").unlink()
    with pytest.raises(InputError, match="there is no finished run here"):
        read_run(folder)


def test_scores_of_the_test_split_are_added_and_the_rest_is_kept(tmp_path):
    folder = write_run(tmp_path, "one")
    for macro_f1 in (0.2, 0.4):
        documents.write_test_scores(folder, {"macro_f1": macro_f1})
    written = json.loads((folder / documents.METRICS).read_text("utf-8"))
    assert (written["test"], written["n_train"]) == ({"macro_f1": 0.4}, 12)


def test_a_file_that_no_run_has_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"'metric\.json' is no file of a run"):
        documents.write_document(tmp_path, "metric.json", {})
    assert list(tmp_path.iterdir()) == []


def test_history_and_predictions_are_read_as_they_were_written(tmp_path):
    write_history(tmp_path, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "lr": 0.1}])
    history = read_history(tmp_path)
    assert history["loss"] == [0.5, 0.25]
    assert np.isnan(history["lr"][0])
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
    write_val_predictions(
        tmp_path,
        CLASSES,
        ids=["a", "=b"],
        groups=["g", "h"],
        y_true=[0, 1],
        probabilities=chances,
    )
    found = read_val_predictions(tmp_path, CLASSES)
    assert found is not None
    assert (found.ids.tolist(), found.groups.tolist()) == (["a", "=b"], ["g", "h"])
    assert (found.y_true.tolist(), found.y_pred.tolist()) == ([0, 1], [0, 2])
