"""Records are answered from pixels and texts; their scores never mix with those of bare images."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from evaluate_atlas import CLASSES, add_predictions, check, make_atlas, write_run

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.evaluate import compare_runs, evaluate_run
from cosmic_morphology.learn.inference.record_answers import iter_predictions
from cosmic_morphology.settings import EvaluateSettings
from cosmic_morphology.stats.fusion import Fusion

QUICK = EvaluateSettings(bootstrap_resamples=100)
FUSION = Fusion(pixels=1.0, texts=2.0, reject_below=0.5, n_images=60)
OTHER_ORDER = ("star", "comet", "galaxy", "irrelevant")


class Known:
    """A run whose answers stand in the atlas already."""

    name = "run"
    classes = CLASSES
    reject_below = 0.97
    fusion = FUSION


@pytest.fixture
def told(tmp_path):
    """Texts that are right of every record but the first, of which they say nothing."""
    atlas = make_atlas(tmp_path / "atlas")
    add_predictions(atlas, "run", wrong=0.5, checked=False)
    rows = atlas.read(["id", "label"]).sort_by("id").to_pylist()
    said = [[0.9 if each == row["label"] else 0.03 for each in OTHER_ORDER] for row in rows]
    test = atlas.read(["id"], where="split = 'test'").sort_by("id").column("id").to_pylist()
    texts = [None if row["id"] == test[0] else one for row, one in zip(rows, said, strict=True)]
    atlas.replace_columns(
        pa.table(
            {
                "id": [row["id"] for row in rows],
                "text_probabilities": pa.array(texts, pa.list_(pa.float32())),
            }
        ),
        ColumnProvenance("votes", {"classes": OTHER_ORDER}, "4"),
    )
    folder = write_run(tmp_path, "run")
    file = folder / "preprocessing.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"fusion": asdict(FUSION)}))
    return atlas, folder


def check_all(atlas):
    rows = atlas.read(["id", "label"], where="split = 'test'").to_pylist()
    check(atlas, {row["id"]: row["label"] for row in rows})


def test_records_have_scores_of_their_own_that_say_so(told):
    atlas, folder = told
    check_all(atlas)
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK, run_folder=folder)
    assert found.records.n == found.checked.n
    assert found.records.accuracy.value > found.checked.accuracy.value
    assert "from pixels and texts" in str(found.records.macro_f1)
    assert "checked labels" in str(found.records.macro_f1)
    assert "texts" not in str(found.checked.macro_f1)
    assert [row["answered_from"] for row in found.rows()] == ["pixels", "pixels and texts"]
    kept = json.loads((folder / "metrics.json").read_text())["test"]
    assert kept["records"]["answered_from"] == "pixels and texts"
    assert kept["checked"]["answered_from"] == "pixels"


def test_computed_labels_are_no_test_of_the_texts_they_were_made_from(told):
    atlas, folder = told
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK, run_folder=folder)
    assert found.computed is not None
    assert found.records is None


def test_runs_are_ranked_by_what_they_see_in_the_pixels(told):
    atlas, folder = told
    check_all(atlas)
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK, run_folder=folder)
    assert found.best_known is found.checked
    ranked = compare_runs([found], settings=QUICK).runs[0]
    assert ranked.macro_f1.value == found.checked.macro_f1.value


def test_an_answer_says_what_it_is_from_and_where_texts_are_silent_the_pixels_answer(told):
    atlas, _ = told
    where = "split = 'test'"
    seen = {e.file: e for e in iter_predictions(atlas, Known(), where=where, texts=False)}
    both = {e.file: e for e in iter_predictions(atlas, Known(), where=where)}
    assert {each.answered_from for each in seen.values()} == {"pixels"}
    silent = min(both)
    assert [each.answered_from for each in both.values()].count("pixels") == 1
    assert both[silent].probabilities == seen[silent].probabilities
    # Either opinion has a threshold of its own.
    assert both[silent].accepted == (both[silent].confidence >= Known.reject_below)
    right = dict(atlas.read(["id", "label"], where=where).to_pandas().to_numpy().tolist())
    assert all(each.prediction == right[id_] for id_, each in both.items() if id_ != silent)
    assert any(each.prediction != right[id_] for id_, each in seen.items())


def test_texts_of_other_classes_are_not_heard(told):
    atlas, folder = told
    check_all(atlas)
    rows = atlas.read(["id", "text_probabilities"])
    atlas.replace_columns(rows, ColumnProvenance("votes", {"classes": ("spiral", "smooth")}, "4"))
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK, run_folder=folder)
    assert found.records is None


def test_a_sure_text_and_an_unreadable_image_are_no_answer():
    nothing = np.zeros((1, 3))
    assert not FUSION(nothing, np.array([[0.98, 0.01, 0.01]])).any()
