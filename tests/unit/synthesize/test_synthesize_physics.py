"""The renderer's physics, measured on the light that it paints: galaxies, clusters, comets."""

from itertools import pairwise

import numpy as np
import pytest

from cosmic_morphology.synthesize.classes import comet, galaxy, star
from cosmic_morphology.synthesize.fields.noise import power_law
from cosmic_morphology.synthesize.fields.sersic import sersic
from cosmic_morphology.synthesize.fields.star_field import place_stars
from cosmic_morphology.synthesize.scene import Frame, blackbody

SQUARE = Frame(512, 512)


def scenes(paint, frame, subtype, *, count, **facts):
    """The first scenes of a subtype whose truth has these facts."""
    found = []
    for seed in range(4000):
        scene = paint(np.random.default_rng(seed), frame)
        if scene.subtype == subtype and all(scene.truth.get(k) == v for k, v in facts.items()):
            found.append(scene)
        if len(found) == count:
            return found
    raise AssertionError(subtype)


def half_light_radius(light, frame, *, x=0.0, y=0.0, q=1.0, angle=0.0, share=0.5):
    """Radius of the ellipse that holds ``share`` of all light, as that of a circle of its area."""
    u, v = frame.grid(x, y, angle=angle)
    radius = np.hypot(u * np.sqrt(q), v / np.sqrt(q)).ravel()
    order = np.argsort(radius)
    inside = np.cumsum(light.ravel()[order], dtype=np.float64)
    return radius[order][np.searchsorted(inside, share * inside[-1])]


@pytest.mark.parametrize("side", [1024, 1025])
@pytest.mark.parametrize(("n", "q"), [(1.0, 1.0), (1.0, 0.4), (2.5, 0.7), (4.0, 1.0), (4.0, 0.5)])
def test_half_of_a_sersic_profiles_light_is_within_its_radius(n, q, side):
    # Large enough that hardly any light lies beyond the frame; the middle is on a pixel or between.
    frame = Frame(side, side)
    light = sersic(frame, (0.0, 0.0), n=n, radius=0.012, q=q, angle=0.7)
    assert half_light_radius(light, frame, q=q, angle=0.7) == pytest.approx(0.012, rel=0.03)
    assert light.max() == pytest.approx(1)


def test_a_sersic_profile_does_not_change_with_its_place_on_the_pixels():
    places = [(shift / 512, 0.1) for shift in (0.0, 0.25, 0.5, 0.8)]
    radii = [
        half_light_radius(
            sersic(SQUARE, place, n=4, radius=0.03, q=0.8, angle=0.0), SQUARE,
            x=place[0], y=place[1], q=0.8,
        )
        for place in places
    ]  # fmt: skip
    assert max(radii) == pytest.approx(min(radii), rel=0.03)


def test_rendered_ellipticals_have_the_light_that_their_truth_says():
    frame = Frame(256, 256)
    for scene in scenes(galaxy.paint, frame, "elliptical", count=4, dust_band=False):
        truth = scene.truth
        place = {"x": truth["x"], "y": truth["y"], "q": truth["axis_ratio"]}
        angle = np.deg2rad(truth["position_angle_deg"])
        # The frame cuts the wings, so that radii are compared at one level inside it: the same
        # profile drawn alone has the same light there.
        alone = sersic(
            frame, (truth["x"], truth["y"]), n=truth["sersic_n"],
            radius=truth["half_light_radius"], q=truth["axis_ratio"], angle=angle,
        )  # fmt: skip
        for share in (0.25, 0.5, 0.75):
            painted, wanted = (
                half_light_radius(light, frame, angle=angle, share=share, **place)
                for light in (scene.target, alone)
            )
            assert painted == pytest.approx(wanted, rel=0.03)


def test_a_king_clusters_stars_follow_its_density():
    rng = np.random.default_rng(1)
    core, concentration = 0.02, 2.0
    radius = star.king_radii(rng, 400_000, core=core, concentration=concentration)
    assert radius.max() <= core * 10**concentration * 1.001

    def density(x, half_width=0.05):
        low, high = x * (1 - half_width), x * (1 + half_width)
        stars = ((radius > low * core) & (radius < high * core)).sum()
        return stars / (high**2 - low**2)

    # King (1962): half of the central density near the core radius, then a slope of -2.
    centre = density(0.1, 0.9)
    assert density(1.0) / centre == pytest.approx(0.5, abs=0.03)
    slope = np.log(density(12.0) / density(5.0)) / np.log(12 / 5)
    assert slope == pytest.approx(-2.1, abs=0.2)
    # It steepens towards the tidal radius, where the density ends.
    assert np.log(density(80.0) / density(50.0)) / np.log(80 / 50) < -4


def test_painted_globulars_are_as_wide_as_their_truth_says():
    measured, said = [], []
    for scene in scenes(star.paint, Frame(256, 256), "globular cluster", count=25):
        truth = scene.truth
        if truth["king_core"] > 0.03:
            continue
        measured.append(
            half_light_radius(
                scene.target, Frame(256, 256), x=truth["x"], y=truth["y"], q=truth["axis_ratio"]
            )
        )
        radius = star.king_radii(
            np.random.default_rng(0), 20_000, core=truth["king_core"],
            concentration=truth["king_concentration"],
        )  # fmt: skip
        said.append(np.median(radius))
    assert len(measured) >= 5
    # Few bright giants hold much of the light: one cluster scatters, all together do not.
    assert np.median(np.array(measured) / said) == pytest.approx(1, abs=0.12)


def test_no_open_cluster_ends_in_a_ring_of_stars():
    radius = star.plummer_radii(np.random.default_rng(2), 200_000, core=1.0)
    outer = np.histogram(radius, bins=np.arange(3.0, 6.01, 0.5))[0]
    assert (np.diff(outer) < 0).all()
    # Plummer (1911): half of the stars in projection are within one core radius.
    assert np.median(radius) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("subtype", "facts", "within_deg"),
    [("ion tail", {}, 12), ("dust tail", {}, 40), ("two tails", {}, 25)],
)
def test_comet_tails_point_away_from_the_sun(subtype, facts, within_deg):
    frame, offs = Frame(192, 192), []
    x, y = (np.asarray(axis, dtype=np.float64) for axis in frame.grid())
    for scene in scenes(comet.paint, frame, subtype, count=12, **facts):
        truth = scene.truth
        dx, dy = x - truth["x"], y - truth["y"]
        # The coma is round and near; what lies further out is tail.
        tail = scene.target * (np.hypot(dx, dy) > 4 * truth["coma_scale"])
        angle = np.degrees(np.arctan2((tail * dy).sum(), (tail * dx).sum()))
        offs.append(abs((angle - truth["sun_angle_deg"] + 180 + 180) % 360 - 180))
    assert np.median(offs) < within_deg
    assert max(offs) < 90


def test_a_coma_without_a_tail_is_round_and_says_no_length_of_a_tail():
    frame = Frame(256, 256)
    for scene in scenes(comet.paint, frame, "coma", count=3, dust_tail=False):
        assert "tail_length" not in scene.truth
        x, y = frame.grid(scene.truth["x"], scene.truth["y"])
        near = np.hypot(x, y) < 0.05
        for axis in (x, y):
            assert abs((scene.target * axis)[near].sum()) < 0.02 * scene.target[near].sum() * 0.05


def test_a_trail_holds_the_light_of_its_star():
    lights = []
    for trail in ((0.0, 0.0), (0.05, 0.4), (0.3, 1.2)):
        light = SQUARE.canvas()
        place = np.zeros(1, dtype=np.float32)
        place_stars(light, SQUARE, place, place, np.full((1, 3), 7, np.float32), trail=trail)
        lights.append(light.sum())
    assert lights == pytest.approx([21, 21, 21], rel=1e-4)


@pytest.mark.parametrize("beta", [2.0, 2.6, 3.4])
@pytest.mark.parametrize("shape", [(256, 256), (160, 256)])
def test_random_fields_have_the_slope_that_was_asked_for(beta, shape):
    height, width = shape
    spectra = 0
    for seed in range(8):
        field = power_law(np.random.default_rng(seed), shape, beta)
        spectra = spectra + np.abs(np.fft.fft2(field)) ** 2
    # Cycles over the longer side, in both directions.
    k = np.hypot(*np.meshgrid(
        np.fft.fftfreq(height) * max(shape), np.fft.fftfreq(width) * max(shape), indexing="ij"
    ))  # fmt: skip
    bins = np.geomspace(8, 100, 12)
    power = [np.mean(spectra[(k >= low) & (k < high)]) for low, high in pairwise(bins)]
    slope = np.polyfit(np.log(np.sqrt(bins[:-1] * bins[1:])), np.log(power), 1)[0]
    assert slope == pytest.approx(-beta, abs=0.1)


def test_hot_stars_are_blue_and_cool_ones_red():
    kelvin = np.array([2500, 3500, 4500, 5800, 8000, 12_000, 25_000])
    red, green, blue = blackbody(kelvin).T
    assert (np.diff(blue / red) > 0).all()
    assert (np.diff(green / red) > 0).all()
    # The Sun is white.
    assert np.ptp(blackbody(5800.0)) < 1e-5


def test_painted_bright_stars_have_the_colour_of_their_temperature():
    frame, by_kelvin = Frame(96, 96), {}
    for scene in scenes(star.paint, frame, "bright star", count=30):
        peak = np.unravel_index(scene.target.argmax(), frame.shape)
        red, _, blue = scene.light[peak]
        by_kelvin.setdefault(scene.truth["temperature_k"], []).append(blue / red)
    kelvin = sorted(by_kelvin)
    assert len(kelvin) >= 5
    assert (np.diff([np.median(by_kelvin[each]) for each in kelvin]) > 0).all()
