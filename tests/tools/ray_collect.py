"""A harvest on a cluster of its own, for tests: ``python ray_collect.py ATLAS ROOT CPUS QUERY …``.

The cluster has four cores and a query takes ``CPUS`` of them: so many workers there are.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harvest_tools import gather

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.engine import Engine
from cosmic_morphology.engine.cluster.connect import connect
from cosmic_morphology.settings import RaySettings

RATE, CORES = 20, 4


def main(uri: str, root: str, cpus: int, *queries: str) -> None:
    resources = {"collect": {"cpus": cpus}}
    engine = Engine("ray", ray=RaySettings(processes=CORES, resources=resources))
    start_workers(connect(engine.ray), CORES // cpus, cpus)
    manners = {"requests_per_s": RATE, "commit_rows": 8}
    done = gather(Atlas.create(uri), root, *queries, settings=manners, engine=engine)
    print(json.dumps(asdict(done)))  # noqa: T201


def start_workers(ray: Any, count: int, cpus: int) -> None:
    """Have all workers there before there is anything to do: each takes a while to start."""
    with tempfile.TemporaryDirectory() as folder:
        started = ray.remote(num_cpus=cpus)(meet)
        ray.get([started.remote(folder, count, number) for number in range(count)])


def meet(folder: str, count: int, number: int) -> None:
    (Path(folder) / str(number)).touch()
    while len(list(Path(folder).iterdir())) < count:
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
