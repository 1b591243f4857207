"""Scores on volunteers' votes: on their majority, and on the shares in which they disagree."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from evaluate_atlas import CLASSES, add_predictions, make_atlas

from cosmic_morphology.atlas import VOTE_TYPE, ColumnProvenance
from cosmic_morphology.evaluate.evaluate import evaluate_run
from cosmic_morphology.settings import EvaluateSettings

SETTINGS = EvaluateSettings(bootstrap_resamples=50)


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    atlas = make_atlas(tmp_path_factory.mktemp("v") / "atlas")
    rows = atlas.read(["id", "label", "split"]).to_pylist()
    votes = [
        [
            {"voter": "volunteers", "label": name, "weight": share, "reason": "", "people": 40}
            for name, share in zip(
                [row["label"], *(c for c in CLASSES if c != row["label"])], [0.7, 0.2, 0.1],
                strict=True,
            )
        ]
        for row in rows
    ]  # fmt: skip
    table = pa.table({
        "id": [row["id"] for row in rows],
        "label": [row["label"] for row in rows],
        "label_kind": ["volunteers"] * len(rows),
        "votes": pa.array(votes, VOTE_TYPE),
        "split": [row["split"] for row in rows],
    })  # fmt: skip
    atlas.replace_columns(table, ColumnProvenance("labels"))
    add_predictions(atlas, "sure", wrong=0.0, checked=False)
    return evaluate_run(atlas, "sure", classes=CLASSES, settings=SETTINGS)


def test_the_majority_is_scored_as_a_kind_of_label_of_its_own(scores):
    assert scores.computed is scores.checked is None
    assert scores.best_known.labels == "volunteers"
    assert scores.best_known.macro_f1.value == 1.0


def test_the_shares_are_scored_with_intervals_beside_peoples_own_entropy(scores):
    shares = scores.best_known.shares
    people = -(np.array([0.7, 0.2, 0.1]) * np.log([0.7, 0.2, 0.1])).sum()
    assert shares.own_entropy.value == pytest.approx(people, abs=1e-5)
    assert shares.cross_entropy.value > people
    low, high = shares.calibration.interval
    assert low <= shares.calibration.value <= high
    assert shares.calibration.labels == "volunteers"
    assert shares.calibration.n == scores.best_known.n


def test_labels_of_another_kind_have_no_shares(tmp_path):
    atlas = make_atlas(tmp_path / "atlas")
    add_predictions(atlas, "sure", wrong=0.0)
    assert evaluate_run(atlas, "sure", classes=CLASSES, settings=SETTINGS).best_known.shares is None
