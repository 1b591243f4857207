"""Count the requests of `cosmic run` to an object store, and rows that two writers lose or double.

::

    python benchmarks/record.py scale -- python benchmarks/scale_store.py
    python benchmarks/scale_store.py --per-class 4 --rounds 2        small, for a trial

The store is moto's S3 server in this process. The run is that of the demo (rendered images, a
replica, three trainings, the report), with its atlas in the store.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from rows import Row, emit

from cosmic_morphology.atlas import TABLES, Atlas
from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.pipeline.demo import demo_settings
from cosmic_morphology.pipeline.runner import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from s3_tools import s3_server
from test_two_writers import IMAGES, at_once

COMMAND = "python benchmarks/scale_store.py"
SEED = 20261122


def requests_of_a_run(per_class: int) -> Row:
    """Requests from a bucket without an atlas to the report."""
    with s3_server() as (server, options), tempfile.TemporaryDirectory() as folder:
        settings = demo_settings(Path(folder), per_class, SEED, pretrained=False)
        place = {"atlas": "s3://sky/atlas", "storage_options": options}
        server.begin()
        run(settings.model_copy(update=place))
        n_requests = len(server.requests)
        images = Atlas.open(place["atlas"], storage_options=options).count()
    what = f"S3 requests of `cosmic run`, the demo with {per_class} images a class"
    return Row(what, n_requests, n=images, target=300, better="lower", command=COMMAND)


def wrong_rows(rounds: int) -> Row:
    """Rows lost or doubled by two processes that write the same at the same moment."""
    with s3_server() as (_, options):
        atlas = at_once("s3://sky/two", options, rounds)
        found = {
            name: atlas.read([KEYS[name]], table=name).column(0).to_pylist() for name in TABLES
        }
    expected = {
        "images": rounds * (IMAGES + 1),
        "catalogue": rounds * (IMAGES + 1) + 1,
        "decisions": rounds,
        "ledger": rounds * IMAGES,
    }
    wrong = sum(
        len(keys) - len(set(keys)) + abs(len(set(keys)) - expected[name])
        for name, keys in found.items()
    )
    what = "rows lost or doubled by two writers on S3"
    return Row(what, wrong, n=rounds, unit="rows", target=0, better="lower", command=COMMAND)


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-class", type=int, default=35, help="images of each class")
    parser.add_argument("--rounds", type=int, default=50, help="of two writers")
    given = parser.parse_args()
    emit([wrong_rows(given.rounds), requests_of_a_run(given.per_class)])


if __name__ == "__main__":
    main()
