"""Collecting with the workers of a cluster: one pace for each host, and the atlas of one worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from harvest_tools import TAXONOMY, gather, table
from ray_collect import RATE

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.collect import collect_images
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import EngineError
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import CollectJob, CollectSettings, RaySettings

pytest.importorskip("ray", reason="the ray extra is not installed")

TOOL = Path(__file__).parents[1] / "tools" / "ray_collect.py"
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RAY_USAGE_STATS_ENABLED": "0"}
IMAGES = 60
# They show the same images again and again.
QUERIES = ("album:Album_1", "galaxy", "keyword:Group 3", "album:Album_2", "no such thing")


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(IMAGES, side_px=32), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture(scope="module")
def alone(replica, tmp_path_factory):
    """The atlas of one process, and what it says of its harvest."""
    atlas = Atlas.create(tmp_path_factory.mktemp("alone") / "sky")
    return atlas, gather(atlas, replica.nasa_url, *QUERIES)


class Driver:
    """A harvest on a cluster, in a process of its own."""

    def __init__(self, place: Path, root: str, *, cpus: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, TOOL, str(place), root, str(cpus), *QUERIES],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV,
        )  # fmt: skip

    def workers(self) -> list[psutil.Process]:
        """Those that are harvesting now."""
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if each.cmdline()[:1] == ["ray::answer"]:
                    found.append(each)
            except psutil.NoSuchProcess:
                continue
        return found

    def told(self) -> dict:
        said, errors = self.process.communicate()
        assert self.process.returncode == 0, errors
        # Ray may have something to say of a lost worker after it.
        (line,) = (each for each in said.splitlines() if each.startswith("{"))
        return json.loads(line)


def said_of(atlas: Atlas) -> list[tuple]:
    rows = atlas.read(["id", "title", "queries"]).sort_by("id").to_pylist()
    return [(row["id"], row["title"], sorted(row["queries"])) for row in rows]


def ledger(atlas: Atlas) -> list[tuple]:
    rows = atlas.read(["url", "id", "state", "attempts"], table="ledger").sort_by("url")
    return [tuple(row.values()) for row in rows.to_pylist()]


def check_same(atlas: Atlas, alone: Atlas) -> None:
    assert table(atlas) == table(alone)
    assert said_of(atlas) == said_of(alone)
    assert ledger(atlas) == ledger(alone)
    assert verify_atlas(atlas).problems == ()


def account(each: dict) -> dict:
    return {key: value for key, value in each.items() if key != "read_at"}


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2, 4])
def test_a_host_is_asked_at_one_pace_however_many_workers_there_are(
    replica, alone, tmp_path, workers
):
    replica.forget_requests()
    driver = Driver(tmp_path / "sky", replica.nasa_url, cpus=4 // workers)
    most = 0
    while driver.process.poll() is None:
        most = max(most, len(driver.workers()))
        time.sleep(0.1)
    done = driver.told()
    assert 1 < most <= workers if workers > 1 else most == 1
    assert replica.requests.most_in_a_second() <= RATE
    # Four searches show them, and each is fetched once.
    assert set(replica.requests.by_path("/nasa-assets").values()) == {1}
    atlas, expected = Atlas.open(tmp_path / "sky"), alone[1]
    check_same(atlas, alone[0])
    for name in ("unique", "stored", "already_there", "failed", "complete", "uncounted"):
        assert done[name] == getattr(expected, name), name
    assert [account(each) for each in done["certificate"]] == [
        account(each) for each in expected.rows()
    ]


# Every point at which a worker may die: test_cluster_kills.py.
@pytest.mark.long
def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(replica, alone, tmp_path):
    replica.forget_requests()
    driver = Driver(tmp_path / "sky", replica.nasa_url, cpus=2)
    while replica.requests.count("/nasa-assets") < IMAGES // 3:
        assert driver.process.poll() is None, driver.process.communicate()
        time.sleep(0.05)
    for each in driver.workers():
        each.kill()
    done = driver.told()
    assert (done["stored"], done["complete"]) == (IMAGES, True)
    atlas = Atlas.open(tmp_path / "sky")
    assert table(atlas) == table(alone[0])
    assert said_of(atlas) == said_of(alone[0])
    assert verify_atlas(atlas).problems == ()
    assert replica.requests.most_in_a_second() <= RATE
    # What was on its way to the killed ones is fetched again, and nothing else.
    assert max(replica.requests.by_path("/nasa-assets").values()) <= 2


def test_a_server_of_this_machine_is_not_asked_by_workers_of_others(replica, alone, tmp_path):
    atlas = Atlas.create(tmp_path / "sky")
    # Nobody answers there, and nobody is asked.
    elsewhere = Engine("ray", ray=RaySettings(address="127.0.0.1:1"))
    gather(atlas, replica.nasa_url, *QUERIES, engine=elsewhere)
    check_same(atlas, alone[0])
    archive = CollectJob(type="nasa", queries=("galaxy",))
    with pytest.raises(EngineError, match="no Ray cluster answers"):
        collect_images(atlas, archive, CollectSettings(), TAXONOMY, engine=elsewhere)
