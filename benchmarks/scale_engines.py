"""Workers of the local engine and of Ray, and an object store against a disk, as rows.

::

    python benchmarks/record.py scale -- python benchmarks/scale_engines.py workers --weights FILE
    python benchmarks/record.py scale -- python benchmarks/scale_engines.py store --weights FILE
    python benchmarks/scale_engines.py workers --weights FILE --images 3000     small, for a trial

``workers``: embedding and keypoints by one and two processes, and by one and two workers of a Ray
cluster of this machine. ``store``: embedding from and into moto's S3 server, which is a process
beside the workers, against this machine's disk. Each run is a process of its own and fills the
column anew. Time counts from when a tenth of the images is done, which is after every start-up, to
the last commit. Rows say what load the machine had before, with ``--runs`` the median and spread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from rows import Row, emit

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.curate.duplicates import keypoints
from cosmic_morphology.engine import ColumnWork, Engine, apply
from cosmic_morphology.engine.executors import Executor
from cosmic_morphology.engine.processes import Processes
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.replica.drawing import as_jpeg, stars
from cosmic_morphology.settings import LearnSettings, LocalSettings, RaySettings

TOOLS = Path(__file__).parents[1] / "tests" / "tools"
IMAGES, DIFFERENT, SIDE_PX, STARS, SEED = 20_000, 40, 256, 30, 7
# Three tasks.
LEAST_IMAGES = 600
START_SHARE = 0.1
TARGET_RAY, TARGET_TWO, TARGET_STORE = 1.15, 1.6, 1.3
STAGES = ("embed", "keypoints")
_BATCH = 5_000
_LOOK_S = 0.5


class Workers(Engine):
    """So many processes, also one, which would else be the driver's own with all its threads."""

    def open(self, stage: str, *, is_worth: bool = True) -> AbstractContextManager[Executor]:
        del stage, is_worth
        return Processes(self.local.processes or 1)


def make_atlas(place: str, n: int, options: Mapping[str, str] | None = None) -> None:
    """Write an atlas of images of stars; each of them comes many times."""
    atlas = Atlas.create(place, storage_options=dict(options or {}) or None)
    rng = np.random.default_rng(SEED)
    drawn = [as_jpeg(stars(rng, SIDE_PX, SIDE_PX, count=STARS)) for _ in range(min(n, DIFFERENT))]
    taken_in = [ingest_image(data) for data in drawn]
    for start in range(0, n, _BATCH):
        numbers = range(start, min(start + _BATCH, n))
        atlas.add(
            [
                NewImage(
                    Record("made", f"{at:07d}"), taken_in[at % len(drawn)], drawn[at % len(drawn)]
                )
                for at in numbers
            ]
        )


def one(given: argparse.Namespace) -> None:
    """Fill one column; print seconds, images of these seconds, and the largest worker in MB."""
    options = json.loads(given.options)
    atlas = Atlas.open(given.atlas, storage_options=options or None)
    engine: Engine = (
        Engine("ray", ray=RaySettings(processes=given.count))
        if given.engine == "ray"
        else Workers(local=LocalSettings(processes=given.count))
    )
    n = atlas.count()
    began: list[tuple[float, int]] = []

    def note(done: int, _: int) -> None:
        if not began and done >= START_SHARE * n:
            began.append((time.perf_counter(), done))

    with _largest_worker() as largest:
        # Another stamp each time: all rows are done again.
        stamp = ColumnProvenance(given.stage, {"run": time.time_ns()})
        apply(atlas, _work(given), stamp=stamp, engine=engine, progress=note)
        ended = time.perf_counter()
    ((at, done),) = began
    print(json.dumps({"s": ended - at, "n": n - done, "mb": largest[0] / 2**20}))


def _work(given: argparse.Namespace) -> ColumnWork:
    if given.stage == "keypoints":
        column = pa.field(keypoints.COLUMN, pa.binary())
        return ColumnWork("keypoints", keypoints.detector, ("thumbnail",), (column,), task_rows=256)
    from cosmic_morphology.learn import build_backbone
    from cosmic_morphology.learn.data.embed import embedding_function, embedding_stamp
    from cosmic_morphology.learn.data.embedding_names import embedding_column

    learn = LearnSettings(backbone=given.backbone, weights=given.weights)
    backbone = build_backbone(learn)
    kind = pa.list_(pa.float16(), backbone.n_features)
    return ColumnWork(
        "embed", embedding_function, ("thumbnail",),
        (pa.field(embedding_column(learn.backbone), kind),),
        arguments=(learn, embedding_stamp(backbone).metadata()), batch_size=64, task_rows=256,
    )  # fmt: skip


@contextmanager
def _largest_worker() -> Iterator[list[int]]:
    """The most memory that any process below this one has had, looked at now and then."""
    largest, ends = [0], threading.Event()

    def look() -> None:
        while not ends.wait(_LOOK_S):
            for each in psutil.Process().children(recursive=True):
                try:
                    largest[0] = max(largest[0], each.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield largest
    finally:
        ends.set()
        looking.join()


class Measured:
    """Runs of one column on one engine."""

    def __init__(self, given: argparse.Namespace, stage: str, engine: str, count: int) -> None:
        self._runs: list[dict[str, float]] = []
        self._asked = [
            *(sys.executable, __file__, "one", "--stage", stage, "--engine", engine),
            *("--count", str(count), "--backbone", given.backbone, "--weights", given.weights),
        ]

    def run(self, atlas: str, options: Mapping[str, str] | None = None) -> None:
        """Once more."""
        place = ["--atlas", atlas, "--options", json.dumps(dict(options or {}))]
        said = subprocess.run(
            [*self._asked, *place], check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        ).stdout  # fmt: skip
        self._runs.append(json.loads(said.splitlines()[-1]))
        sys.stderr.write(f"{' '.join(self._asked[3:9])}: {self._runs[-1]}\n")

    @property
    def ms(self) -> list[float]:
        """Milliseconds an image of each run."""
        return [1000 * each["s"] / each["n"] for each in self._runs]

    @property
    def largest_mb(self) -> float:
        """Of the largest worker."""
        return max(each["mb"] for each in self._runs)


def workers(given: argparse.Namespace) -> None:
    """Ray against processes, and one worker against two."""
    made = {
        (stage, engine, count): Measured(given, stage, engine, count)
        for stage in STAGES
        for engine in ("local", "ray")
        for count in (1, 2)
    }
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        make_atlas(f"{folder}/sky", given.images)
        for _ in range(given.runs):
            for each in made.values():
                each.run(f"{folder}/sky")
    rows = []
    for stage in STAGES:
        what = f"{_what(given, stage)} of {given.images:,} images"
        local, ray = made[stage, "local", 2], made[stage, "ray", 2]
        rows.append(
            _ratio(f"{what}: Ray's two workers against two processes", ray, local, TARGET_RAY,
                   "lower", given, load)
        )  # fmt: skip
        for engine, name in (("local", "processes"), ("ray", "Ray's workers")):
            alone, two = made[stage, engine, 1], made[stage, engine, 2]
            rows += [
                _ratio(f"{what}: one against two {name}", alone, two, TARGET_TWO, "higher",
                       given, load),
                _cost(f"{what}: two {name}", two, given),
                Row(f"{what}: two {name}, largest worker", round(two.largest_mb), unit="MB",
                    better="lower", command=_command(given)),
            ]  # fmt: skip
    emit(rows)


def store(given: argparse.Namespace) -> None:
    """Embedding on an object store against a disk."""
    here = Measured(given, "embed", "local", 2)
    there = Measured(given, "embed", "local", 2)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, _server() as options:
        make_atlas(f"{folder}/sky", given.images)
        make_atlas("s3://sky/atlas", given.images, options)
        for _ in range(given.runs):
            here.run(f"{folder}/sky")
            there.run("s3://sky/atlas", options)
    what = f"{_what(given, 'embed')} of {given.images:,} images by two processes"
    emit(
        [
            _ratio(f"{what}: S3 (moto, on the same cores) against a disk", there, here,
                   TARGET_STORE, "lower", given, load),
            _cost(f"{what}: S3", there, given),
            _cost(f"{what}: disk", here, given),
        ]
    )  # fmt: skip


def _what(given: argparse.Namespace, stage: str) -> str:
    return f"embed ({given.backbone})" if stage == "embed" else stage


def _ratio(
    what: str, one: Measured, other: Measured, target: float, better: str, given: Any, load: float
) -> Row:
    ratios = sorted(a / b for a, b in zip(one.ms, other.ms, strict=True))
    spread = (round(ratios[0], 3), round(ratios[-1], 3)) if len(ratios) > 1 else (None, None)
    command = f"{_command(given)} (load {load:.1f} before)"
    unit = "of the time" if better == "lower" else "times as fast"
    return Row(what, round(statistics.median(ratios), 3), *spread, given.images, unit, target,
               better, command)  # fmt: skip


def _cost(what: str, done: Measured, given: argparse.Namespace) -> Row:
    ms = sorted(done.ms)
    spread = (round(ms[0], 2), round(ms[-1], 2)) if len(ms) > 1 else (None, None)
    return Row(what, round(statistics.median(ms), 2), *spread, given.images, "ms an image",
               None, "lower", _command(given))  # fmt: skip


def _command(given: argparse.Namespace) -> str:
    return f"python benchmarks/scale_engines.py {given.what} --weights FILE --runs {given.runs}"


@contextmanager
def _server() -> Iterator[dict[str, str]]:
    served = subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield json.loads(served.stdout.readline() if served.stdout else "")
    finally:
        served.communicate()


def serve() -> None:
    """The object store: prints its options, and ends with its standard input."""
    from s3_tools import s3_server

    with s3_server() as (_, options):
        print(json.dumps(options), flush=True)
        sys.stdin.read()


def main() -> None:
    """Command line."""
    sys.path.insert(0, str(TOOLS))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("workers", "store", "one", "serve"))
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--runs", type=int, default=1, help="of each; rows are medians")
    parser.add_argument("--weights", help="file of the backbone's weights")
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--folder", type=Path, help="where atlases are made")
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--engine", choices=("local", "ray"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--atlas")
    parser.add_argument("--options", default="{}")
    given = parser.parse_args()
    if given.what in ("workers", "store") and not given.weights:
        parser.error("--weights is asked for")
    if given.images < LEAST_IMAGES:
        parser.error(f"time counts between tasks: ask for {LEAST_IMAGES} images at least")
    if given.what == "serve":
        serve()
    else:
        {"workers": workers, "store": store, "one": one}[given.what](given)


if __name__ == "__main__":
    main()
