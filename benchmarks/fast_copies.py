"""How fast copies are searched and a split is proven, as rows.

::

    python benchmarks/record.py fast -- python benchmarks/fast_copies.py hashes
    python benchmarks/record.py fast -- python benchmarks/fast_copies.py proof
    python benchmarks/record.py fast -- python benchmarks/fast_copies.py demo

``hashes``: near pairs among random 64-bit hashes with planted copies, ours against plain
multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012) and against comparing all; ``--sizes``
says of how many. ``proof``: the exhaustive comparison of rendered images across a split, without
and with what an earlier split has compared. ``demo``: ``cosmic demo`` in fresh folders. The load of
the machine is printed first. Images with embeddings: ``curate_duplicates.py --search near``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
from curate_duplicates import synthetic_hashes
from rows import Row, emit

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate.duplicates.candidates import pack_pairs, unpack_pairs
from cosmic_morphology.curate.duplicates.hash_index import (
    near_reoriented_hashes,
    pairs_within_hamming,
    reoriented_hash,
)
from cosmic_morphology.curate.duplicates.keypoint_index import ORIENTATIONS
from cosmic_morphology.curate.exhaustive import compare
from cosmic_morphology.curate.verdicts import PairVerdicts
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.synthesize import render_images

ROUNDS = 5
SEED = 20261128
RADIUS = CurateSettings().duplicates.max_hash_distance_bits
# Bands of about log2(n) bits, as the paper advises.
BANDS = {100_000: 4, 1_000_000: 4}
_AT_ONCE = 1 << 17
# Comparing all pairs of a million takes an hour: so many rows are compared, the rest calculated.
_COMPARED_ROWS = 2_000
CLASSES = ("asteroid", "comet", "galaxy", "irrelevant", "nebula", "planet", "star")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"hashes": hashes, "proof": proof, "demo": demo}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--sizes", default="100000,1000000")
    parser.add_argument("--per-class", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    loads = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    sys.stderr.write(f"load of the last 1, 5 and 15 minutes: {loads}\n")
    parts[given.part](given)


def row(what: str, values: list[float], unit: str, command: str, **more: object) -> Row:
    low, middle, high = min(values), statistics.median(values), max(values)
    numbers = (round(each, 3) for each in (middle, low, high))
    command = f"python benchmarks/fast_copies.py {command}"
    return Row(what, *numbers, len(values), unit, command=command, **more)


def hashes(given: argparse.Namespace) -> None:
    for n in map(int, given.sizes.split(",")):
        emit(rows_of_hashes(n, given.rounds if n <= 100_000 else 1))


def rows_of_hashes(n: int, rounds: int) -> list[Row]:
    made, _ = synthetic_hashes(n)
    turned = [reoriented_hash(made, each) for each in ORIENTATIONS]
    ways: dict[str, Callable[[], np.ndarray]] = {
        "as they are, ours": lambda: pairs_within_hamming(made, max_bits=RADIUS),
        "as they are, multi-index hashing": lambda: multi_index(made, [made], BANDS[n]),
        "in eight orientations, ours": lambda: near_reoriented_hashes(made, max_bits=RADIUS),
        "in eight orientations, multi-index hashing": lambda: multi_index(made, turned, BANDS[n]),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    pairs = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            pairs[name] = way()
            took[name].append(time.perf_counter() - began)
    for how in ("as they are", "in eight orientations"):
        ours, theirs = pairs[f"{how}, ours"], pairs[f"{how}, multi-index hashing"]
        assert np.array_equal(ours, theirs), f"{how}: {len(ours)} and {len(theirs)} pairs"
    began = time.perf_counter()
    compared_with_all(made)
    of_all = (time.perf_counter() - began) * (n - 1) / 2 / _COMPARED_ROWS
    took[f"as they are, all compared (calculated from {_COMPARED_ROWS:,} rows)"] = [of_all]
    what = f"near pairs of {n:,} hashes of 64 bits, {RADIUS} bits apart"
    return [
        row(f"{what}, {name}", each, "s", "hashes", better="lower") for name, each in took.items()
    ]


def multi_index(stored: np.ndarray, asked: list[np.ndarray], bands: int) -> np.ndarray:
    """Pairs of rows of which one, asked for, is near the other: plain multi-index hashing.

    Two hashes within the radius differ by at most ``radius // bands`` bits in one of the first
    bands, or by one bit less in one of the others. Each band is a table, and every key that is so
    near is looked up in it.
    """
    edges = np.linspace(0, 64, bands + 1).astype(int).tolist()
    near, rest = divmod(RADIUS, bands)
    found = [np.empty(0, np.uint64)]
    for band in range(bands):
        first, bits = edges[band], edges[band + 1] - edges[band]
        mask = np.uint64((1 << bits) - 1)
        keys = ((stored >> np.uint64(first)) & mask).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        count = np.bincount(keys, minlength=1 << bits)
        begins = np.cumsum(count) - count
        for some in asked:
            wanted = ((some >> np.uint64(first)) & mask).astype(np.int64)
            for flip in flips(bits, near if band <= rest else near - 1):
                for start in range(0, len(wanted), _AT_ONCE):
                    key = wanted[start : start + _AT_ONCE] ^ flip
                    many = count[key]
                    one = np.repeat(np.arange(start, start + len(key)), many)
                    step = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
                    other = order[np.repeat(begins[key], many) + step]
                    good = np.bitwise_count(some[one] ^ stored[other]) <= RADIUS
                    good &= one != other
                    found.append(np.unique(pack_pairs(one[good], other[good])))
    return unpack_pairs(np.unique(np.concatenate(found)))


def flips(bits: int, most: int) -> Iterator[int]:
    """Every change of at most so many bits."""
    for number in range(most + 1):
        for chosen in combinations(range(bits), number):
            yield sum(1 << bit for bit in chosen)


def compared_with_all(made: np.ndarray) -> int:
    """How many are near to each of the first rows."""
    return sum(
        int((np.bitwise_count(made ^ each) <= RADIUS).sum()) for each in made[:_COMPARED_ROWS]
    )


def proof(given: argparse.Namespace) -> None:
    """Of images like those of the demo: a first split, another one, and the first once more."""
    counts = dict.fromkeys(CLASSES, given.per_class)
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        rendered = render_images(counts, seed=SEED, size_px=256)
        data = [image.jpeg(quality=88) for image in rendered]
        records = (Record("rendered", f"{at:05d}") for at in range(len(data)))
        atlas.add([NewImage(at, ingest_image(d), d) for at, d in zip(records, data, strict=True)])
        ids = pa.array(atlas.ids())
        rates: dict[str, list[float]] = {}
        for number in range(given.rounds):
            rng = np.random.default_rng([SEED, number])
            first, second = (rng.choice(3, len(ids), p=(0.7, 0.15, 0.15)) for _ in range(2))
            compare._VERDICTS = PairVerdicts()  # noqa: SLF001 (a program of its own starts so)
            for name, split in (("a first", first), ("another", second), ("the same", first)):
                began = time.perf_counter()
                compare.compare_all(atlas, ids, split)
                rates.setdefault(name, []).append(len(ids) / (time.perf_counter() - began))
    what = f"proof, exhaustive comparison of {len(ids)} rendered images"
    command = f"proof --per-class {given.per_class}"
    emit(row(f"{what}: {name} split", each, "images/s", command) for name, each in rates.items())


def demo(given: argparse.Namespace) -> None:
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            shutil.rmtree(f"{folder}/demo", ignore_errors=True)
            program = str(Path(sys.executable).with_name("cosmic"))
            command = [program, "demo", "--offline", "--out", f"{folder}/demo"]
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=sys.stderr)
            took.append(time.perf_counter() - began)
            sys.stderr.write(f"demo: {took[-1]:.1f} s\n")
    emit([row("make demo, environment ready", took, "s", "demo", target=40.0, better="lower")])


if __name__ == "__main__":
    main()
