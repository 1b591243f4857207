"""Numbers of collecting, all in one run against one replica on this machine.

::

    python benchmarks/record.py collect -- python benchmarks/collect.py
    python benchmarks/record.py main -- python benchmarks/collect.py main

``main`` measures images a second without latency only. ``--count`` and ``--large`` make it
small for a trial. Peers are measured by ``fast_collect.py``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import psutil
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import collect_images
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIDE_PX = 512
CONCURRENCY = 32
RUNS = 3
ALLOWED_PER_S = 100.0
HITS = 26_858
COMMAND = "python benchmarks/collect.py"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("topic", nargs="?", choices=["all", "main", "one"], default="all")
    asked.add_argument("--count", type=int, default=2_000)
    asked.add_argument("--large", type=int, default=50_000)
    asked.add_argument("--hits", type=int, default=HITS)
    asked.add_argument("--root", default="")
    given = asked.parse_args()
    if given.topic == "one":
        print(json.dumps(one_harvest(given.root)))
        return
    if given.topic == "main":
        with served(given.count) as replica:
            emit([own_row(replica, 0.0, f"{COMMAND} main", 150.0)])
        return
    with served(given.count) as replica:
        for latency_s in (0.0, 0.05):
            emit([own_row(replica, latency_s, COMMAND, None)])
        emit(polite(replica))
    emit(memory(given.count, given.large))
    emit(certified(given.hits))


def served(count: int, side_px: int = SIDE_PX) -> Replica:
    holdings = ArchiveCatalogue.numbered(count, side_px=side_px)
    return Replica(holdings, quirks=Quirks.none(), process=True)


def harvest(root: str, folder: str, **settings: object) -> dict[str, float]:
    chosen = CollectSettings(**{"concurrency": CONCURRENCY, **settings})
    job = CollectJob(type="nasa", root=root, queries=("galaxy",))
    done = collect_images(Atlas.create(Path(folder) / "atlas"), job, chosen, load_taxonomy())
    if not done.complete:
        sys.exit(f"the harvest is not complete: {done}")
    return {"stored": done.stored, "seconds": done.seconds, "unexplained": sum(
        abs(report.unexplained) for report in done.certificate)}  # fmt: skip


def one_harvest(root: str) -> dict[str, float]:
    """A harvest in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return harvest(root, folder)


def fresh_process(root: str) -> dict[str, float]:
    """A harvest in a process of its own, and the most memory that it and its children took."""
    command = [sys.executable, __file__, "one", "--root", root]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, resident(process))
            time.sleep(0.2)
        said = child.stdout.read() if child.stdout else ""
    if child.returncode:
        sys.exit(f"the harvest failed: {said}")
    return {**json.loads(said), "peak_mb": peak / 2**20}


def resident(process: psutil.Process) -> int:
    """Bytes in memory of a process and its children; what they share counts for each."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:  # ended between two looks
        return total
    return total


def own_row(replica: Replica, latency_s: float, command: str, target: float | None) -> Row:
    replica.set_faults(Faults(latency_s=latency_s))
    runs = []
    for _ in range(RUNS):
        done = fresh_process(replica.nasa_url)
        runs.append(done["stored"] / done["seconds"])
    return Row(
        f"collecting from the replica, {1000 * latency_s:.0f} ms latency",
        round(statistics.median(runs), 1),
        round(min(runs), 1),
        round(max(runs), 1),
        int(done["stored"]),
        "images/s",
        target,
        "higher",
        command,
    )


def addresses(replica: Replica) -> list[str]:
    """The URLs that a search gives, as every collector would find them."""
    replica.set_faults(Faults())
    urls, page = [], 1
    while True:
        address = f"{replica.nasa_url}/search?q=galaxy&page={page}&page_size=100"
        items = httpx2.get(address, timeout=120).json()["collection"]["items"]
        if not items:
            return urls
        for item in items:
            urls += [link["href"] for link in item["links"] if "~medium" in link["href"]]
        page += 1


def polite(replica: Replica) -> list[Row]:
    """With the limiter on: how close to the allowed rate, and the fullest second."""
    replica.set_faults(Faults())
    replica.forget_requests()
    with tempfile.TemporaryDirectory() as folder:
        harvest(replica.nasa_url, folder, requests_per_s=ALLOWED_PER_S)
    seen = sorted(each.time_s for each in replica.requests)
    rate = (len(seen) - 1) / (seen[-1] - seen[0])
    fullest = replica.requests.most_in_a_second() / ALLOWED_PER_S
    n = len(seen)
    return [
        Row(
            "requests with the limiter on, against the allowed rate",
            round(rate / ALLOWED_PER_S, 4),
            n=n,
            unit="share",
            target=0.97,
            command=COMMAND,
        ),
        Row(
            "fullest second with the limiter on, against the allowed rate",
            fullest,
            n=n,
            unit="share",
            target=1.0,
            better="lower",
            command=COMMAND,
        ),
    ]


def memory(count: int, large: int) -> list[Row]:
    rows = []
    for n in (count, large):
        with served(n, side_px=128) as replica:
            done = fresh_process(replica.nasa_url)
        rows.append(Row(f"peak memory, {n:,} images", round(done["peak_mb"]), n=n, unit="MiB",
                        target=700.0, better="lower", command=COMMAND))  # fmt: skip
    return rows


def certified(hits: int) -> list[Row]:
    """What the certificate leaves unexplained where one word has more hits than the cap."""
    with served(hits, side_px=32) as replica:
        done = fresh_process(replica.nasa_url)
    missing = hits - done["stored"]
    what = f"records not stored or not explained, {hits:,} hits"
    value = missing + done["unexplained"]
    return [Row(what, value, None, None, hits, "records", 0.0, "lower", COMMAND)]


if __name__ == "__main__":
    main()
