"""Copies found, other images left alone, and how the search for pairs grows.

::

    python benchmarks/curate_duplicates.py --images DIR [--truth CSV] [--half report|tune]
        [--search quick | --search near --weights FILE]
    python benchmarks/curate_duplicates.py --scale 10000,100000,1000000

The images are halved by a hash of their names; thresholds were chosen on the half ``tune``.
``CSV`` (columns ``file``, ``object_name``) is for scoring only. Each planted copy is looked for
among all originals of its half and all other copies; it counts when it is tied to its original.
``near``: the quick search beside embeddings of EfficientNet-B4, whose weights ``FILE`` holds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont, ImageOps
from rows import Row, emit

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.find import find_duplicates
from cosmic_morphology.curate.duplicates.hash_index import near_reoriented_hashes
from cosmic_morphology.curate.duplicates.neighbours import near_embeddings
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn.data.embed import embed_images
from cosmic_morphology.settings import CurateSettings, DuplicateSettings, LearnSettings

SEED = 20261122
NAMES = {"quick": "quick search", "near": "default search beside embeddings"}
B4 = {"backbone": "tf_efficientnet_b4", "timm_kwargs": {"num_classes": 0}, "image_size_px": 224}
Planter = Callable[[Image.Image, np.random.Generator], Image.Image]


def cropped(im: Image.Image, rng: np.random.Generator) -> Image.Image:
    width, height = round(im.width * 0.7), round(im.height * 0.7)
    x, y = (int(rng.integers(0, n + 1)) for n in (im.width - width, im.height - height))
    return im.crop((x, y, x + width, y + height))


def false_colour(im: Image.Image, rng: np.random.Generator) -> Image.Image:
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return Image.merge("RGB", im.split()[::-1])
    if kind in (1, 2):
        colours = colormaps["inferno" if kind == 1 else "viridis"](np.asarray(im.convert("L")))
        return Image.fromarray((colours[..., :3] * 255).astype(np.uint8))
    hue, saturation, value = im.convert("HSV").split()
    shift = int(rng.integers(50, 200))
    turned = hue.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def captioned(im: Image.Image, rng: np.random.Generator) -> Image.Image:
    band = max(14, round(im.height * rng.uniform(0.06, 0.14)))
    below = bool(rng.integers(0, 2))
    out = Image.new("RGB", (im.width, im.height + band * below), "black")
    out.paste(im, (0, 0))
    text = ImageDraw.Draw(out)
    font = ImageFont.load_default(size=band * 0.6)
    text.text((8, out.height - band * 0.85), "NGC 1234, somebody", fill=(200, 40, 40), font=font)
    return out


def bordered(im: Image.Image, rng: np.random.Generator) -> Image.Image:
    colour = ("black", "white", "#777777")[int(rng.integers(0, 3))]
    return ImageOps.expand(im, round(max(im.size) * rng.uniform(0.02, 0.1)), colour)


def resized(im: Image.Image, factor: float) -> Image.Image:
    size = [max(16, round(side * factor)) for side in im.size]
    return im.resize((size[0], size[1]), Image.Resampling.LANCZOS)


_QUARTERS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
_MIRRORS = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM)
PLANTERS: dict[str, Planter] = {
    "re-encoded": lambda im, _: im,
    "resized to half": lambda im, _: resized(im, 0.5),
    "cropped to 70 %": cropped,
    "rotated": lambda im, rng: im.transpose(_QUARTERS[int(rng.integers(0, 3))]),
    "flipped": lambda im, rng: im.transpose(_MIRRORS[int(rng.integers(0, 2))]),
    "grey": lambda im, _: im.convert("L").convert("RGB"),
    "false colour": false_colour,
    "captioned": captioned,
    "bordered": bordered,
    "thumbnail of 128 px": lambda im, _: resized(im, 128 / max(im.size)),
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--images", type=Path)
    asked.add_argument("--truth", type=Path)
    asked.add_argument("--half", choices=("report", "tune"), default="report")
    asked.add_argument("--search", choices=("thorough", "quick", "near"), default="thorough")
    asked.add_argument("--weights", help="of EfficientNet-B4, for --search near")
    asked.add_argument("--planted", type=int, default=300)
    asked.add_argument("--pairs", type=int, default=1000)
    asked.add_argument("--scale", default="")
    given = asked.parse_args()
    if given.images:
        measure_images(given)
    if given.scale:
        measure_scale([int(each) for each in given.scale.split(",")])


def measure_images(given: argparse.Namespace) -> None:
    wanted = int(given.half == "report")
    names = sorted(p.name for p in given.images.iterdir() if half_of(p.name) == wanted)
    rng = np.random.default_rng(SEED)
    chosen = sorted(rng.permutation(names)[: given.planted].tolist())
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        add(atlas, ((name, (given.images / name).read_bytes()) for name in names))
        add(atlas, planted(given.images, chosen))
        if given.search == "near":
            embed_images(atlas, learn=LearnSettings(**B4, weights=given.weights))
        search = "thorough" if given.search == "thorough" else "quick"
        start = time.perf_counter()
        summary = find_duplicates(
            atlas, settings=CurateSettings(duplicates=DuplicateSettings(search=search))
        )
        seconds = time.perf_counter() - start
        rows = atlas.read(["id", "duplicate_of"]).to_pylist()
    of = {row["id"].partition(":")[2]: row["duplicate_of"] for row in rows}
    command = f"python benchmarks/curate_duplicates.py --images DIR --half {given.half}"
    where = f"half {given.half!r}"
    if given.search != "thorough":
        command, where = f"{command} --search {given.search}", f"{NAMES[given.search]}, {where}"
    emit(recall_rows(of, chosen, where, command))
    emit(
        [
            Row(
                f"duplicates: search of images, fingerprints included ({where})",
                round(summary.images / seconds, 1),
                n=summary.images,
                unit="images/s",
                target=200.0 if given.search == "near" else None,
                command=command,
            )
        ]
    )
    if given.truth:
        emit([merged_row(of, names, given, where, command + " --truth CSV")])


def half_of(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def planted(folder: Path, names: list[str]):
    for at, name in enumerate(names):
        im = Image.open(folder / name).convert("RGB")
        for number, (kind, plant) in enumerate(PLANTERS.items()):
            out = io.BytesIO()
            changed = plant(im, np.random.default_rng([SEED, at, number]))
            changed.save(out, "JPEG", quality=40 if kind == "re-encoded" else 85)
            yield f"{kind}/{name}", out.getvalue()


def add(atlas: Atlas, images) -> None:
    waiting = []
    for name, data in images:
        try:
            waiting.append(NewImage(Record("sky", name, title=""), ingest_image(data), data))
        except ImageError as error:
            print(f"{name}: {error}", file=sys.stderr)
        if len(waiting) == 256:
            atlas.add(waiting)
            waiting = []
    atlas.add(waiting)


def recall_rows(of: dict[str, str], names: list[str], where: str, command: str) -> list[Row]:
    found, everything = [], []
    for kind in PLANTERS:
        hits = [of.get(f"{kind}/{name}") == of[name] for name in names]
        missed = [name for name, hit in zip(names, hits, strict=True) if not hit]
        print(f"{kind}: missed {missed}", file=sys.stderr)
        everything += hits
        found.append(proportion(f"duplicates: recall, {kind} ({where})", hits, command))
    return [proportion(f"duplicates: recall, all planted ({where})", everything, command), *found]


def proportion(what: str, hits: list[bool], command: str) -> Row:
    low, high = wilson(sum(hits), len(hits))
    value = round(float(np.mean(hits)), 4)
    return Row(what, value, low, high, len(hits), "recall", 0.99, "higher", command)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, JASA 22, 209, 1927)."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return round(float(middle - half), 4), round(float(middle + half), 4)


def merged_row(
    of: dict[str, str], names: list[str], given: argparse.Namespace, where: str, command: str
) -> Row:
    with given.truth.open(encoding="utf-8") as file:
        named = {row["file"]: row["object_name"] for row in csv.DictReader(file)}
    members: dict[str, list[str]] = {}
    for name in names:
        if named.get(name):
            members.setdefault(named[name], []).append(name)
    pairs = [p for same in members.values() for p in itertools.combinations(same, 2)]
    order = np.random.default_rng(SEED).permutation(len(pairs))[: given.pairs]
    merged = [pairs[at] for at in order if of[pairs[at][0]] == of[pairs[at][1]]]
    for one, other in merged:
        print(f"merged: {named[one]} {one} {other}", file=sys.stderr)
    return Row(
        f"duplicates: pairs of one object merged, real copies among them not removed ({where})",
        len(merged),
        n=len(order),
        unit="pairs",
        target=0,
        better="lower",
        command=command,
    )


def measure_scale(sizes: list[int]) -> None:
    taken, vectors = [], []
    for n in sizes:
        hashes, expected = synthetic_hashes(n)
        start = time.perf_counter()
        pairs = near_reoriented_hashes(hashes, max_bits=6)
        sets = UnionFind(n)
        for one, other in pairs.tolist():
            sets.union(one, other)
        labels = sets.labels()
        taken.append(time.perf_counter() - start)
        recall = float((labels[expected[:, 0]] == labels[expected[:, 1]]).mean())
        embedded, near = synthetic_embeddings(n)
        start = time.perf_counter()
        close = near_embeddings(embedded, min_cosine=0.9)
        vectors.append(time.perf_counter() - start)
        keys = set(map(tuple, close.tolist()))
        found = float(np.mean([tuple(pair) in keys for pair in near.tolist()]))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        command = f"python benchmarks/curate_duplicates.py --scale {','.join(map(str, sizes))}"
        target = 600.0 if n == 1_000_000 else None
        emit(
            [
                Row(f"duplicates: hashes paired and grouped, {n} images", round(taken[-1], 2),
                    n=n, unit="s", target=target, better="lower", command=command),
                Row(f"duplicates: embeddings paired, {n} images", round(vectors[-1], 2), n=n,
                    unit="s", target=target, better="lower", command=command),
                Row(f"duplicates: planted hashes found, {n} images", recall, n=len(expected),
                    unit="recall", target=0.99, command=command),
                Row(f"duplicates: planted embeddings found, {n} images", round(found, 4),
                    n=len(near), unit="recall", target=0.99, command=command),
                Row(f"duplicates: peak memory, {n} images", round(memory, 2), n=n, unit="GiB",
                    target=8.0, better="lower", command=command),
            ]
        )  # fmt: skip
    if len(sizes) > 1:
        for what, seconds in (("hashes", taken), ("embeddings", vectors)):
            slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
            emit([Row(f"duplicates: time grows as n to the power of, {what}", round(slope, 3),
                      n=len(sizes), target=1.15, better="lower", command=command)])  # fmt: skip


def synthetic_hashes(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(SEED)
    hashes = rng.integers(0, 2**64, n, dtype=np.uint64)
    some = n // 10
    copies = hashes[:some].copy()
    for _ in range(5):
        copies ^= np.uint64(1) << rng.integers(0, 64, some, dtype=np.uint64)
    hashes[some : 2 * some] = copies
    return hashes, np.stack([np.arange(some), np.arange(some) + some], axis=1)


def synthetic_embeddings(n: int, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(SEED)
    vectors = rng.normal(size=(n, width)).astype(np.float32)
    some = n // 10
    vectors[some : 2 * some] = vectors[:some] + 0.2 * rng.normal(size=(some, width))
    return vectors, np.stack([np.arange(some), np.arange(some) + some], axis=1)


if __name__ == "__main__":
    pa.set_cpu_count(2)
    main()
