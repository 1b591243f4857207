"""Every pair is compared in every orientation: what makes it fast changes nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cosmic_morphology.curate.exhaustive.alike import Comparison, SeenImage
from cosmic_morphology.curate.exhaustive.maps import (
    CELLS,
    ORIENTATIONS,
    band,
    details,
    oriented,
    small_versions,
    turned_back,
)
from cosmic_morphology.curate.exhaustive.pairs import (
    MIN_PART,
    MIN_WHOLE,
    NEAREST,
    by_parity,
    candidate_pairs,
)
from cosmic_morphology.curate.exhaustive.residual import Model, Sharpened


def units(n: int, seed: int) -> np.ndarray:
    """Random small versions; each third is the one before it, turned and with noise."""
    rng = np.random.default_rng(seed)
    squares = rng.normal(size=(n, CELLS, CELLS))
    for at in range(2, n, 3):
        turned = oriented(squares[at - 1], ORIENTATIONS[at % 8])
        squares[at] = turned + rng.normal(0, 0.6, turned.shape)
    return normalised(rng.permutation(squares).reshape(n, -1))


def normalised(versions: np.ndarray) -> np.ndarray:
    flat = versions - versions.mean(axis=1, keepdims=True)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)


def by_brute_force(wholes, versions, split, part, first):
    """Each pair with its best orientation and correlation."""
    found = {}
    squares = wholes.reshape(-1, CELLS, CELLS)
    turned = np.stack([oriented(squares, each).reshape(len(squares), -1) for each in ORIENTATIONS])
    for number, version in enumerate(versions):
        of = first + number
        alike = turned @ version
        for whole in range(len(wholes)):
            if split[of] == split[whole] >= 0 or (whole <= of if part == 0 else whole == of):
                continue
            best = int(alike[:, whole].argmax())
            if alike[best, whole] >= (MIN_PART if part else MIN_WHOLE):
                found[whole, of] = best, float(alike[best, whole])
    return found


@pytest.mark.parametrize(("part", "first"), [(0, 0), (3, 0), (3, 40)])
def test_all_pairs_across_splits_are_compared_in_all_orientations(part, first):
    wholes = units(90, 1)
    versions = normalised(wholes[first : first + 30] + units(30, 3) / 4) if part else wholes
    split = np.sort(np.random.default_rng(2).integers(-1, 3, len(wholes)))
    found = candidate_pairs(by_parity(wholes), by_parity(versions), split, part=part, first=first)
    rows = zip(found.whole.tolist(), found.of.tolist(), strict=True)
    best = zip(found.orientation.tolist(), found.correlation.tolist(), strict=True)
    got = dict(zip(rows, best, strict=True))
    wanted = by_brute_force(wholes, versions, split, part, first)
    if part:  # of two directions the better one is kept
        wanted = {
            pair: best
            for pair, best in wanted.items()
            if best[1] >= wanted.get(pair[::-1], (0, -1.0))[1] - 1e-6
        }
    assert len(wanted) >= 5
    assert max(np.bincount(np.array(list(wanted)).ravel())) < NEAREST
    assert {pair: best for pair, (best, _) in got.items()} == {
        pair: best for pair, (best, _) in wanted.items()
    }
    assert all(abs(got[pair][1] - wanted[pair][1]) < 1e-5 for pair in wanted)


def picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 5)
    return np.float32(np.clip(60 + 500 * smooth + rng.normal(0, 3, smooth.shape), 0, 255))


@pytest.mark.parametrize("side", [128, 96, 64])
def test_details_by_the_cosine_transform_are_those_of_gaussian_filters(side):
    grey = picture(1)[:side, :side]
    narrow, wide = (ndimage.gaussian_filter(grey, sigma) for sigma in (1.0, 4.0))
    assert np.abs(band(grey) - (narrow - wide)).max() < 1e-3
    strength = np.sqrt(ndimage.gaussian_filter((narrow - wide) ** 2, 4.0))
    floor = 0.05 * np.quantile(strength, 0.95) + 0.05
    wanted = np.clip((narrow - wide) / (strength + floor), -3, 3)
    assert np.abs(details(grey) - wanted).max() < 1e-3


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_what_is_known_of_an_image_turns_with_it(orientation):
    grey = picture(2)
    turned = SeenImage.of(np.ascontiguousarray(oriented(grey, orientation)))
    known = SeenImage.of(grey).oriented(orientation)
    assert np.abs(known.details.map_ - turned.details.map_).max() < 1e-4
    assert np.array_equal(known.details.good, turned.details.good)
    assert np.abs(known.sharpened.pixels - turned.sharpened.pixels).max() < 1e-3
    assert np.array_equal(oriented(turned.grey, turned_back(orientation)), grey)
    # Compared with itself turned, an image that is turned back is itself.
    alike = Comparison(SeenImage.of(grey)).whole(turned.oriented(turned_back(orientation)))
    assert alike == pytest.approx(1.0, abs=1e-4)


def test_small_versions_of_some_parts_are_those_of_all():
    parts = [(1.0, 0.0, 0.0), (0.9, 0.05, 0.1), (0.7, 0.3, 0.0)]
    grey = picture(3)
    alone = np.concatenate([small_versions(grey, [part]) for part in parts])
    assert np.allclose(small_versions(grey, parts), alone, atol=1e-5)


def test_what_is_left_is_that_of_least_squares():
    one, other = Sharpened.of(picture(4)), Sharpened.of(0.8 * picture(4) + 0.1 * picture(5) + 7)
    down, right = np.gradient(one.pixels)
    softer = ndimage.gaussian_filter(one.pixels, 1.0) - one.pixels
    terms = np.stack([np.ones_like(down), one.pixels, down, right, softer]).reshape(5, -1)
    weights, *_ = np.linalg.lstsq(terms.T.astype(float), other.pixels.ravel(), rcond=None)
    left = other.pixels - (weights @ terms).reshape(down.shape)
    found = Model(one).residual(other)
    assert found.levels == pytest.approx(np.abs(ndimage.gaussian_filter(left, 3.0)).max(), rel=1e-3)
    assert found.gain == pytest.approx(weights[1], rel=1e-4)
    assert not Model(one).leaves_noise(other)
    assert Model(one).leaves_noise(Sharpened.of(0.8 * picture(4) + 7))
