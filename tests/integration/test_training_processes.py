"""Several processes learn what one learns, whoever starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_sky import LEARN, TAXONOMY
from training_tools import coloured_atlas, config_in

from cosmic_morphology.errors import SettingsError, TrainingError
from cosmic_morphology.learn import train
from cosmic_morphology.settings import RunJob

# Three steps in each of two epochs; the middle statistics of frozen layers stay as they are, and
# noise is what each process draws for itself.
SHARED = """extends = "finetune"
epochs = 2
batch_size = 6
patience = 0
trainable = "last_stages"
stages = 1
[augment]
noise = 0.0
"""


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory):
    return coloured_atlas(tmp_path_factory.mktemp("processes") / "atlas")


def trained(atlas, folder: Path, *, recipe: str = SHARED, told: list | None = None, **learn):
    folder.mkdir(exist_ok=True)
    (folder / "shared.toml").write_text(recipe)
    return train(
        atlas,
        RunJob(name="shared", recipe=str(folder / "shared.toml")),
        learn=LEARN.model_copy(update=learn),
        taxonomy=TAXONOMY,
        seed=3,
        out=folder,
        progress=None if told is None else lambda *done: told.append(done),
    )


@pytest.fixture(scope="module")
def alone(atlas, tmp_path_factory: pytest.TempPathFactory):
    return trained(atlas, tmp_path_factory.mktemp("alone"))


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(run / "weights.safetensors") for run in (one, other))
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=1e-5, rtol=0, msg=name)


def test_two_processes_learn_what_one_learns(atlas, alone, tmp_path):
    told: list[tuple[int, int]] = []
    run = trained(atlas, tmp_path / "two", devices=2, told=told)
    assert_same_weights(alone.path, run.path)
    assert [done for done in told if done[1] == 2] == [(1, 2), (2, 2)]
    assert run.key == alone.key
    for column in ("epoch", "train_loss", "val_loss"):
        assert run.history[column] == pytest.approx(alone.history[column], abs=1e-4)


def test_images_that_have_no_room_are_read_on_the_way_by_each_process(atlas, tmp_path):
    one = trained(atlas, tmp_path / "one", cache_gb=1e-5)
    two = trained(atlas, tmp_path / "two", cache_gb=1e-5, devices=2)
    assert_same_weights(one.path, two.path)
    assert one.metrics["n_train"] == 18
    assert one.metrics["n_val"] == 6


def test_what_ends_a_process_is_said_as_it_is_here(atlas, tmp_path):
    wild = SHARED.replace("patience = 0", "patience = 0\nlearning_rate = 1e30")
    with pytest.raises(TrainingError, match="the loss is"):
        trained(atlas, tmp_path / "wild", recipe=wild, devices=2)


def test_several_machines_need_somebody_who_starts_them(atlas, tmp_path):
    with pytest.raises(SettingsError, match="nothing has started this command on 2 machines"):
        trained(atlas, tmp_path / "none", nodes=2)


@pytest.mark.long
def test_a_launcher_on_two_machines_gives_the_same_run(atlas, alone, tmp_path):
    config = config_in(tmp_path)
    (tmp_path / "shared.toml").write_text(SHARED)
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    started = [
        subprocess.Popen(
            [
                sys.executable, "-m", "torch.distributed.run", "--nnodes", "2",
                "--nproc-per-node", "1", "--node-rank", str(node), "--master-addr", "127.0.0.1",
                "--master-port", str(port), "--no-python",
                str(Path(sys.executable).with_name("cosmic")), "train", "shared",
                "--recipe", str(tmp_path / "shared.toml"), "--nodes", "2", "--seed", "3",
                "--atlas", atlas.uri, "--config", str(config), "--out", str(tmp_path), "--json",
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for node in range(2)
    ]  # fmt: skip
    said = [each.communicate(timeout=1800) for each in started]
    assert [each.returncode for each in started] == [0, 0], said
    # The first alone speaks.
    assert '"name": "shared"' in said[0][0]
    assert said[1][0] == ""
    assert_same_weights(alone.path, tmp_path / "runs" / "shared")
