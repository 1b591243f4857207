"""Scores are those of scikit-learn and torchmetrics, and intervals know what belongs together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from cosmic_morphology.stats import bootstrap, calibration, metrics
from cosmic_morphology.stats.score import Score

CLASSES = 4
answers = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
)


def arrays(pairs):
    both = np.array(pairs, np.int64)
    return both[:, 0], both[:, 1]


@given(answers)
def test_scores_are_those_of_scikit_learn(pairs):
    y_true, y_pred = arrays(pairs)
    matrix = metrics.confusion_matrix(y_true, y_pred, CLASSES)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        y_true, y_pred, labels=range(CLASSES), zero_division=0
    )
    np.testing.assert_allclose(metrics.precision(matrix), precision)
    np.testing.assert_allclose(metrics.recall(matrix), recall)
    np.testing.assert_allclose(metrics.f1(matrix), f1)
    assert metrics.accuracy(matrix) == pytest.approx(reference.accuracy_score(y_true, y_pred))
    # Without labels, scikit-learn averages over the classes that occur on either side.
    assert metrics.macro_f1(matrix) == pytest.approx(
        reference.f1_score(y_true, y_pred, average="macro", zero_division=0)
    )
    expected = reference.confusion_matrix(y_true, y_pred, labels=range(CLASSES))
    np.testing.assert_array_equal(matrix[:, :CLASSES], expected)


def test_macro_f1_is_that_of_torchmetrics_where_a_class_is_missing():
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.classification import multiclass_f1_score

    y_true, y_pred = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    theirs = multiclass_f1_score(torch.from_numpy(y_pred), torch.from_numpy(y_true), CLASSES)
    assert metrics.macro_f1(metrics.confusion_matrix(y_true, y_pred, CLASSES)) == pytest.approx(
        float(theirs)
    )


def test_an_answer_outside_the_classes_counts_as_wrong_and_never_as_a_hit():
    y_true = metrics.encode(["star", "star", "comet", "comet"], ["star", "comet"])
    y_pred = metrics.encode(["star", "irrelevant", "comet", None], ["star", "comet"])
    matrix = metrics.confusion_matrix(y_true, y_pred, 2)
    assert matrix.tolist() == [[1, 0, 1], [0, 1, 1]]
    assert metrics.accuracy(matrix) == 0.5
    assert metrics.precision(matrix).tolist() == [1.0, 1.0]
    assert metrics.recall(matrix).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [([0, 1], [0]), ([0, 4], [0, 0]), ([-1, 0], [0, 0]), ([0, 0], [0, 6])]
)
def test_arrays_that_make_no_sense_are_refused(y_true, y_pred):
    with pytest.raises(ValueError, match="answers"):
        metrics.confusion_matrix(np.array(y_true), np.array(y_pred), CLASSES)


def test_a_stack_of_matrices_is_scored_like_each_of_them():
    stack = np.random.default_rng(1).integers(0, 9, (5, CLASSES, CLASSES + 1))
    for statistic in (metrics.accuracy, metrics.macro_f1, metrics.macro_recall):
        np.testing.assert_allclose(statistic(stack), [float(statistic(m)) for m in stack])


# ---- intervals -----------------------------------------------------------------------------------


def correlated(n_groups, size, seed):
    """Groups in which all answers are right, or all are wrong."""
    random = np.random.default_rng(seed)
    y_true = np.repeat(random.integers(0, CLASSES, n_groups), size)
    good = np.repeat(random.random(n_groups) < 0.7, size)
    y_pred = np.where(good, y_true, (y_true + 1) % CLASSES)
    return y_true, y_pred, np.repeat(np.arange(n_groups), size).astype(str)


def width(interval):
    return interval[1] - interval[0]


def test_intervals_over_groups_are_wider_where_a_group_shares_its_fate():
    y_true, y_pred, groups = correlated(40, 10, seed=3)
    alone = np.arange(len(groups)).astype(str)
    together = bootstrap.bootstrap_interval(metrics.accuracy, y_true, y_pred, groups, n=500, seed=0)
    apart = bootstrap.bootstrap_interval(metrics.accuracy, y_true, y_pred, alone, n=500, seed=0)
    # Ten images a group that say the same are one image: wider by about the root of ten.
    assert width(together) > 2 * width(apart)


def test_the_interval_of_single_images_is_that_of_the_binomial():
    random = np.random.default_rng(0)
    y_true = np.zeros(400, np.int64)
    y_pred = (random.random(400) > 0.8).astype(np.int64)
    found = bootstrap.bootstrap_interval(
        metrics.accuracy, y_true, y_pred, np.arange(400), n=2000, seed=1
    )
    share = (y_pred == 0).mean()
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert found == pytest.approx((share - half, share + half), abs=0.006)


def test_about_ninety_five_of_a_hundred_intervals_hold_the_truth():
    inside = 0
    for seed in range(100):
        y_true, y_pred, groups = correlated(60, 3, seed)
        low, high = bootstrap.bootstrap_interval(
            metrics.accuracy, y_true, y_pred, groups, n=300, seed=seed
        )
        inside += low <= 0.7 <= high
    assert 87 <= inside <= 100


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    y_true, y_pred, groups = correlated(30, 4, seed=5)

    def interval(seed):
        return bootstrap.bootstrap_interval(
            metrics.macro_f1, y_true, y_pred, groups, n=200, seed=seed
        )

    assert interval(7) == interval(7)
    assert interval(7) != interval(8)


def test_one_group_alone_says_nothing_about_how_sure_a_score_is():
    y_true = np.array([0, 1, 2])
    found = bootstrap.bootstrap_interval(metrics.accuracy, y_true, y_true, ["a"] * 3, n=100, seed=0)
    assert found == (0.0, 1.0)


@given(answers, st.integers(0, 5))
def test_an_interval_never_leaves_out_its_own_score(pairs, seed):
    y_true, y_pred = arrays(pairs)
    groups = np.arange(len(y_true)) // 2
    low, high = bootstrap.bootstrap_interval(
        metrics.macro_f1, y_true, y_pred, groups, n=50, seed=seed, n_classes=CLASSES
    )
    score = float(metrics.macro_f1(metrics.confusion_matrix(y_true, y_pred, CLASSES)))
    assert low <= score <= high


def test_a_paired_difference_is_surer_than_two_intervals():
    random = np.random.default_rng(2)
    y_true = random.integers(0, CLASSES, 300)
    first = np.where(random.random(300) < 0.7, y_true, (y_true + 1) % CLASSES)
    # The second model repairs a tenth of the first one's answers and spoils none.
    second = np.where(random.random(300) < 0.1, y_true, first)
    groups = np.arange(300)
    gap = bootstrap.paired_difference(
        metrics.accuracy, y_true, first, second, groups, n=500, seed=0
    )
    assert gap.value == pytest.approx((second == y_true).mean() - (first == y_true).mean())
    assert gap.is_significant
    assert gap.p_value < 0.05
    alone = bootstrap.bootstrap_interval(metrics.accuracy, y_true, first, groups, n=500, seed=0)
    assert width(gap.interval) < width(alone)


def test_a_model_against_itself_differs_by_nothing():
    y_true, y_pred, groups = correlated(20, 3, seed=1)
    gap = bootstrap.paired_difference(
        metrics.macro_f1, y_true, y_pred, y_pred, groups, n=100, seed=0
    )
    assert gap.value == 0
    assert gap.interval == (0, 0)
    assert gap.p_value == 1
    assert not gap.is_significant


# ---- calibration ---------------------------------------------------------------------------------


def test_probabilities_that_mean_what_they_say_have_no_calibration_error():
    probabilities = np.full((100, 2), 0.5)
    y_true = np.array([0, 1] * 50)
    assert calibration.classwise_ece(probabilities, y_true) == pytest.approx(0)


def test_a_model_that_is_always_sure_and_half_right_is_off_by_a_half():
    probabilities = np.tile([1.0, 0.0], (10, 1))
    y_true = np.array([0, 1] * 5)
    assert calibration.classwise_ece(probabilities, y_true) == pytest.approx(0.5)


def test_the_calibration_error_is_the_one_that_training_reports():
    learn = pytest.importorskip("cosmic_morphology.stats.calibration")
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([0.5] * CLASSES, 200)
    y_true = random.integers(0, CLASSES, 200)
    assert calibration.classwise_ece(probabilities, y_true) == pytest.approx(
        learn.classwise_ece(probabilities, y_true), abs=1e-6
    )


def test_a_weight_of_two_is_the_same_as_an_image_seen_twice():
    random = np.random.default_rng(4)
    probabilities = random.dirichlet([1] * CLASSES, 30)
    y_true = random.integers(0, CLASSES, 30)
    sure, right = probabilities.max(1), probabilities.argmax(1) == y_true
    twice = np.concatenate([np.arange(30), np.arange(10)])
    weights = np.ones((1, 30), np.float32)
    weights[0, :10] = 2
    ece = calibration.weighted_ece(probabilities, y_true)(weights)[0]
    assert ece == pytest.approx(
        calibration.classwise_ece(probabilities[twice], y_true[twice]), abs=1e-6
    )
    precise = calibration.weighted_precision(sure, right, 0.5)(weights)[0]
    assert precise == pytest.approx(
        calibration.precision_at_coverage(sure[twice], right[twice], 0.5)
    )
    covered = calibration.weighted_coverage(sure, right, 0.6)(weights)[0]
    assert covered == pytest.approx(
        calibration.coverage_at_precision(sure[twice], right[twice], 0.6)
    )


def test_coverage_stops_where_the_answers_become_wrong():
    sure = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([True, True, False, False])
    assert calibration.coverage_at_precision(sure, right, 1.0) == 0.5
    assert calibration.coverage_at_precision(sure, right, 0.6) == 0.75
    assert calibration.coverage_at_precision(sure, ~right, 0.9) == 0.0
    assert calibration.precision_at_coverage(sure, right, 0.5) == 1.0
    assert calibration.precision_at_coverage(sure, right, 1.0) == 0.5


def test_answers_that_are_equally_sure_share_their_fate():
    sure, right = np.full(4, 0.7), np.array([True, True, True, False])
    assert calibration.coverage_at_precision(sure, right, 1.0) == 0.0
    assert calibration.precision_at_coverage(sure, right, 0.25) == 0.75


def test_a_reliability_plot_holds_every_answer_once():
    sure = np.array([0.05, 0.55, 0.95, 1.0])
    bins = calibration.reliability(sure, np.array([False, True, True, False]))
    assert sum(each.n for each in bins) == 4
    assert bins[-1].happened == 0.5
    assert bins[-1].said == pytest.approx(0.975)


# ---- what a score says ---------------------------------------------------------------------------


def test_a_score_cannot_be_told_without_what_makes_it_mean_something():
    score = Score("macro-F1", 0.8431, (0.8012, 0.8821), 312, 274, "computed", "object")
    for told in (str(score), repr(score), f"{score}", f"{score:>10}"):
        for part in ("0.843", "[0.801, 0.882]", "n=312", "274 groups", "computed labels", "object"):
            assert part in told
    with pytest.raises(ValueError, match="format"):
        format(score, ".2f")
