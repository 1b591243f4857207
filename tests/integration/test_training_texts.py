"""A run learns how much texts count where people have checked labels, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from training_sky import CLASSES, LEVELS, TAXONOMY, fill, recipe_file, runs_in

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.learn import load_trained_model
from cosmic_morphology.stats.fusion import LEAST_IMAGES, Fusion

NAMES = TAXONOMY.names_with_reject


@pytest.fixture
def sky(tmp_path) -> Atlas:
    """Records whose texts are noise."""
    atlas = fill(tmp_path / "atlas", per_class=25)
    ids = atlas.ids()
    said = np.random.default_rng(0).dirichlet(np.ones(len(NAMES)), len(ids)).tolist()
    table = pa.table({"id": ids, "text_probabilities": pa.array(said, pa.list_(pa.float32()))})
    atlas.replace_columns(table, ColumnProvenance("votes", {"classes": NAMES}, "4"))
    return atlas


def check_labels(atlas: Atlas, *, who: str = "ann") -> None:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    rows = atlas.read(["id", "label"]).to_pylist()
    atlas.append_decisions([{**row, "verdict": "label", "who": who, "at": at, "why": ""}
                            for row in rows])  # fmt: skip


def test_how_much_texts_count_is_learned_once_people_have_checked(sky, tmp_path):
    check_labels(sky)
    go, recipe = runs_in(tmp_path / "out"), recipe_file(tmp_path, LEVELS)
    found = load_trained_model(go(sky, "checked", recipe).path).fusion
    # Of every image of train and val one part was held back: those of the test split are not here.
    assert found.n_images == sky.count("catalogue", "split IN ('train', 'val')") >= LEAST_IMAGES
    assert found.texts < found.pixels


def test_labels_that_texts_made_teach_nothing_of_texts(sky, tmp_path):
    go, recipe = runs_in(tmp_path / "out"), recipe_file(tmp_path, LEVELS)
    model = load_trained_model(go(sky, "computed", recipe).path)
    assert model.fusion == Fusion(reject_below=model.reject_below)
    assert set(CLASSES) <= set(model.classes)
