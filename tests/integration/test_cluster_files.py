"""The files that the how-to shows are such as Ray's launcher and the shell of a Slurm job take."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "more-than-one-machine.md"


def shown(kind: str, sign: str) -> str:
    """The block of the page with a sign in it."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (found,) = (each for each in blocks if sign in each)
    return found


def test_rays_launcher_takes_the_cluster_file():
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load(shown("yaml", "cluster_name"))
    validate_config(prepare_config(config))
    assert config["head_node_type"] in config["available_node_types"]


def test_the_shell_takes_the_job():
    job = shown("bash", "#SBATCH")
    subprocess.run(["bash", "-n"], input=job, text=True, check=True)
    assert job.startswith("#!")
