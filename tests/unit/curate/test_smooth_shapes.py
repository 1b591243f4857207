"""Smooth shapes are no copies of each other, however alike they are once moved and scaled."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy import ndimage
from smooth_shapes import SHAPES, smooth_shape

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.passes import neighbour_passes, quick_pass
from cosmic_morphology.curate.duplicates.seen import read_seen
from cosmic_morphology.imaging import ingest_image

FIRST_SEED = 500
# Of a gradient the search sees nothing but noise, which compression takes; the proof finds it.
WITH_EDGES = [kind for kind in SHAPES if kind != "gradients"]
COPIES = {
    "re-encoded": lambda im: im,
    "turned": lambda im: im.transpose(Image.Transpose.ROTATE_90),
    "mirrored": ImageOps.mirror,
}


def arrival(name: str, image: Image.Image, form: str = "PNG") -> NewImage:
    out = io.BytesIO()
    image.save(out, form, quality=90)
    data = out.getvalue()
    return NewImage(Record("set", name), ingest_image(data), data)


def tied(atlas: Atlas) -> set[tuple[str, str]]:
    """Pairs of names that any pass ties, each pair being near by hash and by embedding."""
    seen = read_seen(atlas)
    names = [each.partition(":")[2] for each in seen.ids.to_pylist()]
    of_kind = [
        pair
        for pair in itertools.combinations(range(len(names)), 2)
        if len({names[row].partition("-")[0] for row in pair}) == 1
    ]
    pairs, apart = np.array(of_kind), UnionFind(len(names))
    quick = quick_pass(atlas, seen, pairs)
    rounds = [quick, *neighbour_passes(atlas, seen, pairs)]
    return {
        (names[one], names[other])
        for each in rounds
        for one, other, _ in each.verify(each.pairs, apart)
    }


@pytest.mark.parametrize("noise_levels", [0.0, 3.0])
def test_shapes_of_other_places_sizes_and_colours_are_not_tied(atlas: Atlas, noise_levels: float):
    atlas.add(
        [
            arrival(
                f"{kind}-{number}",
                smooth_shape(kind, FIRST_SEED + number, noise_levels=noise_levels),
            )
            for kind, number in itertools.product(SHAPES, range(4))
        ]
    )
    assert tied(atlas) == set()


def test_small_discs_of_nearly_one_place_are_not_tied_and_their_copies_are(atlas: Atlas):
    y, x = (np.mgrid[:96, :96] + 0.5) / 96

    def small_disc(at: float, radius: float, dark: float, colour: list[float]) -> Image.Image:
        away = np.hypot(x - at, y - 0.55)
        lit = np.clip((radius - away) / 0.01 + 0.5, 0, 1)
        lit = lit * np.sqrt(np.clip(1 - (away / radius) ** 2, 0, 1)) ** dark
        return Image.fromarray((8 + lit[..., None] * np.array(colour)).astype(np.uint8))

    discs = {
        "disc-a": small_disc(0.53, 0.128, 0.58, [166, 155, 168]),
        "disc-b": small_disc(0.543, 0.129, 0.46, [112, 127, 147]),
        "disc-c": small_disc(0.53, 0.135, 0.3, [101, 121, 120]),
    }
    copies = {f"{name} {how}": change(each) for name, each in discs.items()
              for how, change in COPIES.items()}  # fmt: skip
    atlas.add([arrival(name, each) for name, each in discs.items()])
    atlas.add([arrival(name, each, "JPEG") for name, each in copies.items()])
    found = tied(atlas)
    assert {pair for pair in found if len({name[:6] for name in pair}) == 2} == set()
    assert {(name[:6], name) for name in copies} - found == set()


def test_filled_boxes_of_one_shape_are_not_tied_when_one_is_larger(atlas: Atlas):
    y, x = (np.mgrid[:96, :96] + 0.5) / 96
    for name, (down, right), height, colour in (
        ("box-a", (0.49, 0.65), 0.147, [152, 106, 114]),
        ("box-b", (0.40, 0.48), 0.107, [113, 210, 199]),
        ("box-c", (0.50, 0.44), 0.102, [154, 197, 209]),
    ):
        inside = np.minimum(1.8 * height - np.abs(x - right), height - np.abs(y - down))
        lit = np.clip(inside / 0.014 + 0.5, 0, 1)
        levels = 8 + lit[..., None] * np.array(colour)
        atlas.add([arrival(name, Image.fromarray(levels.astype(np.uint8)))])
    assert tied(atlas) == set()


def test_a_box_cut_out_of_its_image_is_tied_and_a_larger_one_that_fits_it_is_not(atlas: Atlas):
    y, x = (np.mgrid[:192, :192] + 0.5) / 192

    def box(height: float) -> Image.Image:
        inside = np.minimum(1.8 * height - np.abs(x - 0.55), height - np.abs(y - 0.5))
        lit = np.clip(inside / 0.014 + 0.5, 0, 1)
        return Image.fromarray((8 + lit[..., None] * np.array([152, 106, 114])).astype("u1"))

    cut = box(0.15).crop((40, 30, 192, 170))
    atlas.add([arrival("box", box(0.15)), arrival("box-larger", box(0.18))])
    atlas.add([arrival("box-cut", cut, "JPEG")])
    assert tied(atlas) == {("box", "box-cut")}


def test_real_copies_of_smooth_shapes_are_tied(atlas: Atlas):
    wanted, images = set(), []
    for kind in WITH_EDGES:
        image = smooth_shape(kind, FIRST_SEED, noise_levels=1.0)
        images.append(arrival(f"{kind}-", image))
        for name, change in COPIES.items():
            images.append(arrival(f"{kind}-{name}", change(image), "JPEG"))
            wanted.add((f"{kind}-", f"{kind}-{name}"))
    atlas.add(images)
    assert wanted - tied(atlas) == set()


def test_a_crop_of_a_ring_with_texture_is_tied_and_a_ring_with_other_texture_is_not(atlas: Atlas):
    for seed in range(2):
        pixels = np.asarray(smooth_shape("rings", FIRST_SEED, side_px=256, noise_levels=0), float)
        texture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(256, 256)), 2)
        textured = Image.fromarray(
            np.clip(pixels + 25 + 12 * (texture / texture.std())[..., None], 0, 255).astype("u1")
        )
        cropped = textured.crop((20, 10, 230, 220))
        atlas.add(
            [arrival(f"ring-{seed}", textured), arrival(f"ring-{seed} cropped", cropped, "JPEG")]
        )
    assert tied(atlas) == {(f"ring-{seed}", f"ring-{seed} cropped") for seed in range(2)}
