"""The replica's galaxies know their shape, and a catalogue of simulated volunteers fits them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cosmic_morphology.collect.sources.positions import Positions
from cosmic_morphology.replica.archives.galaxies import SHAPES, galaxy_at, light_of
from cosmic_morphology.replica.archives.galaxy_zoo import chances_of, write_galaxy_zoo

NEAR = replace(galaxy_at(180.0, 40.0), radius_arcsec=8.0, magnitude=14.5, flatness=0.8, angle=0.3)


def drawn(shape: str, **said: float) -> np.ndarray:
    flat = {"flatness": 0.14} if shape == "edge-on" else {}
    return light_of(replace(NEAR, shape=shape, **flat, **said), 129, 129, 0.396)


def axis_ratio(light: np.ndarray) -> float:
    y, x = np.indices(light.shape) - 64.5
    moments = [(light * a * b).sum() for a, b in ((x, x), (x, y), (y, y))]
    low, high = np.linalg.eigvalsh([[moments[0], moments[1]], [moments[1], moments[2]]])
    return float(np.sqrt(low / high))


def test_an_edge_on_disc_is_thin_and_an_elliptical_is_not():
    assert axis_ratio(drawn("edge-on")) < 0.35
    assert axis_ratio(drawn("elliptical")) > 0.7


def test_tips_of_a_clockwise_spiral_lag_anticlockwise_and_the_other_way_round():
    r = np.geomspace(4, 40, 60)[:, None]
    theta = np.linspace(0, 2 * np.pi, 180, endpoint=False)[None]
    x, y = (64.5 + r * np.cos(theta)).round().astype(int), (64.5 - r * np.sin(theta)).round()
    leaning = []
    for shape in ("clockwise-spiral", "anticlockwise-spiral"):
        rings = drawn(shape, flatness=1.0)[y.astype(int), x]
        rings = rings / rings.mean(1, keepdims=True)
        outwards, around = np.gradient(rings)
        # A ridge whose angle grows outwards has slopes of opposite signs.
        leaning.append(-(outwards * around).sum())
    assert leaning[0] > 0 > leaning[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_volunteers_see_less_of_what_is_small_and_faint(shape):
    seen = [
        chances_of(replace(NEAR, shape=shape, radius_arcsec=radius, magnitude=magnitude))[shape]
        for radius, magnitude in ((8, 14.5), (4, 16.5), (2, 17.7))
    ]
    assert seen == sorted(seen, reverse=True)
    assert sum(chances_of(NEAR).values()) == pytest.approx(1.0)


def test_what_is_not_resolved_looks_smooth():
    far = replace(NEAR, shape="clockwise-spiral", radius_arcsec=1.5, magnitude=17.7)
    chances = chances_of(far)
    assert max(chances, key=chances.__getitem__) == "elliptical"


def test_the_catalogue_is_read_as_one_of_galaxy_zoo_and_its_positions_hold_the_truth(tmp_path):
    voted = write_galaxy_zoo(tmp_path / "zoo.csv", 40, seed=3)
    read = list(Positions(tmp_path / "zoo.csv"))
    assert [each.identifier for each in read] == [each.identifier for each in voted]
    assert all(len(each.identifier) == 18 for each in voted)
    for position, truth in zip(read, voted, strict=True):
        assert galaxy_at(round(position.ra_deg, 6), round(position.dec_deg, 6)) == truth.galaxy
        said = {each.answer.removeprefix("shape_"): each for each in position.answers}
        assert said["elliptical"].people == truth.people
        assert said["merger"].fraction == pytest.approx(truth.fractions["merger"], abs=1e-3)


def test_the_same_seed_writes_the_same_catalogue(tmp_path):
    for name in ("a", "b"):
        write_galaxy_zoo(tmp_path / name, 5, seed=1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
