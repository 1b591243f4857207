"""Collecting and importing against peers and against the machine's limit, as rows.

::

    python benchmarks/record.py fast -- python benchmarks/fast_collect.py collect
    python benchmarks/record.py fast -- python benchmarks/fast_collect.py import
    python benchmarks/record.py fast -- python benchmarks/fast_collect.py large
    python benchmarks/record.py fast -- python benchmarks/fast_collect.py growth
    python benchmarks/record.py fast -- python benchmarks/fast_collect.py floor

On two idle cores ``collect`` takes some 12 minutes, ``import`` 10, ``large`` and ``floor`` one
each, ``growth`` five. The ways that are compared take turns against one replica; a value is the
median of the rounds, ``low`` and ``high`` the smallest and the largest of them. CPU time is that
of the whole tree of processes, start-up included. The load of the machine is printed first.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from collect import addresses, served
from collect_peers import img2dataset_per_s, same_work_per_s, script_per_s
from rows import Row, emit

from cosmic_morphology.replica import ArchiveCatalogue, Faults

ROUNDS = 5
N_COLLECTED, N_IMPORTED = 2_000, 20_000
N_FEW, N_MANY = 2_000, 100_000
N_LARGE, LARGE_PX = 4, 1_600
CONNECTIONS = 32
BUILD = Path(__file__).parents[1] / "build/fast"
HARVEST = """
import json, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from collect import harvest
with tempfile.TemporaryDirectory() as folder:
    print(json.dumps(harvest(sys.argv[2], folder)))
"""
IMPORT = """
import json, sys, tempfile
from pathlib import Path
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
with tempfile.TemporaryDirectory() as folder:
    done = import_folder(Atlas.create(Path(folder) / "atlas"), sys.argv[1])
    print(json.dumps({"stored": done.stored}))
"""
GROWTH = """
import json, sys, tempfile, time
from pathlib import Path
from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.replica.drawing import NumberedImages
from types import SimpleNamespace
n, rows = int(sys.argv[1]), 256
first = NumberedImages(128, 0).read(SimpleNamespace(file="0", nasa_id="one"))
seen = ingest_image(first)
with tempfile.TemporaryDirectory() as folder:
    atlas = Atlas.create(Path(folder) / "atlas")
    began = time.process_time()
    for start in range(0, n, rows):
        records = [Record("grown", f"{k:07d}", title=f"Image {k}", queries=("grown:galaxy",))
                   for k in range(start, min(n, start + rows))]
        atlas.add([NewImage(each, seen, first) for each in records])
        atlas.upsert_ledger({"url": f"http://x/{each.source_id}", "id": each.id, "source": "grown",
                             "state": "stored", "attempts": 1} for each in records)
    print(json.dumps({"stored": n, "cpu_s": time.process_time() - began}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"collect": collecting, "import": importing, "large": large, "growth": growth,
             "floor": floor}  # fmt: skip
    parser.add_argument("part", choices=parts)
    parser.add_argument("--small", action="store_true", help="a trial with few images")
    given = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    loads = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    sys.stderr.write(f"load of the last 1, 5 and 15 minutes: {loads}\n")
    emit(parts[given.part](20 if given.small else 1))


def collecting(share: int) -> list[Row]:
    """Images a second and CPU an image: this collector, img2dataset, the usual script."""
    rows, count = [], N_COLLECTED // share
    with served(count) as replica:
        urls = addresses(replica)
        for latency_ms in (0, 50):

            def ours(root: str = replica.nasa_url) -> tuple[float, float]:
                here = str(Path(__file__).parent)
                done, cpu_s = in_child(HARVEST, here, root)
                return done["stored"] / done["seconds"], cpu_s / done["stored"] * 1e3

            ways: dict[str, Callable[[], tuple[float, float]]] = {
                "cosmic collect": ours,
                "img2dataset": peer(lambda: img2dataset_per_s(urls, CONNECTIONS), count),
                "img2dataset, then thumbnails, hashes and statistics from its shards": peer(
                    lambda: same_work_per_s(urls, CONNECTIONS), count
                ),
            }
            if latency_ms:
                for pause_s in (1, 0):
                    name = f"requests, 5 threads, {pause_s} s of sleep a page"
                    ways[name] = peer(
                        lambda pause_s=pause_s: script_per_s(replica.nasa_url, pause_s), count
                    )
            replica.set_faults(Faults(latency_s=latency_ms / 1e3))
            rows += compared(in_turns(ways), latency_ms)
    return rows


def compared(found: dict[str, list[tuple[float, float]]], latency_ms: int) -> list[Row]:
    """Rows of all ways, and of ours against each other one, round by round."""
    targets = {
        (0, "img2dataset"): 1.7,
        (50, "img2dataset"): 1.8,
        (0, "img2dataset, then thumbnails, hashes and statistics from its shards"): 2.2,
        (50, "img2dataset, then thumbnails, hashes and statistics from its shards"): 2.2,
        (50, "requests, 5 threads, 1 s of sleep a page"): 10.0,
        (50, "requests, 5 threads, 0 s of sleep a page"): 3.0,
    }
    latency, rows = f"{latency_ms} ms latency", []
    ours = found["cosmic collect"]
    for name, rounds in found.items():
        rows.append(row(f"{name}, {latency}", [each[0] for each in rounds], "images/s", "collect"))
        goal = 5.5 if rounds is ours and not latency_ms else None
        rows.append(row(f"CPU of {name}, {latency}", [each[1] for each in rounds], "ms an image",
                        "collect", target=goal, better="lower"))  # fmt: skip
        if rounds is not ours:
            times = [one[0] / other[0] for one, other in zip(ours, rounds, strict=True)]
            rows.append(row(f"cosmic collect against {name}, {latency}", times, "times as fast",
                            "collect", target=targets[latency_ms, name]))  # fmt: skip
    return rows


def importing(share: int) -> list[Row]:
    """A folder of 512 px files: images a second and core."""
    n = N_IMPORTED // share
    folder = drawn_folder(n)
    speeds = []
    for _ in range(ROUNDS):
        done, cpu_s = in_child(IMPORT, str(folder))
        speeds.append(done["stored"] / cpu_s)
        sys.stderr.write(f"{speeds[-1]:.0f} images/s a core\n")
    return [row(f"import of {n:,} files of 512 px", speeds, "images/s a core", "import",
                target=300.0, n=n)]  # fmt: skip


def large(share: int) -> list[Row]:
    """Intake of JPEGs of 1,600 px."""
    from cosmic_morphology.imaging import ingest_image

    images = [mosaic(number) for number in range(max(N_LARGE // share, 2))]
    took = [cpu_ms(lambda: (ingest_image(each) for each in images)) / len(images)
            for _ in range(2 * ROUNDS + 1)]  # fmt: skip
    return [row("intake of a JPEG of 1,600 px", took, "ms of CPU", "large", target=7.0,
                better="lower")]  # fmt: skip


def growth(share: int) -> list[Row]:
    """CPU of the writer for each image: many against few."""
    many = N_MANY // share
    few_ms, many_ms = [], []
    for _ in range(max(3, ROUNDS // share)):
        for n, into in ((N_FEW, few_ms), (many, many_ms)):
            _, cpu_s = in_child(GROWTH, str(n))
            into.append(cpu_s / n * 1e3)
            sys.stderr.write(f"{n:,} images: {into[-1]:.3f} ms an image\n")
    ratios = [one / other for one, other in zip(many_ms, few_ms, strict=True)]
    return [
        row(f"writing one of {N_FEW:,} images", few_ms, "ms of CPU", "growth", better="lower"),
        row(f"writing one of {many:,} images", many_ms, "ms of CPU", "growth", better="lower"),
        row(f"writing an image, {many:,} against {N_FEW:,}", ratios, "times", "growth",
            target=1.1, better="lower"),
    ]  # fmt: skip


def floor(share: int) -> list[Row]:
    """What each part of an image of 512 px takes alone, in one process."""
    import hashlib

    from PIL import Image

    from cosmic_morphology.imaging import perceptual_hash
    from cosmic_morphology.imaging.formats.jpeg import pixels_of_jpeg
    from cosmic_morphology.imaging.ingest import ingest_image
    from cosmic_morphology.imaging.statistics import measure

    del share
    images = numbered(64, 512)
    pixels = [pixels_of_jpeg(each, "RGBX", (512, 512)) for each in images]
    shown = [Image.frombytes("RGB", (512, 512), each, "raw", "RGBX") for each in pixels]
    greys = [each.convert("L") for each in shown]
    pairs = list(zip(shown, greys, strict=True))
    parts: dict[str, Callable[[], Iterable[object]]] = {
        "whole intake": lambda: (ingest_image(each) for each in images),
        "decoding": lambda: (pixels_of_jpeg(each, "RGBX", (512, 512)) for each in images),
        "grey": lambda: (each.convert("L") for each in shown),
        "perceptual hash": lambda: (perceptual_hash(one, grey=two) for one, two in pairs),
        "statistics": lambda: (measure(one, grey=two) for one, two in pairs),
        "SHA-256": lambda: (hashlib.sha256(each).hexdigest() for each in images),
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(2 * ROUNDS + 1):
        for name, part in parts.items():
            found[name].append(cpu_ms(part) / len(images))
    return [row(f"an image of 512 px: {name}", took, "ms of CPU", "floor", better="lower")
            for name, took in found.items()]  # fmt: skip


def in_turns(
    ways: dict[str, Callable[[], tuple[float, float]]],
) -> dict[str, list[tuple[float, float]]]:
    next(iter(ways.values()))()  # the replica has drawn everything once
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        for name, way in ways.items():
            found[name].append(way())
            speed, cpu = found[name][-1]
            told = f"{speed:.0f} images/s, {cpu:.2f} ms of CPU"
            sys.stderr.write(f"round {number + 1}: {name}: {told}\n")
    return found


def peer(per_s: Callable[[], float], count: int) -> Callable[[], tuple[float, float]]:
    """Images a second as the peer counts them, and CPU ms an image of its processes."""

    def way() -> tuple[float, float]:
        before = children_s()
        speed = per_s()
        return speed, (children_s() - before) / count * 1e3

    return way


def in_child(script: str, *arguments: str) -> tuple[dict[str, float], float]:
    """What a script prints, in JSON, and the CPU seconds of its process and its children."""
    before = children_s()
    done = subprocess.run([sys.executable, "-c", script, *arguments], check=True,
                          stdout=subprocess.PIPE, text=True, env=as_installed())  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]), children_s() - before


def as_installed() -> dict[str, str]:
    """The environment without what keeps Python from storing bytecode: installers store it."""
    return {key: each for key, each in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_ms(work: Callable[[], Iterable[object]]) -> float:
    began = time.process_time()
    # Nothing is kept: what is not given back costs new memory each time.
    deque(work(), maxlen=0)
    return (time.process_time() - began) * 1e3


def numbered(count: int, side_px: int) -> list[bytes]:
    holdings = ArchiveCatalogue.numbered(count, side_px=side_px)
    return [holdings.read(each) for each in holdings.records]


def mosaic(number: int) -> bytes:
    """A JPEG of 1,600 px with the detail of drawn skies: drawing one of that size takes long."""
    from PIL import Image

    skies = [Image.open(io.BytesIO(each)) for each in numbered(16, 512)]
    image = Image.new("RGB", (LARGE_PX, LARGE_PX))
    for place in range(16):
        row, column = divmod(place, 4)
        image.paste(skies[(place + number) % 16], (400 * column, 400 * row))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def drawn_folder(count: int) -> Path:
    """A folder of that many different files, made once."""
    folder = BUILD / f"files-{count}"
    if not (folder / ".whole").exists():
        for number, data in enumerate(numbered(count, 512)):
            place = folder / ("galaxy", "nebula")[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:06d}.jpg").write_bytes(data)
        (folder / ".whole").touch()
    return folder


def row(what: str, values: list[float], unit: str, command: str, n: int = 0, **more: object) -> Row:
    low, middle, high = min(values), statistics.median(values), max(values)
    return Row(
        what, round(middle, 3), round(low, 3), round(high, 3), n or len(values), unit,
        command=f"python benchmarks/fast_collect.py {command}", **more,
    )  # fmt: skip


if __name__ == "__main__":
    main()
