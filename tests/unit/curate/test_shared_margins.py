"""Different images of one frame and caption are different; copies that were framed are copies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate import find_duplicates
from cosmic_morphology.curate.exhaustive.compare import compare_all
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.synthesize import render_image

KINDS = ("star", "galaxy", "nebula", "planet", "asteroid", "comet")
# Share of the shorter side, grey level, and whether there is a caption.
MARGINS = {
    "a row of black": (0.005, 0, False),
    "a black frame": (0.03, 0, False),
    "a white frame with a caption": (0.03, 255, True),
    "a wide dark mat with a caption": (0.1, 20, True),
    "a third of it black": (0.16, 0, False),
}
CAPTION = np.random.default_rng(3).random((8, 56)) > 0.6


@pytest.fixture(scope="module")
def images():
    return [
        render_image(kind, 8_400_000 + number, size_px=224).pixels
        for kind in KINDS
        for number in range(8)
    ]


def framed(pixels: np.ndarray, margin: str) -> np.ndarray:
    share, level, captioned = MARGINS[margin]
    out = np.asarray(Image.fromarray(pixels).resize((240, 240), Image.Resampling.LANCZOS)).copy()
    width = max(1, round(share * len(out)))
    out[:width] = out[-width:] = level
    out[:, :width] = out[:, -width:] = level
    if captioned:
        line = np.where(CAPTION.repeat(2, 0).repeat(2, 1), 230, 20)
        below = len(out) - width - 4
        out[below - len(line) : below, below - line.shape[1] : below] = line[..., None]
    return out


def fill(atlas: Atlas, images: dict[str, np.ndarray]) -> None:
    new = []
    for name, pixels in images.items():
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=88)
        new.append(NewImage(Record("sky", name), ingest_image(out.getvalue()), out.getvalue()))
    atlas.add(new)


def tied(atlas: Atlas) -> set[tuple[str, ...]]:
    ids = atlas.ids()
    found = compare_all(atlas, ids, np.full(len(ids), -1))
    return {tuple(sorted(ids[row].partition(":")[2] for row in pair)) for pair in found.pairs}


@pytest.mark.parametrize("margin", MARGINS)
def test_what_surrounds_different_images_makes_them_no_copies(margin, images, atlas: Atlas):
    fill(atlas, {f"{number:02d}": framed(each, margin) for number, each in enumerate(images)})
    assert tied(atlas) == set()
    assert find_duplicates(atlas, settings=CurateSettings()).duplicates == 0


@pytest.mark.parametrize("margin", MARGINS)
def test_copies_within_the_same_margins_are_found(margin, images, atlas: Atlas):
    whole = {f"{number:02d}": framed(each, margin) for number, each in enumerate(images)}
    copies = {
        f"{name}-copy": pixels if MARGINS[margin][2] else pixels[::-1, ::-1]
        for name, pixels in whole.items()
    }
    smaller = {
        name: np.asarray(Image.fromarray(pixels).resize((180, 180), Image.Resampling.LANCZOS))
        for name, pixels in copies.items()
    }
    fill(atlas, whole | smaller)
    wanted = {(name, f"{name}-copy") for name in whole}
    found = tied(atlas)
    assert found <= wanted
    assert len(found) >= len(wanted) - 1


def test_kinds_of_images_are_not_mixed_up(images, atlas: Atlas):
    fill(atlas, {f"{number:02d}": each for number, each in enumerate(images)})
    assert tied(atlas) == set()
