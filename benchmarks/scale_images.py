"""Many small images from zip files to a labelled split, without embeddings: time, memory, disk.

::

    python benchmarks/record.py scale -- python benchmarks/scale_images.py PLACE --images 1000000

Draws JPEGs (about 4 kB at 128 pixels, 20 kB at 336) with records of an archive into zip files of
10,000, imports one after the other, and then curates and splits. Each step is a process of its own;
what is done is noted in PLACE, so that a command that was killed goes on where it was. ``--proof``
adds the comparison of every pair across the split by pixels, which ``cosmic split`` makes. Nothing
is removed at the end.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from measured import Cost, Journal, beside
from PIL import Image
from rows import Row, emit
from scale_curate import CURATE, STAGES
from scale_records import records

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.curate import check_leakage

SEED = 20261128
PER_ZIP = 10_000
# One image in 50 is an earlier one of its zip, encoded again.
COPY_EVERY = 50
QUALITY, AGAIN = 86, 70
LIMIT_MB, LIMIT_GB = 6000, 25
CURATION = ("duplicates", "votes", "groups", "labels", "relevance", "mislabels", "split and folds")
PROOF = "proof by pixels"
_TEXTS = ("title", "description", "given_label")
_LISTS = ("keywords", "names", "albums")


def image(number: int, side_px: int) -> Image.Image:
    """Clouds, stars and noise: different for each number."""
    rng = np.random.default_rng((SEED, number))
    clouds = Image.fromarray(rng.integers(0, 90, (7, 7, 3), dtype=np.uint8))
    sky = np.asarray(clouds.resize((side_px, side_px), Image.Resampling.BICUBIC)).astype(float)
    sky += rng.normal(0, 4, (side_px, side_px, 1))
    stars = side_px // 5
    at = rng.integers(1, side_px - 1, (2, stars))
    sky[at[0], at[1]] += rng.uniform(40, 200, (stars, 1))
    return Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))


def draw(file: Path, first: int, stop: int, images: int, side_px: int) -> None:
    """A zip of images with its table; it is there when it is whole."""
    part = file.with_suffix(".part")
    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(["file", "title", "description", "label", *_LISTS])
    said = records(first, stop, images, SEED)
    with zipfile.ZipFile(part, "w") as packed:
        for at, number in enumerate(range(first, stop)):
            again = at % COPY_EVERY == COPY_EVERY - 1
            out = io.BytesIO()
            drawn = image(number - COPY_EVERY // 2 if again else number, side_px)
            drawn.save(out, "JPEG", quality=AGAIN if again else QUALITY)
            name = f"{number:08d}.jpg"
            packed.writestr(name, out.getvalue())
            texts = [said[each][at] or "" for each in _TEXTS]
            lines.writerow([name, *texts, *(";".join(said[each][at]) for each in _LISTS)])
        packed.writestr("table.csv", table.getvalue())
    part.rename(file)


def step(place: Path, name: str, images: int, side_px: int) -> None:
    """One step, here."""
    what, _, number = name.partition(" of zip ")
    if what == "drawing":
        first = int(number) * PER_ZIP
        stop = min(first + PER_ZIP, images)
        draw(place / f"{number}.zip", first, stop, images, side_px)
        return
    folder = place / "atlas"
    atlas = Atlas.open(folder) if folder.exists() else Atlas.create(folder)
    if what == "import":
        done = import_folder(atlas, place / f"{number}.zip", name=f"zip-{number}")
        assert done.found == done.stored + done.already_there, done
    elif what == PROOF:
        sys.stderr.write(f"{check_leakage(atlas, settings=CURATE, raise_on_leak=False)}\n")
    else:
        sys.stderr.write(f"{str(STAGES[what](atlas))[:1000]}\n")


def run(place: Path, images: int, side_px: int, *, proof: bool) -> None:
    """Do all that is not done yet, and emit what it cost."""
    place.mkdir(parents=True, exist_ok=True)
    journal = Journal(place / f"done-{images}-{side_px}.jsonl")
    numbers = range(-(-images // PER_ZIP))
    parts = {what: [f"{what} of zip {each}" for each in numbers] for what in ("drawing", "import")}
    stages = [*CURATION, PROOF] if proof else [*CURATION]
    for name in (*parts["drawing"], *parts["import"], *stages):
        journal.do(name, [sys.executable, __file__, str(place), "--images", str(images),
                          "--side-px", str(side_px), "--step", name])  # fmt: skip
    given = sum(each.stat().st_size for each in place.glob("*.zip"))
    stored = sum(each.stat().st_size for each in (place / "atlas").rglob("*") if each.is_file())
    what = f"{images:,} images of {given / images / 1000:.0f} kB ({side_px} px)"
    command = f"python benchmarks/scale_images.py PLACE --images {images} --side-px {side_px}"
    more = {"n": images, "better": "lower", "command": command + (" --proof" if proof else "")}
    told = {"import": journal.sum_of(parts["import"])}
    told |= {name: journal.costs[name] for name in stages}
    whole = journal.sum_of([*parts["import"], *CURATION])
    for name, cost in told.items():
        emit(_rows(f"{what}: {name}", cost, more))
    emit(
        [
            *_rows(f"{what}: from import to labelled split", whole, more, LIMIT_MB),
            Row(f"{what}: zips and atlas on disk", round((given + stored) / 1e9, 2), unit="GB",
                target=LIMIT_GB, **more),
            Row(f"{what}: atlas on disk", round(stored / images), unit="B an image", **more),
        ]
    )  # fmt: skip


def _rows(what: str, cost: Cost, more: dict[str, Any], limit: float | None = None) -> list[Row]:
    timed = {**more, "command": more["command"] + beside(cost)}
    return [
        Row(what, round(cost.seconds, 1), unit="s", **timed),
        Row(f"{what}, CPU", round(cost.cpu_s, 1), unit="s", **more),
        Row(f"{what}, peak memory", round(cost.peak_bytes / 1e6), unit="MB", target=limit, **more),
    ]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place", type=Path, help="folder that is made, or gone on with")
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--side-px", type=int, default=128)
    parser.add_argument("--proof", action="store_true", help="also compare every pair by pixels")
    parser.add_argument("--step", help="do this one here")
    asked = parser.parse_args()
    if asked.step:
        step(asked.place, asked.step, asked.images, asked.side_px)
        return
    loads = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    sys.stderr.write(f"load of the last 1, 5 and 15 minutes: {loads}\n")
    run(asked.place, asked.images, asked.side_px, proof=asked.proof)


if __name__ == "__main__":
    main()
