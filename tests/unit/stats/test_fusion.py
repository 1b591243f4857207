"""Pixels and texts together: the weights that are learned, and when they are."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from cosmic_morphology.stats.fusion import LEAST_IMAGES, Fusion, learn_fusion

K = 4


def opinions(n: int, sure: float, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Opinions that say ``sure`` and are right this often."""
    random = np.random.default_rng(seed)
    targets = np.random.default_rng(0).integers(0, K, n)
    wrong = (targets + random.integers(1, K, n)) % K
    said = np.where(random.random(n) < right, targets, wrong)
    found = np.full((n, K), (1 - sure) / (K - 1))
    found[np.arange(n), said] = sure
    return found, targets


def test_an_opinion_that_knows_nothing_gets_no_weight():
    image, targets = opinions(2000, 0.8, 0.8, 1)
    noise = np.random.default_rng(2).dirichlet(np.ones(K), 2000)
    found = learn_fusion(image, noise, targets)
    assert found.texts < 0.1
    assert found.pixels == pytest.approx(1, abs=0.15)
    assert found.n_images == 2000


def test_two_independent_honest_witnesses_count_fully():
    image, targets = opinions(4000, 0.8, 0.8, 1)
    text, _ = opinions(4000, 0.7, 0.7, 2)
    found = learn_fusion(image, text, targets)
    assert (found.pixels, found.texts) == pytest.approx((1, 1), abs=0.15)
    together = found(image, text)
    assert np.allclose(together.sum(1), 1)
    assert (together.argmax(1) == targets).mean() >= (image.argmax(1) == targets).mean()


def test_too_few_images_teach_nothing():
    image, targets = opinions(LEAST_IMAGES, 0.8, 0.8, 1)
    text, _ = opinions(LEAST_IMAGES, 0.9, 0.9, 2)
    text[0] = np.nan
    assert learn_fusion(image, text, targets) == Fusion()
    text[0] = 0.25
    assert learn_fusion(image, text, targets).n_images == LEAST_IMAGES


def test_it_is_the_same_after_a_run_folder():
    found = Fusion(0.7, 1.3, 0.61, 80)
    assert Fusion.from_dict(asdict(found)) == found
    assert Fusion.from_dict({}) is None
