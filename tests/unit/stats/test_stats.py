"""There is one bootstrap, and it says what resampling by hand says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import (
    Difference,
    bootstrap_interval,
    bootstrap_ratio,
    confusion_by_group,
    group_numbers,
    percentiles,
    resamples_over_seeds,
)

SOURCE = Path(__file__).parents[3] / "src" / "cosmic_morphology"


def test_the_interval_of_a_share_is_that_of_scipy_where_every_image_is_its_own_group():
    of = np.random.default_rng(3).random(200) < 0.3
    found = bootstrap_ratio(of, np.ones(200, bool), np.arange(200), n=4000, seed=0)
    peer = stats.bootstrap(
        (of.astype(float),), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert found == pytest.approx((peer.low, peer.high), abs=0.011)  # two draws' noise


def test_the_interval_of_a_share_is_wider_where_images_hang_together():
    group = np.repeat(np.arange(20), 20)
    of = np.repeat(np.random.default_rng(1).random(20) < 0.5, 20)
    everything = np.ones(400, dtype=bool)
    low, high = bootstrap_ratio(of, everything, group, n=1000, seed=0)
    alone_low, alone_high = bootstrap_ratio(of, everything, np.arange(400), n=1000, seed=0)
    assert low <= of.mean() <= high
    assert high - low > 3 * (alone_high - alone_low)


def test_groups_that_say_nothing_of_a_share_are_not_drawn():
    of = np.array([True, False, True, False, False, False])
    among = np.array([True, True, True, True, False, False])
    groups = np.array(["a", "b", "c", "d", "e", "f"])
    alone = bootstrap_ratio(of[:4], among[:4], groups[:4], n=300, seed=0)
    assert bootstrap_ratio(of, among, groups, n=300, seed=0) == alone


def test_one_group_says_nothing_of_chance():
    both = np.ones(5, bool)
    assert bootstrap_ratio(both, both, ["a"] * 5, n=100, seed=0) == (0.0, 1.0)
    assert bootstrap_ratio(both, ~both, ["a"] * 5, n=100, seed=0) == (0.0, 1.0)


def test_with_one_seed_the_interval_over_seeds_is_that_over_groups():
    rng = np.random.default_rng(5)
    right = rng.integers(0, 3, 90)
    said = np.where(rng.random(90) < 0.7, right, rng.integers(0, 3, 90))
    groups = np.repeat(np.arange(30), 3)
    at, n_groups = group_numbers(groups)
    stack = confusion_by_group(right, said, at, n_groups, 3)[:, None]
    drawn = resamples_over_seeds(metrics.macro_f1, stack, n=400, seed=7)
    around = float(metrics.macro_f1(stack.sum(0))[0])
    found = bootstrap_interval(metrics.macro_f1, right, said, groups, n=400, seed=7)
    assert percentiles(drawn, around=around) == pytest.approx(found)


def test_seeds_that_differ_widen_the_interval():
    right = np.zeros(40, int)
    at, n_groups = group_numbers(np.arange(40))
    good = np.where(np.arange(40) % 4 == 0, 1, 0)
    bad = np.where(np.arange(40) % 4 == 0, 0, 1)

    def width(*seeds):
        stack = np.stack([confusion_by_group(right, each, at, n_groups, 2) for each in seeds], 1)
        drawn = resamples_over_seeds(metrics.accuracy, stack, n=500, seed=0)
        return np.ptp(np.percentile(drawn, [2.5, 97.5]))

    assert width(good, bad) > 1.5 * width(good, good)


def test_a_difference_that_no_resample_reverses_has_the_smallest_p_that_they_can_show():
    found = Difference.from_resamples(0.2, np.full(1000, 0.2), 10, 5)
    assert (found.p_value, found.is_significant) == (0.002, True)
    chance = Difference.from_resamples(0.0, np.linspace(-1, 1, 1001), 10, 5)
    assert chance.p_value == 1.0
    assert not chance.is_significant


def test_intervals_are_made_in_one_room():
    tails = re.compile(r"\b(97\.5|0\.975|multinomial\()")
    found = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if tails.search(file.read_text("utf-8"))
    }
    assert {
        each for each in found if not each.startswith(("stats/", "synthesize/", "replica/"))
    } == set()
