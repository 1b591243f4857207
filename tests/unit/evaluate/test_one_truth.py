"""One definition each: of a test image's truth, of the embeddings taken, of the scored classes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from drawn_images import draw_jpeg
from evaluate_atlas import CLASSES as SCORED
from evaluate_atlas import add_predictions, make_atlas
from study_atlas import CLASSES, embed, fill

from cosmic_morphology.atlas import Atlas, ColumnProvenance, embedding_column_for
from cosmic_morphology.curate.duplicates.find import compared_column
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.evaluate import evaluate_run
from cosmic_morphology.evaluate.neighbours import embedding_for
from cosmic_morphology.evaluate.predictions import read_answers
from cosmic_morphology.learn.models.backbones import PRESETS
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.settings import CurateSettings, EvaluateSettings
from cosmic_morphology.studies.dataset import read_pool


@pytest.fixture
def atlas(tmp_path):
    return fill(tmp_path / "atlas", draw_jpeg, groups=5, rendered=2)


def answer(atlas: Atlas) -> None:
    """A run that says "asteroid" of everything."""
    ids = atlas.ids()
    said = pa.table(
        {
            "id": ids,
            "prediction_run": pa.array(["asteroid"] * len(ids), pa.string()),
            "confidence_run": pa.array([0.9] * len(ids), pa.float32()),
        }
    )
    atlas.replace_columns(said, ColumnProvenance("predict"))


def decide(atlas: Atlas, id_: str, verdict: str, label: str = "") -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"id": id_, "verdict": verdict, "label": label, "who": "ada", "at": at, "why": ""}
    atlas.append_decisions([said])


def test_evaluation_and_studies_score_the_same_images_by_the_same_truth(atlas):
    answer(atlas)
    test = sorted(atlas.ids("split = 'test' AND source = 'drawn'"))
    # Nothing is curated afterwards: the column `label` lags behind.
    verdicts = (("drop", ""), ("label", "galaxy"), ("keep", ""), ("keep", "comet"))
    for id_, said in zip(test, verdicts, strict=False):
        decide(atlas, id_, *said)
    pool = read_pool(atlas, classes=CLASSES)
    rows = pool.real("test")
    studied = {pool.ids[row]: CLASSES[pool.y_true[row]] for row in rows}
    checked = read_answers(atlas, "run", CLASSES).kinds["checked"]
    scored = {id_: CLASSES[at] for id_, at in zip(checked.ids, checked.y_true, strict=True)}
    assert studied == scored
    assert {id_: scored.get(id_) for id_ in test[:4]} == {
        test[0]: None,
        test[1]: "galaxy",
        test[2]: None,
        test[3]: "comet",
    }
    assert pool.kind_of(rows) == "checked"


def test_a_dropped_image_is_scored_by_nobody(atlas):
    answer(atlas)
    dropped = min(atlas.ids("split = 'test' AND source = 'drawn'"))
    decide(atlas, dropped, "drop")
    pool = read_pool(atlas, classes=CLASSES)
    found = read_answers(atlas, "run", CLASSES)
    assert found.dropped == 1
    (kind,) = found.kinds.values()
    assert set(pool.ids[pool.real("test")]) == set(kind.ids)
    assert dropped not in set(kind.ids)


def test_of_two_embeddings_everybody_takes_the_same(atlas):
    ids = sorted(atlas.ids())
    embed(atlas, ids, np.ones((len(ids), 16)), column="embedding_another")
    assert embedding_column_for(atlas) == "embedding_another"
    assert embedding_for(atlas) == embedding_for(atlas, "gone") == "embedding_another"
    assert embedding_for(atlas, "net") == "embedding_net"
    assert read_pool(atlas, classes=CLASSES).column == "embedding_another"
    assert read_pool(atlas, classes=CLASSES, backbone="net").column == "embedding_net"
    by_default = CurateSettings().duplicates.embedding
    assert compared_column(atlas, by_default) == "embedding_another"
    assert compared_column(atlas, "embedding_net") == "embedding_net"


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_study_takes_every_preset_by_its_documented_name(atlas, preset):
    with pytest.raises(UsageError, match=f"no embeddings of {preset}"):
        read_pool(atlas, classes=CLASSES, backbone=preset)
    ids = sorted(atlas.ids())
    column = f"embedding_{PRESETS[preset].model.replace('.', '_')}"
    embed(atlas, ids, np.ones((len(ids), 16)), column=column)
    assert read_pool(atlas, classes=CLASSES, backbone=preset).column == column
    assert embedding_for(atlas, preset) == column


def test_a_run_is_scored_on_its_own_classes_whatever_it_was_scored_on_before(tmp_path):
    atlas = make_atlas(tmp_path / "atlas", per_class=6)
    add_predictions(atlas, "run", wrong=0.2)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"name": "run", "backbone": "net"}))
    (folder / "classes.json").write_text(json.dumps({"classes": list(SCORED)}))
    square = {"size_px": 64, "mean": [0.5] * 3, "std": [0.25] * 3}
    (folder / "preprocessing.json").write_text(json.dumps(square))
    (folder / "FINISHED").write_text("")
    quick = EvaluateSettings(bootstrap_resamples=50)
    evaluate_run(atlas, "run", classes=SCORED[:-1], settings=quick, run_folder=folder)
    told = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert len(told["test"]["classes"]) == len(SCORED) - 1
    assert read_run(folder).classes == tuple(SCORED)
