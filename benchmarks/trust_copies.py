"""Copies that the proof of a split finds by itself, by kind of image; and different images it ties.

::

    python benchmarks/trust_copies.py [--folder DIR --truth CSV]

No embeddings, and nothing of the search that ``cosmic curate`` has. Rendered images have other
seeds than those that thresholds were chosen on; of real ones (``DIR``, with ``CSV`` for their
kinds) the half ``report`` is taken. 46 images of a kind make 1,035 pairs of different ones.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from curate_duplicates import add, half_of, proportion, resized, wilson
from PIL import Image, ImageOps
from rows import Row, emit
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "curate"))

from smooth_discs import smooth_disc
from test_shared_margins import MARGINS, framed

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.exhaustive.compare import compare_all
from cosmic_morphology.synthesize import render_image

FIRST_SEED = 2_000_000
SIZE = (256, 320)
SMOOTH = (
    "soft-banded planets",
    "planets with few bands",
    "ringed planets",
    "plain discs",
    "crescents",
    "dim crescents",
)
REAL = ("star", "galaxy", "nebula", "planet", "asteroid", "comet", "irrelevant")
CHANGED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "turned by 180": lambda im: im.transpose(Image.Transpose.ROTATE_180),
    "turned by 90": lambda im: im.transpose(Image.Transpose.ROTATE_90),
    "mirrored": ImageOps.mirror,
    "re-encoded": lambda im: im,
    "rescaled to half": lambda im: resized(im, 0.5),
    "cropped to 80 %": lambda im: im.crop(
        (im.width // 10, 0, im.width // 10 + im.width * 4 // 5, im.height * 4 // 5)
    ),
}
WANTED = ("turned by 180", "turned by 90", "mirrored", "re-encoded")
COMMAND = "python benchmarks/trust_copies.py --folder DIR --truth CSV"


def dark_frame(rng: np.random.Generator) -> np.ndarray:
    frame = ndimage.gaussian_filter(rng.normal(9, 4, SIZE), 0.5)
    hot = rng.integers(0, SIZE[0], 60), rng.integers(0, SIZE[1], 60)
    frame[hot] = rng.uniform(30, 255, 60)
    return frame


def disc_on_black(rng: np.random.Generator) -> np.ndarray:
    """Discs of one size and place, whose bands differ."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot(y - SIZE[0] / 2, x - SIZE[1] / 2) / 100
    bands = ndimage.gaussian_filter(rng.normal(0, 1, SIZE), (5, 14))
    lit = 150 * np.sqrt(np.clip(1 - away**2, 0, 1)) + 30 * bands / bands.std()
    return np.where(away < 1, lit, 0) + rng.normal(0, 1, SIZE)


def simulated(make: Callable[[np.random.Generator], np.ndarray], n: int) -> Iterator[Image.Image]:
    for seed in range(n):
        levels = make(np.random.default_rng([FIRST_SEED, seed]))
        yield Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).convert("RGB")


def rendered(kind: str, subtypes: str, n: int) -> Iterator[Image.Image]:
    """The first n of the kind whose subtype has this in its name."""
    seeds = itertools.count(FIRST_SEED)
    images = (render_image(kind, seed, size_px=256) for seed in seeds)
    fitting = (each for each in images if subtypes in str(each.parameters["subtype"]))
    for each in itertools.islice(fitting, n):
        yield Image.fromarray(each.pixels)


def real(folder: Path, truth: Path, kind: str, n: int) -> Iterator[Image.Image]:
    with truth.open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["class"] == kind]
    names = sorted(name for name in names if half_of(name) and (folder / name).is_file())
    for name in np.random.default_rng(FIRST_SEED).permutation(names)[:n]:
        yield Image.open(folder / name).convert("RGB")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--folder", type=Path)
    asked.add_argument("--truth", type=Path)
    asked.add_argument("--images", type=int, default=46)
    given = asked.parse_args()
    n = given.images
    kinds: dict[str, Iterator[Image.Image]] = {
        "star fields, rendered": rendered("star", "star field", n),
        "star clusters, rendered": rendered("star", "cluster", n),
        "dark frames, simulated": simulated(dark_frame, n),
        "planets on black, rendered": rendered("planet", "", n),
        "discs of one size, simulated": simulated(disc_on_black, n),
        "galaxies, rendered": rendered("galaxy", "", n),
        "nebulae, rendered": rendered("nebula", "", n),
        "asteroids, rendered": rendered("asteroid", "", n),
    }
    for kind in SMOOTH:
        kinds[f"{kind}, simulated"] = map(
            smooth_disc, itertools.repeat(kind), range(FIRST_SEED, FIRST_SEED + n)
        )
    if given.folder:
        for kind in REAL:
            kinds[f"{kind}, real"] = real(given.folder, given.truth, kind, n)
    for kind, images in kinds.items():
        measure(kind, list(images))
    classes = ("star", "galaxy", "nebula", "planet", "asteroid", "comet", "irrelevant")
    mixed = [image for kind in classes for image in rendered(kind, "", n)]
    measure_mixed("no margins", mixed)
    for margin in MARGINS:
        inside = [Image.fromarray(framed(np.asarray(each), margin)) for each in mixed]
        measure_mixed(margin, inside)


def measure_mixed(margin: str, images: list[Image.Image]) -> None:
    """All classes together, no two of them one image."""
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        add(atlas, ((f"{at:03d}", jpeg(image, 90)) for at, image in enumerate(images)))
        ids = atlas.ids()
        found = compare_all(atlas, pa.array(ids), np.full(len(ids), -1))
    pairs, ties = len(ids) * (len(ids) - 1) // 2, len(found.pairs)
    print(f"{margin}: {[(ids[a], ids[b]) for a, b in found.pairs]}", file=sys.stderr)
    low, high = (end * pairs for end in wilson(ties, pairs))
    what = f"proof: different images tied, all classes rendered, {margin}"
    emit([Row(what, ties, round(low, 2), round(high, 2), pairs, "pairs", pairs // 1000, "lower",
              COMMAND)])  # fmt: skip


def measure(kind: str, images: list[Image.Image]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        add(atlas, planted(images))
        ids = atlas.ids()
        found = compare_all(atlas, pa.array(ids), np.full(len(ids), -1))
    sets = UnionFind(len(ids))
    for one, other in found.pairs.tolist():
        sets.union(one, other)
    of = {each.partition(":")[2]: sets.find(row) for row, each in enumerate(ids)}
    originals = [f"{at:03d}/original" for at in range(len(images)) if f"{at:03d}/original" in of]
    for change in CHANGED:
        hits = [of.get(each.replace("original", change)) == of[each] for each in originals]
        row = proportion(f"proof: recall, {kind}, {change}", hits, COMMAND)
        emit([row if change in WANTED else Row(**{**vars(row), "target": None})])
    pairs = list(itertools.combinations(originals, 2))
    ties = [pair for pair in pairs if of[pair[0]] == of[pair[1]]]
    print(f"{kind}: tied {ties}", file=sys.stderr)
    low, high = (end * len(pairs) for end in wilson(len(ties), len(pairs)))
    emit([Row(f"proof: different images tied, {kind}", len(ties), round(low, 2), round(high, 2),
              len(pairs), "pairs", 1, "lower", COMMAND)])  # fmt: skip


def planted(images: list[Image.Image]) -> Iterator[tuple[str, bytes]]:
    for at, image in enumerate(images):
        yield f"{at:03d}/original", jpeg(image, 92)
        for change, made in CHANGED.items():
            yield f"{at:03d}/{change}", jpeg(made(image), 70 if change == "re-encoded" else 85)


def jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


if __name__ == "__main__":
    main()
