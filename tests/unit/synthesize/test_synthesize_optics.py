"""What light does on its way: stars through a telescope, sunlight on globes and rings."""

import numpy as np
import pytest

from cosmic_morphology.synthesize.camera.cameras import pick_camera
from cosmic_morphology.synthesize.camera.expose import expose
from cosmic_morphology.synthesize.camera.psf import convolved
from cosmic_morphology.synthesize.classes import planet, star
from cosmic_morphology.synthesize.fields.star_field import place_stars
from cosmic_morphology.synthesize.scene import Frame
from cosmic_morphology.synthesize.surfaces.relief import sun_vector
from cosmic_morphology.synthesize.surfaces.rings import add_rings

WIDE = Frame(513, 513)
KINDS = ["moffat", "kolmogorov", "newton", "hubble", "webb"]


def width(profile):
    """Full width at half maximum along a line, in pixels, between pixels linearly."""
    top, peak = profile.max() / 2, int(profile.argmax())
    right = peak + int(np.argmax(profile[peak:] < top))
    left = peak - int(np.argmax(profile[: peak + 1][::-1] < top))
    ends = [
        left + (top - profile[left]) / (profile[left + 1] - profile[left]),
        right - (top - profile[right]) / (profile[right - 1] - profile[right]),
    ]
    return ends[1] - ends[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fwhm_px", [3.0, 5.0, 9.0])
def test_a_star_is_as_wide_as_its_camera_says_and_keeps_its_light(kind, fwhm_px):
    light = WIDE.canvas()
    middle = np.zeros(1, dtype=np.float32)
    place_stars(light, WIDE, middle, middle, np.array([[3, 2, 1]], np.float32))
    spread = convolved(light, kind, fwhm_px, 30.0)
    for channel in (0, 2):
        for line in (spread[256, :, channel], spread[:, 256, channel]):
            assert width(line) == pytest.approx(fwhm_px, rel=0.04)
    assert spread.sum(axis=(0, 1)) == pytest.approx([3, 2, 1], rel=1e-3)
    rows, cols = np.indices(WIDE.shape)
    assert (spread[..., 0] * rows).sum() / 3 == pytest.approx(256, abs=0.1)
    assert (spread[..., 0] * cols).sum() / 3 == pytest.approx(256, abs=0.1)


def test_the_width_in_the_truth_is_the_width_that_is_drawn():
    light = Frame(129, 129).canvas()
    light[64, 64] = 1
    for seed in range(12):
        rng = np.random.default_rng(seed)
        scene = star.paint(rng, Frame(64, 64))
        camera = pick_camera(rng, scene, side_px=1024)
        _, told = expose(rng, scene, camera)
        drawn = convolved(light, camera.psf, camera.fwhm_px, camera.spider_deg)
        assert width(drawn[64, :, 0]) == pytest.approx(told["psf_fwhm_px"], rel=0.04)


@pytest.mark.parametrize("kind", ["newton", "hubble", "webb"])
def test_spikes_hold_the_same_share_of_the_light_at_every_size(kind):
    shares = []
    for fwhm_px in (2.0, 4.0, 6.0):
        light = WIDE.canvas()
        light[256, 256] = 1
        spread = convolved(light, kind, fwhm_px, 0.0)[..., 0]
        rows, cols = np.indices(WIDE.shape) - 256
        r = np.hypot(rows, cols)
        ring = (r > 5 * fwhm_px) & (r < 12 * fwhm_px)
        on_axis = ring & (np.abs(cols) < 0.8 * fwhm_px)
        shares.append(spread[on_axis].sum())
    assert max(shares) < 1.6 * min(shares)


def whole_planets(count, **facts):
    """Discs that lie inside the frame, without rings."""
    frame, found = Frame(200, 200), []
    for seed in range(3000):
        scene = planet.paint(np.random.default_rng(seed), frame)
        truth = scene.truth
        whole = scene.subtype in facts["worlds"] and 0.2 < truth.get("radius", 1) < 0.47
        if whole and abs(truth["x"]) + truth["radius"] < 0.5:
            found.append((frame, scene))
        if len(found) == count:
            return found
    raise AssertionError(facts)


def test_the_lit_share_of_a_disc_is_that_of_its_phase():
    phases = []
    for frame, scene in whole_planets(24, worlds=("mars", "venus", "neptune", "uranus", "pluto")):
        if "ring_tilt_deg" in scene.truth:
            continue
        x, y = frame.grid(scene.truth["x"], scene.truth["y"])
        disc = np.hypot(x, y) < scene.truth["radius"]
        lit = scene.target > 0.015 * np.percentile(scene.target[disc], 99)
        wanted = (1 + np.cos(np.deg2rad(scene.truth["phase_deg"]))) / 2
        assert lit[disc].mean() == pytest.approx(wanted, abs=0.06), scene.truth
        phases.append(scene.truth["phase_deg"])
    # Crescents as well as full discs were seen.
    assert min(phases) < 20
    assert max(phases) > 100


def test_the_phase_that_is_said_is_the_angle_to_the_sun_that_shines():
    """Of a night side that fills the frame nothing is seen: another Sun is taken, and said."""
    for seed in range(300):
        view = planet._view(np.random.default_rng(seed), Frame(64, 64), "mercury")
        assert np.arccos(view.sun[2]) == pytest.approx(view.phase, abs=1e-5)


TILT, RADIUS = np.deg2rad(20.0), 0.18


def ringed(sun, *, tilt=TILT, roll=0.0, globe=0.5):
    """A flat grey globe with rings, and the coordinates in planetary radii."""
    x, y = (axis / RADIUS for axis in WIDE.grid(angle=roll))
    mask = (np.hypot(x, y) < 1).astype(np.float32)
    light = np.repeat((globe * mask)[..., None], 3, axis=2).astype(np.float32)
    light = add_rings(
        np.random.default_rng(1), WIDE, light, mask, (0.0, 0.0), RADIUS, sun, roll=roll, tilt=tilt,
        faint=False,
    )  # fmt: skip
    return light.mean(axis=2), x, y


@pytest.mark.parametrize("tilt_deg", [-25.0, 8.0, 20.0])
@pytest.mark.parametrize("roll", [0.0, 0.8])
def test_rings_are_circles_seen_under_their_tilt(tilt_deg, roll):
    light, x, y = ringed(sun_vector(0.0, 0.0), tilt=np.deg2rad(tilt_deg), roll=roll, globe=0.0)
    seen = light > 0.02
    ratio = np.abs(y[seen]).max() / np.abs(x[seen]).max()
    assert ratio == pytest.approx(abs(np.sin(np.deg2rad(tilt_deg))), rel=0.06)


def test_the_planets_shadow_lies_on_the_rings_behind_it_as_seen_from_the_sun():
    full, x, y = ringed(sun_vector(0.0, 0.0))
    behind = (np.hypot(x, y / np.sin(TILT)) < 1.9) & (np.hypot(x, y / np.sin(TILT)) > 1.6)
    left, right = (behind & (np.sign(x) == side) & (np.hypot(x, y) > 1) for side in (-1, 1))
    # The Sun behind the camera: the shadow hides behind the globe.
    assert full[left].min() > 0.2
    assert full[right].min() > 0.2
    # The Sun from the right: it falls to the left, on the far half.
    side, _, _ = ringed(sun_vector(np.deg2rad(60), 0.0))
    assert side[right].min() > 0.2
    dark = left & (side < 0.1)
    assert dark.sum() > 50
    assert (y[dark] > 0).mean() > 0.85
    other, _, _ = ringed(sun_vector(np.deg2rad(60), np.pi))
    assert other[left].min() > 0.2
    assert (right & (other < 0.1)).sum() > 50


def test_the_rings_shadow_falls_on_the_half_of_the_globe_that_is_turned_from_the_sun():
    """The globe's light alone, with its rings seen almost from their edge."""
    tilt = np.deg2rad(5.0)

    def shaded(elevation_deg):
        light, x, y = ringed(sun_vector(np.deg2rad(abs(elevation_deg)),
                                        np.sign(elevation_deg) * np.pi / 2), tilt=tilt)  # fmt: skip
        on_globe = (np.hypot(x, y) < 0.97) & (np.abs(y) > 2.4 * np.sin(tilt))
        dark = on_globe & (light < 0.4)
        return y[dark]

    # The pole leans towards the camera by the tilt, so that the Sun stands higher by it.
    north, south = shaded(20), shaded(-25)
    assert len(north) > 100
    assert len(south) > 100
    assert (north < 0).all()
    assert (south > 0).all()
    # A higher Sun throws it further from the equator.
    assert shaded(30).mean() < shaded(15).mean()


def test_rings_seen_from_their_dark_side_are_dim():
    lit, x, y = ringed(sun_vector(np.deg2rad(40), np.pi / 2), tilt=TILT)
    dark, _, _ = ringed(sun_vector(np.deg2rad(40), -np.pi / 2), tilt=TILT)
    ring = (np.hypot(x, y / np.sin(TILT)) > 1.6) & (np.hypot(x, y / np.sin(TILT)) < 1.9)
    ring &= (np.hypot(x, y) > 1.1) & (y < 0)
    assert dark[ring].mean() < 0.3 * lit[ring].mean()
