"""The renderer: what it promises of images, truth and order."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from threadpoolctl import threadpool_limits

from cosmic_morphology.errors import UsageError
from cosmic_morphology.synthesize import RENDERED_CLASSES, render_image, render_images
from cosmic_morphology.synthesize.camera.psf import convolved
from cosmic_morphology.synthesize.fields.noise import between, standardised

TARGETS = [kind for kind in RENDERED_CLASSES if kind != "irrelevant"]


@pytest.mark.parametrize("kind", RENDERED_CLASSES)
def test_the_same_seed_gives_the_same_image_and_another_seed_another(kind):
    first, again, other = render_image(kind, 5, size_px=96), render_image(kind, 5, size_px=96), None
    assert np.array_equal(first.pixels, again.pixels)
    assert (first.title, first.description, first.parameters) == (
        again.title,
        again.description,
        again.parameters,
    )
    other = render_image(kind, 6, size_px=96)
    assert first.pixels.shape != other.pixels.shape or (first.pixels != other.pixels).any()


@pytest.mark.parametrize("size_px", [32, 100, 256])
@pytest.mark.parametrize("kind", TARGETS)
def test_every_class_renders_at_every_size_and_shows_something(kind, size_px):
    for seed in range(6):
        image = render_image(kind, seed, size_px=size_px)
        assert image.pixels.dtype == np.uint8
        assert image.pixels.ndim == 3
        assert image.pixels.shape[2] == 3
        assert max(image.pixels.shape[:2]) == size_px
        assert image.pixels.std() > 1


def test_only_blank_junk_is_blank():
    for seed in range(30):
        image = render_image("irrelevant", seed, size_px=64)
        assert image.parameters["subtype"] == "blank" or image.pixels.std() > 1


@pytest.mark.parametrize("kind", RENDERED_CLASSES)
def test_the_whole_truth_is_json_and_within_range(kind):
    for seed in range(8):
        image = render_image(kind, seed, size_px=64)
        told = json.loads(json.dumps(image.parameters, allow_nan=False))
        assert told == image.parameters
        assert told["class"] == kind
        assert 0 < told["object_px"] <= 64
        assert told["signal_to_noise"] >= 0
        assert (told["height"], told["width"]) == image.pixels.shape[:2]
        assert told["instrument"]
        assert told["subtype"]


def test_an_image_is_a_jpeg_of_its_own_size():
    image = render_image("planet", 1, size_px=80)
    opened = Image.open(io.BytesIO(image.jpeg(quality=90)))
    assert opened.format == "JPEG"
    assert (opened.height, opened.width) == image.pixels.shape[:2]


def test_a_stream_equals_images_rendered_one_by_one_whatever_the_workers():
    counts = {"star": 9, "planet": 7, "irrelevant": 2}
    alone = list(render_images(counts, seed=3, size_px=48, workers=1))
    shared = list(render_images(counts, seed=3, size_px=48, workers=2))
    assert [(p.kind, p.seed) for p in alone] == [(p.kind, p.seed) for p in shared]
    for one, two in zip(alone, shared, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.pixels, render_image(one.kind, one.seed, size_px=48).pixels)
    assert sum(p.kind == "star" for p in alone) == 9


def test_a_longer_stream_begins_with_the_shorter_one():
    few = [p.seed for p in render_images({"star": 3}, seed=1, size_px=32, workers=1)]
    more = [p.seed for p in render_images({"star": 6}, seed=1, size_px=32, workers=1)]
    assert more[:3] == few


@pytest.mark.parametrize(
    ("kind", "seed", "size_px"), [("quasar", 0, 64), ("star", -1, 64), ("star", 0, 5)]
)
def test_what_cannot_be_rendered_is_refused_before_anything_starts(kind, seed, size_px):
    with pytest.raises(UsageError):
        render_image(kind, seed, size_px=size_px)
    with pytest.raises(UsageError):
        render_images({kind: 1}, seed=seed, size_px=size_px)


def test_interpolation_by_products_of_matrices_is_that_of_scipy():
    rng = np.random.default_rng(2)
    field = rng.normal(size=(20, 30)).astype(np.float32)
    rows, cols = np.sort(rng.uniform(-3, 24, 40)), np.sort(rng.uniform(-3, 33, 50))
    grid = np.meshgrid(rows, cols, indexing="ij")
    wanted = ndimage.map_coordinates(field, grid, order=1, mode="nearest")
    found = between(rows, 20) @ field @ between(cols, 30).T
    assert np.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("shape", [(17, 9), (8, 8, 8)])
def test_a_standardised_field_has_mean_zero_and_deviation_one_and_a_flat_one_stays_flat(shape):
    field = np.random.default_rng(1).normal(5, 3, shape).astype(np.float32)
    found = standardised(field)
    assert found.mean() == pytest.approx(0, abs=1e-5)
    assert found.std() == pytest.approx(1, abs=1e-5)
    assert (standardised(np.full(shape, 4, np.float32)) == 0).all()


@pytest.mark.parametrize("kind", ["moffat", "kolmogorov", "newton", "hubble", "webb"])
def test_an_even_sky_stays_even_up_to_the_edges(kind):
    sky = np.full((96, 80, 3), 0.4, np.float32)
    spread = convolved(sky, kind, 2.5, 30.0)
    assert spread.shape == sky.shape
    assert np.abs(spread - 0.4).max() < 1e-3


def test_an_image_of_a_seed_is_the_same_with_any_number_of_threads():
    def rendered(threads: int) -> list[np.ndarray]:
        with threadpool_limits(threads):
            return [render_image("asteroid", seed, size_px=256).pixels for seed in range(300, 306)]

    for one, other in zip(rendered(1), rendered(2), strict=True):
        assert np.array_equal(one, other)
