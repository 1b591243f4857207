"""Clusters in trouble, each told in one line: other versions, no memory, one that others left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine_work import STAMP, OneProcess, check_whole, lengths_work, make_atlas

from cosmic_morphology.engine import apply
from cosmic_morphology.engine.cluster import connect as connecting
from cosmic_morphology.engine.cluster.executor import RayWorkers
from cosmic_morphology.engine.cluster.versions import check_versions, versions_here
from cosmic_morphology.engine.executors import InThisProcess
from cosmic_morphology.errors import EngineError
from cosmic_morphology.settings import RaySettings

ray = pytest.importorskip("ray", reason="the ray extra is not installed")


def machine_that_has(**other: str) -> SimpleNamespace:
    """Ray, whose one machine says that it has other versions."""
    there = {**versions_here(), **other}
    asked = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda: "answer"))
    return SimpleNamespace(
        nodes=lambda: [{"Alive": True, "NodeID": "0" * 56, "NodeManagerHostname": "far"}],
        remote=lambda **_: lambda _: asked,
        wait=lambda waiting, **_: (waiting, []),
        get=lambda _: there,
        exceptions=ray.exceptions,
    )


@pytest.mark.parametrize("what", ["python", "pylance", "cosmic-morphology"])
def test_a_machine_with_another_version_is_refused_by_both_versions(what):
    check_versions(machine_that_has())
    with pytest.raises(EngineError, match=r"this machine of the cluster has") as error:
        check_versions(machine_that_has(**{what: "0.0.7"}))
    assert f"{what} 0.0.7 (here {versions_here()[what]})" in str(error.value)
    assert "far" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cluster_of_another_python_is_refused_by_both_versions(monkeypatch):
    # As Ray itself says it, before anything runs there.
    said = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.9.1\n"
        "This process on node 10.0.0.6 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )

    def refuse(**_: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setattr(connecting, "_knock", lambda _: None)
    monkeypatch.setattr(connecting, "_ask_whether_alive", lambda _: None)
    with pytest.raises(EngineError, match="another version of Ray or Python") as error:
        connecting.connect(RaySettings(address="10.0.0.5:6379"))
    assert "Python: 3.9.1" in str(error.value)
    assert "Python: 3.11.7" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "starts"), [("The current node timed out during startup.", 3), ("No room.", 1)]
)
def test_a_cluster_of_our_own_that_does_not_start_is_one_line(monkeypatch, said, starts):
    tries = []

    def fails(**_: object) -> None:
        tries.append(said)
        raise Exception(said)  # noqa: TRY002 - as Ray does

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fails)
    with pytest.raises(EngineError, match=f"Ray does not start .{said}") as error:
        connecting.connect(RaySettings())
    assert len(tries) == starts
    assert "\n" not in str(error.value)


class Forgetful(InThisProcess):
    """Its first two workers run out of memory, as Ray tells it."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 2

    def wait(self):
        if not self._left:
            return super().wait()
        self._left -= 1

        def run_out(_: object) -> None:
            raise ray.exceptions.OutOfMemoryError("memory on the node was above the threshold")

        cluster = SimpleNamespace(get=run_out, exceptions=ray.exceptions)
        lost = RayWorkers._result(SimpleNamespace(_ray=cluster, _stage="test"), "reference")
        return [(self._tasks.popleft(), lost)]


class ForgetfulOnce(OneProcess):
    def open(self, stage, *, is_worth=True):
        return Forgetful()


def test_a_task_whose_worker_ran_out_of_memory_is_cut_in_two_at_once(tmp_path, caplog):
    atlas = make_atlas(tmp_path / "sky", 1, 80)
    work = lengths_work(tmp_path / "log", task_rows=80)
    done = apply(atlas, work, stamp=STAMP, engine=ForgetfulOnce())
    assert (done.filled, done.lost_workers, done.halved) == (80, 2, 2)
    assert "ran out of memory over 80 rows of fragment 0, which is cut in two" in caplog.text
    assert "over 40 rows" in caplog.text
    check_whole(atlas, 80)


ALONE = """
import json, os
from ray._private import services
from cosmic_morphology.engine.cluster.connect import connect
from cosmic_morphology.settings import RaySettings
would = os.environ.get("RAY_ADDRESS") or services.find_bootstrap_address(None)
ray = connect(RaySettings(processes=1))
cpus = ray.cluster_resources()["CPU"]
print(json.dumps({"would": would, "nodes": len(ray.nodes()), "cpus": cpus}))
"""


@pytest.mark.parametrize("left", ["file", "variable"])
def test_a_cluster_that_another_program_left_behind_is_not_waited_for(left):
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    env.pop("RAY_ADDRESS", None)
    # Ray's sockets stand there, whose paths must be short.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        env["RAY_TMPDIR"] = folder
        if left == "file":
            (Path(folder) / "ray").mkdir()
            (Path(folder) / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
        else:
            env["RAY_ADDRESS"] = "127.0.0.1:1"
        done = subprocess.run(
            [sys.executable, "-c", ALONE], check=True, capture_output=True, text=True, env=env
        )
    said = json.loads(done.stdout)
    # Ray by itself would have gone there, and waited.
    assert said == {"would": "127.0.0.1:1", "nodes": 1, "cpus": 1.0}
