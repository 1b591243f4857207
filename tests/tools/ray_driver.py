"""A driver on a Ray cluster, for tests: ``python ray_driver.py ATLAS LOG ADDRESS [KILL_AT]``.

It fills lengths; with ``KILL_AT`` one of its workers is killed when so many rows are done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from engine_work import lengths_work, processes

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.engine import Engine, apply
from cosmic_morphology.engine.cluster import versions
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.settings import RaySettings


def main(uri: str, log: Path, address: str, kill_at: int, pretend: str) -> None:
    to_kill = [kill_at] if kill_at else []

    def progress(done: int, _: int) -> None:
        if to_kill and done >= to_kill[0]:
            to_kill.clear()
            pids = [int(name.partition("-")[2]) for name in processes(log)]
            os.kill(next(pid for pid in reversed(pids) if is_alive(pid)), signal.SIGKILL)

    if pretend:
        versions.version = lambda _: pretend
    work = lengths_work(log, task_rows=4, pause_s=0.1)
    stamp = ColumnProvenance("lengths", {"v": os.environ.get("ROUND", "1")})
    engine = Engine("ray", ray=RaySettings(address=address))
    try:
        done = apply(
            Atlas.open(uri), work, stamp=stamp, engine=engine, checkpoint_rows=16,
            progress=progress,
        )  # fmt: skip
    except CosmicError as error:
        print(json.dumps({"error": str(error)}))  # noqa: T201
    else:
        print(json.dumps(asdict(done)))  # noqa: T201


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


if __name__ == "__main__":
    at = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], at, os.environ.get("PRETEND", ""))
