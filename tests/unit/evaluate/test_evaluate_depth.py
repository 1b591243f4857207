"""Targets, neighbours, probes and ablations: what the deeper sections of a report rest on."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from evaluate_atlas import CLASSES, add_embeddings, add_predictions, make_atlas

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate import evaluate_run
from cosmic_morphology.evaluate.compare import ablation
from cosmic_morphology.evaluate.neighbours import embedding_for, nearest_in_training
from cosmic_morphology.evaluate.object_size import (
    SIZES,
    border_mask,
    object_area_fraction,
    object_mask,
)
from cosmic_morphology.evaluate.shortcut_probe import probe, source_probe
from cosmic_morphology.settings import EvaluateSettings

QUICK = EvaluateSettings(bootstrap_resamples=60)


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    made = make_atlas(tmp_path_factory.mktemp("depth") / "atlas")
    add_embeddings(made, "embedding_net")
    add_predictions(made, "full", wrong=0.1)
    add_predictions(made, "lesser", wrong=0.7, seed=2)
    return made


# ---- the target ----------------------------------------------------------------------------------


def sky(size=96, noise=6):
    return np.random.default_rng(0).integers(5, 5 + noise, (size, size, 3), dtype=np.uint8)


def test_the_target_is_the_brightest_thing_and_not_the_stars_around_it():
    pixels = sky()
    pixels[30:60, 40:70] = 200
    pixels[5:8, 5:8] = 255
    mask = object_mask(pixels)
    assert mask[45, 55]
    assert not mask[6, 6]
    assert mask.mean() == pytest.approx(30 * 30 / 96**2, rel=0.3)


def test_an_empty_sky_has_no_target():
    assert object_mask(np.full((40, 50, 3), 7, np.uint8)).sum() == 0
    assert object_mask(sky()).mean() < 0.02


def test_the_frame_lies_around_the_image():
    frame = border_mask((100, 50))
    assert frame[0].all()
    assert frame[:, 0].all()
    assert frame[:, -1].all()
    assert not frame[50, 25]


def test_targets_are_measured_for_every_image(atlas):
    ids = atlas.ids("split = 'test'")
    shares = object_area_fraction(atlas, ids)
    assert shares.shape == (len(ids),)
    assert ((shares > 0) & (shares < 1)).all()
    assert len(SIZES) == 3


# ---- neighbours ----------------------------------------------------------------------------------


def test_the_nearest_training_images_look_alike_and_are_training_images(atlas):
    column = embedding_for(atlas, "net")
    ids = atlas.ids("split = 'test'")
    found = nearest_in_training(atlas, ids, column=column, count=2)
    assert set(found) == set(ids)
    train = set(atlas.ids("split = 'train'"))
    for each, several in found.items():
        assert [one.cosine for one in several] == sorted(
            (one.cosine for one in several), reverse=True
        )
        assert {one.id for one in several} <= train
        kind = each.partition(":")[2].rstrip("0123456789")
        assert several[0].label == kind


def test_an_atlas_without_embeddings_has_no_neighbours(tmp_path):
    made = make_atlas(tmp_path / "atlas", per_class=3)
    assert embedding_for(made, "net") == ""


def test_another_backbones_embeddings_are_better_than_none(atlas):
    assert embedding_for(atlas, "unheard.of") == "embedding_net"


# ---- probes --------------------------------------------------------------------------------------


def test_a_collection_that_shines_through_is_found_out():
    random = np.random.default_rng(0)
    site = np.repeat([0, 1], 60)
    vectors = random.normal(size=(120, 8)).astype(np.float32)
    groups = [f"g{n}" for n in range(120)]
    names = [f"site{n}" for n in site]
    blind = probe(vectors, names, groups, what="collection", resamples=60, seed=0)
    vectors[:, 0] += 6 * site
    seen = probe(vectors, names, groups, what="collection", resamples=60, seed=0)
    assert seen.accuracy.value > 0.95
    assert seen.accuracy.interval[0] > blind.chance
    assert blind.accuracy.interval[0] < 0.6
    assert seen.chance == 0.5


def test_a_probe_cannot_learn_groups_by_heart():
    random = np.random.default_rng(1)
    # Every group has a vector of its own and an answer of its own: nothing carries over.
    groups = np.repeat(np.arange(30), 4)
    vectors = np.repeat(random.normal(size=(30, 40)), 4, axis=0).astype(np.float32)
    answers = [f"a{random.integers(2)}" for _ in range(30) for _ in range(1)]
    told = probe(
        vectors, list(np.repeat(answers, 4)), groups.astype(str), what="x", resamples=60, seed=0
    )
    assert told.accuracy.interval[0] < 0.75


def test_probes_say_on_what_they_were_measured(atlas):
    found = source_probe(atlas, "embedding_net", resamples=60, seed=0)
    by_name = {row.what: row for row in found.rows}
    assert set(by_name) == {"collection", "source", "class"}
    assert by_name["class"].accuracy.value > 0.9
    assert by_name["class"].accuracy.labels == "computed"
    assert "n=" in str(by_name["collection"].accuracy)


def test_too_few_images_are_not_probed(tmp_path):
    made = make_atlas(tmp_path / "atlas", per_class=2)
    add_embeddings(made, "embedding_net")
    with pytest.raises(UsageError, match="too few"):
        source_probe(made, "embedding_net", resamples=60, seed=0)


def test_images_that_could_not_be_embedded_are_left_out(tmp_path):
    made = make_atlas(tmp_path / "atlas", per_class=6)
    ids = made.ids()
    vectors = np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float16)
    vectors[0] = 0
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 4)
    made.replace_columns(
        pa.table({"id": ids, "embedding_x": column}), ColumnProvenance("embed", {}, "1")
    )
    found = nearest_in_training(made, ids, column="embedding_x", count=40)
    assert all(ids[0] not in {one.id for one in several} for several in found.values())


# ---- ablation ------------------------------------------------------------------------------------


def test_an_ingredient_is_worth_what_is_lost_without_it(atlas):
    full, lesser = (
        evaluate_run(atlas, name, classes=CLASSES, settings=QUICK) for name in ("full", "lesser")
    )
    found = ablation(full, {"augmentation": lesser}, settings=QUICK)
    (row,) = found.rows
    assert row.worth.value == pytest.approx(
        full.checked.macro_f1.value - lesser.checked.macro_f1.value
    )
    told = next(csv.DictReader(io.StringIO(found.to_csv())))
    assert told["without"] == "augmentation"
    assert float(told["low"]) <= float(told["worth"]) <= float(told["high"])
    with pytest.raises(UsageError, match="lack"):
        ablation(full, {}, settings=QUICK)
    with pytest.raises(UsageError, match="itself"):
        ablation(full, {"nothing": full}, settings=QUICK)
