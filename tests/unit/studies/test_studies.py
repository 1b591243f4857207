"""Studies: who may be tested, what is kept, what is promised of numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_atlas import CLASSES, believe, embed, fill, write_study

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.errors import LeakError, SettingsError, UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import load_settings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import Difference
from cosmic_morphology.studies.dataset import read_pool
from cosmic_morphology.studies.label_noise import inject_label_noise
from cosmic_morphology.studies.learning_curve import some_groups
from cosmic_morphology.studies.scoring import PredictionsAtPoint, collect_points, gap, pooled
from cosmic_morphology.studies.synthetic import grid as synthetic_grid
from cosmic_morphology.studies.synthetic import rendered_for, verdict_on
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import Trial, TrialOutput, run_trials

NONE = np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def drawn_jpeg():
    from drawn_images import draw_jpeg

    return draw_jpeg


@pytest.fixture(scope="module")
def atlas(tmp_path_factory, drawn_jpeg):
    return fill(tmp_path_factory.mktemp("study") / "atlas", drawn_jpeg)


@pytest.fixture
def pool(atlas):
    return read_pool(atlas, classes=CLASSES)


# ---- rendered images never reach a test --------------------------------------------------------


@pytest.mark.parametrize("side", ["test", "val"])
def test_an_atlas_that_tests_on_rendered_images_is_refused(tmp_path, drawn_jpeg, side):
    wrong = fill(tmp_path / "atlas", drawn_jpeg, groups=5, rendered=1, rendered_side=side)
    with pytest.raises(LeakError, match="rendered"):
        read_pool(wrong, classes=CLASSES)


def test_no_side_of_the_pool_gives_rendered_images(pool):
    assert pool.rendered.sum() == 36
    for side in ("train", "val", "test", "none"):
        assert not pool.rendered[pool.real(side)].any()


def test_a_lesson_that_tests_or_tunes_on_rendered_images_is_refused(pool):
    recipe = recipe_named("linear-probe", {})
    drawn, train, test = pool.rendered_rows(), pool.real("train"), pool.real("test")
    for lesson in (
        HeadTask(train, NONE, drawn[:3], pool.y_true, pool.weights),
        HeadTask(train, drawn[:3], test, pool.y_true, pool.weights),
        HeadTask(train, NONE, train[:2], pool.y_true, pool.weights),
    ):
        with pytest.raises(LeakError):
            train_and_predict(pool, lesson, recipe, seed=1)


def test_a_cell_with_rendered_answers_is_never_written(pool, tmp_path):
    drawn = pool.rendered_rows()[:4]

    def work(_):
        return TrialOutput(drawn, np.zeros(4, np.int64), 1)

    with pytest.raises(LeakError):
        run_trials(pool, [Trial("a", 0.0, 1)], work, tmp_path, study="leakage")
    assert not list(tmp_path.iterdir())


def test_every_trial_of_the_synthetic_study_is_tested_on_the_same_real_images(
    pool, atlas, tmp_path
):
    file = write_study(tmp_path, atlas, "[study.synthetic]\nratios = [1]\nkeep = 4\n")
    plan = synthetic_grid(pool, load_settings(file).study)
    wanted = pool.real("test").tolist()
    for trial in plan.trials[: len(plan.trials) // 2]:
        worked = plan.work(trial)
        assert worked.test.tolist() == wanted
        assert not pool.rendered[worked.test].any()
        assert (worked.n_rendered > 0) == (trial.arm != "real only")


def test_a_rendered_image_with_a_parent_in_the_test_split_is_not_learnt_from(tmp_path, drawn_jpeg):
    made = fill(tmp_path / "atlas", drawn_jpeg, groups=5, rendered=2)
    rows = made.read(["id", "split", "group"]).to_pylist()
    tested = next(row for row in rows if row["split"] == "test")
    taught = next(row for row in rows if row["split"] == "train" and "drawn" in row["id"])
    other = Atlas.create(tmp_path / "other")
    arrivals, beliefs = [], []
    for name, parents in {
        "from-test": (tested["id"], "render:comet:1"),
        "from-train": (taught["id"], "render:comet:1"),
        "kin": ("render:comet:1",),
    }.items():
        record = Record("rendered", name, given_label="comet", lineage=parents)
        data = drawn_jpeg(len(arrivals))
        arrivals.append(NewImage(record, ingest_image(data), data))
        group = tested["group"] if name == "kin" else record.id
        beliefs.append({"id": record.id, "group": group, "split": "train"})
    other.add(arrivals)
    believe(other, beliefs)
    embed(other, [row["id"] for row in beliefs], np.ones((3, 16)))
    found = read_pool(made, classes=CLASSES, rendered=other)
    usable = set(found.ids[found.rendered_rows()].tolist())
    assert "rendered:from-train" in usable
    assert not usable & {"rendered:from-test", "rendered:kin"}


def test_rendered_images_seen_by_another_backbone_are_refused(atlas, tmp_path, drawn_jpeg):
    other = fill(tmp_path / "other", drawn_jpeg, groups=1, copies=1, rendered=1)
    ids = other.ids()
    embed(other, ids, np.ones((len(ids), 16)), by="another net")
    with pytest.raises(UsageError, match="made otherwise"):
        read_pool(atlas, classes=CLASSES, rendered=other)


# ---- cells ---------------------------------------------------------------------------------------


def test_a_finished_cell_is_not_done_again_and_a_killed_study_goes_on(pool, tmp_path):
    done = []

    def work(trial):
        if trial.seed == 3 and len(done) < 3:
            raise KeyboardInterrupt
        done.append(trial.seed)
        test = pool.real("test")
        return TrialOutput(test, pool.y_true[test], 5, notes={"a": 1.0})

    trials = [Trial("a", 0.5, seed, more={"b": 1}) for seed in (1, 2, 3)]
    with pytest.raises(KeyboardInterrupt):
        run_trials(pool, trials, work, tmp_path, study="learning-curve")
    done.append(0)
    cells, new = run_trials(pool, trials, work, tmp_path, study="learning-curve")
    assert done == [1, 2, 0, 3]
    assert new == 1
    assert [cell.trial.seed for cell in cells] == [1, 2, 3]
    assert run_trials(pool, trials, work, tmp_path, study="learning-curve") == (cells, 0)


def test_other_images_settings_or_studies_are_other_cells(pool, tmp_path):
    test = pool.real("test")

    def work(_):
        return TrialOutput(test, pool.y_true[test], 5)

    def new(pool, trial, study="learning-curve"):
        return run_trials(pool, [trial], work, tmp_path, study=study)[1]

    trial = Trial("a", 0.5, 1, more={"epochs": 4})
    assert new(pool, trial) == 1
    assert new(pool, trial) == 0
    assert new(pool, replace(trial, more={"epochs": 5})) == 1
    assert new(pool, trial, "label-noise") == 1
    moved = pool.vectors.copy()
    moved[0, 0] += 1
    assert new(replace(pool, vectors=moved), trial) == 1
    relabelled = np.roll(pool.y_train, 1)
    assert new(replace(pool, y_train=relabelled), trial) == 1


# ---- what is learned from ---------------------------------------------------------------------


@given(share=st.floats(0, 1), seed=st.integers(0, 99))
def test_noise_makes_exactly_its_share_of_labels_wrong_and_touches_no_other(share, seed):
    labels = np.arange(60) % 3
    rows = np.arange(10, 50)
    noisy = inject_label_noise(labels, rows, share, 3, seed)
    changed = np.flatnonzero(noisy != labels)
    assert len(changed) == round(share * len(rows))
    assert set(changed.tolist()) <= set(rows.tolist())
    assert noisy.min() >= 0
    assert noisy.max() < 3
    less = np.flatnonzero(inject_label_noise(labels, rows, share / 2, 3, seed) != labels)
    assert set(less.tolist()) <= set(changed.tolist())


def test_a_share_of_the_images_takes_whole_groups_of_every_class(pool):
    train = pool.real("train")
    before: set[int] = set()
    for fraction in (0.01, 0.3, 0.6, 1.0):
        rows = some_groups(pool, train, fraction, 5)
        assert set(np.unique(pool.y_true[rows])) == {0, 1, 2}
        inside = set(pool.groups[rows].tolist())
        assert not inside & set(pool.groups[np.setdiff1d(train, rows)].tolist())
        assert before <= set(rows.tolist())
        before = set(rows.tolist())
    assert before == set(train.tolist())


def test_rendered_images_come_in_the_asked_ratio_and_more_contain_the_fewer(pool):
    train, drawn = pool.real("train"), pool.rendered_rows()
    few = rendered_for(pool, drawn, train, np.array([1]), 0.5, 3)
    more = rendered_for(pool, drawn, train, np.array([1]), 1.0, 3)
    assert len(few) == round(0.5 * (pool.y_true[train] == 1).sum())
    assert set(few) <= set(more)
    assert (pool.y_true[more] == 1).all()


def test_labels_of_a_voter_are_learnt_from_but_never_scored_with(atlas):
    pool = read_pool(atlas, classes=CLASSES, labels="always_comet")
    assert (pool.y_train[pool.real("train")] == 1).all()
    assert set(pool.y_true[pool.real("test")]) == {0, 1, 2}


def test_a_lesson_gives_the_same_answers_twice(pool):
    recipe = recipe_named("quick", {"quick": {"epochs": 2}})
    train, val, test = pool.real("train"), pool.real("val"), pool.real("test")
    plain = HeadTask(train, val, test, pool.y_true, pool.weights)
    once, again = (train_and_predict(pool, plain, recipe, seed=4) for _ in range(2))
    assert np.array_equal(once, again)
    assert once.shape == (len(test),)


def test_what_is_learnt_first_is_remembered(pool):
    recipe = recipe_named("quick", {"quick": {"epochs": 10, "learning_rate": 0.02}})
    train, test = pool.real("train"), pool.real("test")
    galaxies = pool.y_true[test] == 2
    without = HeadTask(train[pool.y_true[train] < 2][::8], NONE, test, pool.y_true, pool.weights)
    after = replace(without, first=pool.rendered_rows())
    forgot, knows = (
        train_and_predict(pool, each, recipe, seed=4)[galaxies] for each in (without, after)
    )
    assert (knows == 2).sum() > (forgot == 2).sum()


# ---- numbers -------------------------------------------------------------------------------------


def test_pooled_scores_equal_the_mean_over_seeds_and_their_interval_holds_it(pool):
    rows = pool.real("test")
    right = pool.y_true[rows]
    said = np.stack([right, np.roll(right, 1), np.zeros_like(right)])
    value, (low, high) = pooled(pool, rows, said, metrics.accuracy, resamples=200)
    assert value == pytest.approx(np.mean([(each == right).mean() for each in said]))
    assert low < value < high


def test_a_difference_is_paired_and_zero_between_the_same_answers(pool):
    rows = pool.real("test")
    right = pool.y_true[rows][None]
    same = PredictionsAtPoint("a", 0.0, rows, right, (1,), 1, 0)
    worse = replace(same, arm="b", said=np.roll(right, 1))
    assert gap(pool, same, same, metrics.macro_f1, resamples=100).interval == (0.0, 0.0)
    lost = gap(pool, same, worse, metrics.accuracy, resamples=100)
    assert lost.value == pytest.approx((worse.said == right).mean() - 1)
    assert lost.is_significant


def test_folds_of_a_seed_are_put_together(pool, tmp_path):
    rows = pool.real("test")

    def work(trial):
        part = rows[trial.fold :: 2]
        return TrialOutput(part, pool.y_true[part], 10 * (trial.fold + 1))

    trials = [Trial("a", 0.0, seed, fold) for seed in (1, 2) for fold in (0, 1)]
    cells, _ = run_trials(pool, trials, work, tmp_path, study="leakage")
    (place,) = collect_points(pool, cells)
    assert sorted(place.rows.tolist()) == sorted(rows.tolist())
    assert place.said.shape == (2, len(rows))
    assert (place.said == pool.y_true[place.rows]).all()
    assert place.n_train == 15


def test_only_checked_images_are_scored_where_there_are_any(pool):
    test = pool.real("test")
    assert pool.kind_of(test) == "computed"
    kinds = pool.kinds.copy()
    kinds[test[:4]] = "checked"
    some = replace(pool, kinds=kinds)
    assert some.real("test").tolist() == test[:4].tolist()
    assert some.kind_of(some.real("test")) == "checked"


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        ([(-0.1, 0.1), (-0.2, 0.01)], "not shown"),
        ([(0.01, 0.1), (-0.2, 0.1)], "help the rare classes in 1 of 2"),
        ([(-0.3, -0.1), (-0.2, 0.1)], "harm the rare classes in 1 of 2"),
        ([(-0.3, -0.1), (0.2, 0.4)], "help the rare classes in 1 and harm them in 1 of 2"),
    ],
)
def test_the_answer_follows_from_the_intervals(intervals, said):
    gains = [Difference((low + high) / 2, (low, high), 0.5, 9, 9) for low, high in intervals]
    assert said in verdict_on(gains)


# ---- settings ------------------------------------------------------------------------------------


def test_a_wrong_key_or_recipe_of_a_study_is_named(tmp_path, atlas):
    path = write_study(tmp_path, atlas, "[study.learning_curve]\nfraction = [1]\n")
    with pytest.raises(SettingsError, match=r"learning_curve\.fraction"):
        load_settings(path)
    with pytest.raises(SettingsError, match=r"none\.toml.*no such settings file"):
        load_settings(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="embeddings"):
        recipe_named("multilayer-probe", {})
    with pytest.raises(SettingsError, match="circle"):
        recipe_named("a", {"a": {"extends": "b"}, "b": {"extends": "a"}})
    with pytest.raises(SettingsError, match=r"recipe a: epoch"):
        recipe_named("a", {"a": {"epoch": 3}})


def test_a_recipe_of_the_study_may_take_its_parents_name():
    plain = {"multi_layer": False, "tta_views": 1, "cached_views": 1, "cv_folds": 0}
    assert (
        recipe_named("mine", {"mine": {"extends": "multilayer-probe", **plain}}).optimiser
        == "lbfgs"
    )


def test_paths_of_a_study_are_relative_to_its_file(tmp_path, atlas):
    path = write_study(tmp_path, atlas)
    study = load_settings(path)
    assert study.out == tmp_path / "results"
    assert json.loads(study.study.model_dump_json())["seeds"] == [1, 2]
