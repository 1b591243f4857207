"""A full disk ends train, evaluate, predict and export in one line, and leaves nothing half."""

from __future__ import annotations

import errno
import json
import shlex
import sys
from pathlib import Path

import fill_disk
import pytest
import torch
from training_sky import recipe_file
from training_tools import call, coloured_atlas, config_in

from cosmic_morphology import io_utils
from cosmic_morphology.errors import OutputError

pytest_plugins = ["small_disk", "training_fixtures"]
WHOLE = 'extends = "finetune"\nepochs = 1\nbatch_size = 6\n'
REST = """extends = "finetune-cached"
epochs = 1
tta_views = 2
cached_views = 2
batch_size = 6
stages = 1
[augment]
zoom = [1.0, 1.0]
"""


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """A folder with an atlas, settings, recipes and one finished run."""
    monkeypatch.chdir(tmp_path)
    config_in(tmp_path)
    (tmp_path / "whole.toml").write_text(WHOLE)
    (tmp_path / "rest.toml").write_text(REST)
    coloured_atlas(tmp_path / "atlas")
    words = "train one --recipe quick.toml --out out --config cosmic.toml --atlas atlas"
    code, _, wrong = call(tuple(words.split()), monkeypatch, capsys)
    assert code == 0, wrong
    return tmp_path


def test_every_result_on_a_full_disk_is_one_line_that_names_its_file(trained, small_disk):
    program = Path(fill_disk.__file__)
    done = small_disk(shlex.join([sys.executable, str(program), str(trained)]), size="60m")
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ends) == len(fill_disk.LINES), done.stderr
    for end in ends:
        asked, said = (end["words"], end["free"]), end["said"].strip()
        assert end["code"] == 1, (asked, said)
        assert len(said.splitlines()) == 1, (asked, said)
        place = said.removeprefix("cosmic: ").removeprefix(f"{trained}/").partition(": ")[0]
        assert place.startswith("disk/"), (asked, said)
        assert "the disk is full" in said, (asked, said)
        for file in end["files"]:
            assert "unfinished" not in file, asked
            assert file != place, asked
        assert not any(file.endswith("FINISHED") for file in end["files"]), asked


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(sky, go, tmp_path, monkeypatch):
    """The disk fills up in the second epoch, and then has room again."""
    to_disk, epochs = io_utils._to_disk, []

    def full(path):
        if path.name.startswith(".last.ckpt"):
            epochs.append(path)
        if len(epochs) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        to_disk(path)

    recipe = recipe_file(tmp_path, 'extends = "finetune"\nepochs = 3\npatience = 0\n')
    with monkeypatch.context() as disk:
        disk.setattr(io_utils, "_to_disk", full)
        with pytest.raises(OutputError, match=r"last\.ckpt: the disk is full"):
            go(sky, name="one", recipe=recipe)
    folder = tmp_path / "out/runs/one/checkpoints"
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] == 0
    assert not list(folder.glob(".*"))
    resumed, whole = go(sky, name="one", recipe=recipe), go(sky, name="whole", recipe=recipe)
    weights = [(run.path / "weights.safetensors").read_bytes() for run in (resumed, whole)]
    assert weights[0] == weights[1]
