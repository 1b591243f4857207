"""Counts, pages, random images, searches and writes of a large catalogue, as rows.

::

    python benchmarks/scale_query.py build scale-atlas --rows 10000000   # again after a kill
    python benchmarks/record.py scale -- python benchmarks/scale_query.py measure scale-atlas
    python benchmarks/record.py scale -- python benchmarks/scale_query.py write scale-atlas

The catalogue has texts like those of archives, labels and scores, and a stand-in of at most 200
bytes for each thumbnail. Each question is asked in a process of its own, at least five times.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from rows import Row, emit

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Record, derived_field, query
from cosmic_morphology.atlas.maintenance import compact_tables, index_columns
from cosmic_morphology.engine import ColumnWork, apply

CHUNK = 100_000
ROUNDS = 7
CLASSES = ("asteroid", "comet", "galaxy", "nebula", "planet", "star")
TEXT = """
the of a in view image spiral barred elliptical galaxy nebula star cluster comet tail coma
asteroid planet ring moon surface dust lane core jet halo remnant supernova region emission
reflection deep field infrared ultraviolet visible hubble webb spitzer chandra cassini voyager
survey mosaic distant nearby young old giant dwarf binary cloud gas bright dark orion andromeda
virgo cygnus carina sagittarius perseus crater mars jupiter saturn
"""
WORDS = np.array(TEXT.split())
BELIEVED = ("label", "label_confidence", "label_kind", "split")
# The targets, at ten million rows.
TARGET_S = {
    "open": 0.3,
    "count by class": 0.05,
    "first filtered, sorted page of 100": 0.1,
    "take 64 random images": 0.05,
    "title search": 0.1,
}


def build(place: str, rows: int) -> None:
    """Fill an atlas up to a number of rows, a chunk at a time, and index it."""
    atlas = Atlas.create(place)
    atlas.prepare_columns([derived_field(name) for name in BELIEVED], ColumnProvenance("bench"))
    for start in range(0, rows, CHUNK):
        ids = np.arange(start, min(start + CHUNK, rows))
        for name, made in (("images", _images), ("catalogue", _catalogue)):
            # Chunks are whole or not there: a killed build goes on with the first that is missing.
            if atlas.count(name) <= start:
                schema = atlas.table(name).schema
                # Whatever is not made here is empty.
                empty = {column: [None] * len(ids) for column in schema.names}
                table = pa.Table.from_pydict(empty | made(ids), schema=schema)
                lance.write_dataset(table, f"{place}/{name}.lance", mode="append")
        sys.stderr.write(f"\r{min(start + CHUNK, rows):,} of {rows:,} rows")
    began = time.perf_counter()
    # As an atlas is that has grown by itself: its writers merge small files and index new rows.
    compact_tables(Atlas.open(place))
    index_columns(Atlas.open(place))
    sys.stderr.write(f"\nmerged and indexed in {time.perf_counter() - began:.0f} s\n")


def _ids(numbers: np.ndarray) -> list[str]:
    return [f"nasa:PIA{number:08d}" for number in numbers]


def _images(numbers: np.ndarray) -> dict[str, list]:
    noise = np.random.default_rng(int(numbers[0])).bytes(180 * len(numbers))
    stand_ins = [b"\xff\xd8" + noise[180 * n : 180 * n + 180] for n in range(len(numbers))]
    return {
        "id": _ids(numbers),
        "sha256": [f"{n:064x}" for n in numbers],
        "width": [1024] * len(numbers),
        "height": [1024] * len(numbers),
        "thumbnail": stand_ins,
    }


def _catalogue(numbers: np.ndarray) -> dict[str, list]:
    n, random = len(numbers), np.random.default_rng(int(numbers[0]) + 1)
    titles = [" ".join(each) for each in WORDS[random.integers(0, len(WORDS), (n, 7))]]
    texts = [" ".join(each) for each in WORDS[random.integers(0, len(WORDS), (n, 30))]]
    score = random.random(n).astype(np.float32)
    checked = random.random(n) < 0.05  # all of them with the probability 1
    score[checked] = 1.0
    return {
        "id": _ids(numbers),
        "source": random.choice(["nasa", "eso", "hubble", "commons"], n).tolist(),
        "title": titles,
        "description": texts,
        "credit": ["NASA/JPL-Caltech"] * n,
        "licence": ["public domain"] * n,
        "fetched_at": [datetime(2026, 1, 1, tzinfo=UTC)] * n,
        "label": random.choice(CLASSES, n, p=[0.05, 0.05, 0.4, 0.2, 0.1, 0.2]).tolist(),
        "label_confidence": score.tolist(),
        "label_kind": np.where(checked, "checked", "computed").tolist(),
        "split": random.choice(["train", "val", "test"], n, p=[0.7, 0.15, 0.15]).tolist(),
    }


def questions(place: str) -> dict[str, Callable[[int], object]]:
    """What is asked; each round asks for other images."""
    atlas = Atlas.open(place)
    n = atlas.count()
    where = "label = 'comet' AND label_confidence < 0.7"
    shown = ("id", "title", "label_confidence")

    def some(turn: int) -> list[str]:
        return _ids(np.random.default_rng(turn).choice(n, 64, replace=False))

    return {
        "open": lambda _: Atlas.open(place).version,
        "count by class": lambda _: query.count_by(atlas, "label"),
        "first filtered, sorted page of 100": lambda _: (
            query.page(atlas, where, columns=shown, order="label_confidence").rows.num_rows
        ),
        "take 64 random images": lambda turn: (
            query.take(atlas, some(turn), ["id", "thumbnail"], table="images").num_rows
        ),
        "title search": lambda _: query.search(atlas, "dust lane").rows.num_rows,
    }


def ask(place: str, what: str) -> None:
    """Ask one question again and again; seconds and the peak memory as one line of JSON."""
    began_cpu = time.process_time()
    if what in WRITES:
        seconds = WRITES[what][0](place)
    else:
        question = questions(place)[what]
        question(0)  # files and indexes are read for the first time
        seconds = []
        for turn in range(1, ROUNDS + 1):
            began = time.perf_counter()
            question(turn)
            seconds.append(time.perf_counter() - began)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu_s = (time.process_time() - began_cpu) / len(seconds)
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "cpu_s": cpu_s}))


def measure(place: str) -> None:
    """Rows of all questions, with the peak memory beside each."""
    n = Atlas.open(place).count()
    command = "python benchmarks/scale_query.py measure scale-atlas"
    for what, target in TARGET_S.items():
        done = subprocess.run(
            [sys.executable, __file__, "ask", place, what],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout.splitlines()[-1])
        seconds = found["seconds"]
        name = f"{n:,} rows: {what}"
        emit(
            [
                Row(name, round(statistics.median(seconds), 5), round(min(seconds), 5),
                    round(max(seconds), 5), len(seconds), "s", target, "lower", command),
                Row(f"{name}, peak memory", round(found["peak_mb"]), unit="MB", better="lower",
                    command=command),
            ]
        )  # fmt: skip


def upsert(place: str) -> list[float]:
    """Seconds of five upserts of 10,000 records, half of them new."""
    atlas = Atlas.open(place)
    first, seconds = atlas.count("catalogue"), []
    for turn in range(5):
        old = np.arange(turn * UPSERTED, turn * UPSERTED + UPSERTED // 2)
        new = np.arange(first, first + UPSERTED // 2) + turn * UPSERTED
        records = [
            Record("nasa", f"PIA{number:08d}", title=f"told again in turn {turn}")
            for number in (*old, *new)
        ]
        began = time.perf_counter()
        atlas.upsert_records(records)
        seconds.append(time.perf_counter() - began)
        found = atlas.count("catalogue")
        assert found == first + (turn + 1) * (UPSERTED // 2), found
    return seconds


def group_by_id() -> Callable[[pa.Table], pa.Table]:
    return lambda batch: pa.table({"group": batch.column("id")})


def fill(place: str) -> list[float]:
    """Seconds of one filling of a column, in this process, by a function that copies another."""
    atlas = Atlas.open(place)
    work = ColumnWork(
        "groups", group_by_id, ("id",), (derived_field("group"),),
        batch_size=8192, task_rows=65_536, worth_processes=10**9,
    )  # fmt: skip
    began = time.perf_counter()
    # As something new each time, so that it is done again.
    found = apply(atlas, work, stamp=ColumnProvenance("groups", {"at": time.time()}))
    seconds = [time.perf_counter() - began]
    assert found.filled == atlas.count("catalogue"), found
    return seconds


def write(place: str) -> None:
    """Rows of both kinds of write; the atlas is changed by them, so that its rows are rounded."""
    n = round(Atlas.open(place).count("catalogue"), -5)
    command = "python benchmarks/scale_query.py write scale-atlas"
    for what, (_, target, most_mb) in WRITES.items():
        done = subprocess.run(
            [sys.executable, __file__, "ask", place, what],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout.splitlines()[-1])
        seconds, name = found["seconds"], f"{n:,} rows: {what}"
        emit(
            [
                Row(name, round(statistics.median(seconds), 2), round(min(seconds), 2),
                    round(max(seconds), 2), len(seconds), "s", target, "lower", command),
                Row(f"{name}, CPU of each", round(found["cpu_s"], 2), unit="s", better="lower",
                    command=command),
                Row(f"{name}, peak memory of a process", round(found["peak_mb"]), unit="MB",
                    target=most_mb, better="lower", command=command),
            ]
        )  # fmt: skip


UPSERTED = 10_000
WRITES = {
    "upsert of 10,000 records": (upsert, 5.0, 1000.0),
    "fill a column with a copy of another": (fill, 20.0, 1000.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("build", "measure", "write", "ask"):
        verbs.add_parser(verb).add_argument("place")
    verbs.choices["build"].add_argument("--rows", type=int, default=10_000_000)
    verbs.choices["ask"].add_argument("what", choices=[*TARGET_S, *WRITES])
    given = parser.parse_args()
    if given.verb == "build":
        build(str(Path(given.place)), given.rows)
    elif given.verb == "measure":
        measure(given.place)
    elif given.verb == "write":
        write(given.place)
    else:
        ask(given.place, given.what)


if __name__ == "__main__":
    main()
