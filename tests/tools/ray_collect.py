"""A harvest on a cluster of its own, for tests: ``python ray_collect.py ATLAS ROOT CPUS QUERY …``.

The cluster has four cores and a query takes ``CPUS`` of them: so many workers there are.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from harvest_tools import gather

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.engine import Engine
from cosmic_morphology.settings import RaySettings

RATE = 20


def main(uri: str, root: str, cpus: int, *queries: str) -> None:
    resources = {"collect": {"cpus": cpus}}
    engine = Engine("ray", ray=RaySettings(processes=4, resources=resources))
    manners = {"requests_per_s": RATE, "commit_rows": 8}
    done = gather(Atlas.create(uri), root, *queries, settings=manners, engine=engine)
    print(json.dumps(asdict(done)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
