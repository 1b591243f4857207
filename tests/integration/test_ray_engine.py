"""Column work on a Ray cluster of two nodes: workers, a node and the driver are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from curated_work import columns_of, make_catalogue
from engine_work import COLUMN, check_whole, done_by, make_atlas, processes

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.engine.cluster.connect import connect
from cosmic_morphology.errors import EngineError
from cosmic_morphology.settings import RaySettings

pytest.importorskip("ray", reason="the ray extra is not installed")

TOOLS = Path(__file__).parents[1] / "tools"
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RAY_USAGE_STATS_ENABLED": "0"}


class RayCluster:
    """Two nodes, in a process of their own."""

    def __init__(self, nodes: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, TOOLS / "ray_cluster.py", str(nodes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=ENV,
        )  # fmt: skip
        self.address = self.answer().split()[1]

    def answer(self) -> str:
        while (line := self.process.stdout.readline()) and not line.startswith(("add", "done")):
            pass
        assert line, "the cluster has ended"
        return line

    def do(self, what: str) -> None:
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        self.answer()

    def driver(self, atlas: Atlas, log: Path, kill_at: int = 0, **env: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, TOOLS / "ray_driver.py", atlas.uri, log, self.address, str(kill_at)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**ENV, **env},
        )  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    made = RayCluster(2)
    yield made
    made.process.stdin.close()
    made.process.wait()
    made.process.stdout.close()


def wait_for(atlas: Atlas, rows: int, driver: subprocess.Popen) -> int:
    while COLUMN not in atlas.columns() or atlas.count_filled(COLUMN) < rows:
        assert driver.poll() is None, driver.stdout.read()
        time.sleep(0.05)
    return atlas.count_filled(COLUMN)


def told(driver: subprocess.Popen) -> dict:
    said, _ = driver.communicate()
    # Ray may have something to say of a lost node after it.
    (line,) = (each for each in said.splitlines() if each.startswith("{"))
    return json.loads(line)


def test_nothing_is_lost_or_doubled_when_driver_worker_and_node_are_killed(cluster, tmp_path):
    atlas, log = make_atlas(tmp_path / "sky", 3, 80), tmp_path / "log"
    first = cluster.driver(atlas, log)
    wait_for(atlas, 32, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    there = atlas.count_filled(COLUMN)
    assert there < 240
    second = cluster.driver(atlas, log, kill_at=8)
    wait_for(atlas, there + 48, second)
    cluster.do("kill a node")
    done = told(second)
    assert (done["filled"], done["already_there"]) == (240 - there, there)
    assert done["lost_workers"] >= 1
    check_whole(atlas, 240)
    # A driver killed after a commit may leave files that nobody has hashed; none is damaged.
    assert verify_atlas(atlas).problems == ()
    # What was on its way when somebody was killed, and what waited for the next commit.
    assert sum(n - 1 for n in done_by(log).values()) <= 80
    cluster.do("add a node")


def test_a_cluster_with_another_version_is_one_line(cluster, tmp_path):
    atlas = make_atlas(tmp_path / "sky", 1, 4)
    driver = cluster.driver(atlas, tmp_path / "log", PRETEND="0.0.7")
    said = told(driver)["error"]
    assert "this machine of the cluster has cosmic-morphology " in said
    assert "(here 0.0.7)" in said
    # Nothing was computed, so the column was not made.
    assert COLUMN not in atlas.columns()


def test_curation_on_the_cluster_gives_the_columns_of_this_machine(cluster, tmp_path):
    found = {}
    for name, more in (("local", {}), ("ray", {"COSMIC_RAY__ADDRESS": cluster.address})):
        atlas = make_catalogue(tmp_path / name)
        asked = ["curate", "--atlas", atlas.uri, "--engine", name, "--json"]
        done = subprocess.run(
            [Path(sys.executable).with_name("cosmic"), *asked],
            check=True, capture_output=True, text=True, cwd=tmp_path, env={**ENV, **more},
        )  # fmt: skip
        said = json.loads(done.stdout)
        found[name] = columns_of(atlas)
    assert said["mislabels"]["flagged"] > 5, said
    assert found["ray"] == found["local"]


@pytest.mark.long
def test_fifty_kills_of_workers_nodes_and_drivers_lose_and_double_nothing(tmp_path):
    chosen, cluster = random.Random(7), RayCluster(3)
    atlas = make_atlas(tmp_path / "sky", 4, 200)
    kills: Counter[str] = Counter()
    rounds = 0
    try:
        while kills.total() < 50:
            rounds += 1
            again, log = {"ROUND": str(rounds)}, tmp_path / f"log{rounds}"
            in_this_round = kills.total()
            while True:
                driver = cluster.driver(atlas, log, **again)
                while kills.total() < 50 and goes_on(driver, log, chosen.randrange(1, 60)):
                    kills.update(kill_somebody(chosen, cluster, driver, log))
                driver.wait()
                if driver.returncode == 0:
                    break
                driver.communicate()
            assert "error" not in told(driver)
            check_whole(atlas, 800)
            in_this_round = kills.total() - in_this_round
            computed = sum(done_by(log).values())
            # Six tasks of four rows are on their way, and 16 rows wait for the next commit.
            assert computed <= 800 + 40 * in_this_round
    finally:
        cluster.process.stdin.close()
        cluster.process.wait()
        cluster.process.stdout.close()
    # A driver killed after a commit may leave files that nobody has hashed; none is damaged.
    assert verify_atlas(atlas).problems == ()
    assert min(kills[who] for who in ("driver", "worker", "node")) >= 5


def goes_on(driver: subprocess.Popen, log: Path, rows: int) -> bool:
    """Wait until so many more rows are computed; whether the driver is still at work."""
    before = done_by(log).total()
    while driver.poll() is None and done_by(log).total() < before + rows:
        time.sleep(0.05)
    return driver.poll() is None


def kill_somebody(
    chosen: random.Random, cluster: RayCluster, driver: subprocess.Popen, log: Path
) -> list[str]:
    who = chosen.choice(["driver", "worker", "node"])
    if who == "driver" and driver.poll() is None:
        driver.kill()
        driver.wait()
        return [who]
    if who == "node":
        cluster.do("kill a node")
        cluster.do("add a node")
        return [who]
    pids = [int(each.partition("-")[2]) for each in processes(log)] if log.exists() else []
    alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    if who == "worker" and alive:
        os.kill(chosen.choice(alive), signal.SIGKILL)
        return [who]
    return []


def silent_address() -> tuple[socket.socket, str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(9)
    return listening, f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster answers"),
        ("nowhere.invalid:6379", "no Ray cluster answers"),
        ("6379", "no address of a Ray cluster"),
        ("ray://head:10001", "no address of a Ray cluster"),
        ("auto", "was not submitted to a cluster"),
    ],
)
def test_an_address_where_there_is_no_cluster_is_one_line(address, said, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(EngineError, match=said) as error:
        connect(RaySettings(address=address))
    assert error.value.exit_code == 1
    assert "\n" not in str(error.value)


def test_somebody_who_listens_and_says_nothing_is_given_up(capfd):
    listening, address = silent_address()
    with listening, pytest.raises(EngineError, match="within 1 s"):
        connect(RaySettings(address=address, connect_timeout_s=1))
    assert capfd.readouterr().err == ""
