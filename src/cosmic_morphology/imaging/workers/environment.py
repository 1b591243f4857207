"""What a process that decodes for this one is started with."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Variables of its environment."""
    here = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    # The folder that a person happens to be in is no place to import from; and one image is
    # work for one core.
    alone = {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**_KEPT_MEMORY, **os.environ, "PYTHONPATH": path, **alone}


# The C library gives the memory of an image back when it is done, and asks for it again for the
# next one: 700 pages, each of which the system clears first. Read by glibc alone (mallopt(3)).
_KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
