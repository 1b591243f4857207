"""The package builds, and installs with no extra, with each, and with the oldest dependencies.

Needs a package index; minutes, and gigabytes for the extras with torch.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = sorted(PROJECT["optional-dependencies"].keys() - {"dev", "docs"})
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
# What every installed copy can do, whatever stands beside it.
SMOKE = """
import cosmic_morphology as cosmic
from cosmic_morphology import Atlas, load_settings, load_taxonomy
from cosmic_morphology import atlas, cli, collect, curate, evaluate
from cosmic_morphology import imaging, learn, pipeline, report
from pathlib import Path
import tempfile
with tempfile.TemporaryDirectory() as folder:
    made = Atlas.create(Path(folder) / "atlas")
    assert made.count("catalogue") == 0
assert len(load_taxonomy().names) > 3
"""
# One import for each extra, of what it is for.
FOR = {
    "all": "from cosmic_morphology import Replica, render_images, train",
    "learn": "from cosmic_morphology import train; import optuna, cleanlab, lightning",
    "map": "import umap",
    "onnx": "from cosmic_morphology.learn import OnnxModel; import onnxruntime",
    "ray": "import ray",
    "render": "from cosmic_morphology import render_images",
    "replica": "from cosmic_morphology import Replica",
    "serve": "from cosmic_morphology.serve import create_app; import onnxruntime",
    "track": "import mlflow, alembic, sqlalchemy",
    "zeroshot": "import open_clip",
}


def uv(*words: object) -> str:
    assert UV, "uv is not installed"
    done = subprocess.run([UV, *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def environment(place: Path, *requirements: object) -> Path:
    """The Python of a new environment with these packages and no others."""
    uv("venv", "--python", sys.executable, place)
    python = place / "bin" / "python"
    uv("pip", "install", "--python", python, *requirements)
    return python


def runs(python: Path, script: str) -> None:
    done = subprocess.run(
        [python, "-c", script], check=False, capture_output=True, text=True, cwd=python.parent
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The wheel, and the source package."""
    place = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", place], cwd=ROOT, check=True)
    return {file.suffix: file for file in place.iterdir()}


@pytest.mark.parametrize("python", PYTHONS)
def test_all_of_it_resolves_for_every_python_and_platform(tmp_path, python):
    uv(
        "pip", "compile", ROOT / "pyproject.toml", "--all-extras", "--universal",
        "--python-version", python, "--quiet", "--output-file", tmp_path / "all.txt",
    )  # fmt: skip
    found = (tmp_path / "all.txt").read_text()
    for package in ("torch", "pylance", "galsim", "onnxruntime", "ray", "optuna", "umap-learn"):
        assert re.search(rf"^{package}==", found, re.MULTILINE), package


@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_has_to_be_compiled_on_linux(tmp_path, python):
    uv(
        "pip", "compile", ROOT / "pyproject.toml", "--extra", "all", "--only-binary", ":all:",
        "--python-version", python, "--python-platform", "x86_64-manylinux_2_28",
        "--quiet", "--output-file", tmp_path / "all.txt",
    )  # fmt: skip


def test_the_source_package_has_what_the_wheel_needs(built, tmp_path):
    assert built.keys() == {".whl", ".gz"}
    python = environment(tmp_path / "env", built[".gz"])
    runs(python, SMOKE)
    runs(python, "from cosmic_morphology.learn import load_recipe, recipe_names;"
         "assert len([load_recipe(each) for each in recipe_names()]) >= 7")  # fmt: skip


def test_without_any_extra_the_core_works_and_says_what_more_needs(built, tmp_path):
    python = environment(tmp_path / "env", built[".whl"])
    runs(python, SMOKE)
    for package in ("torch", "pandas", "galsim", "starlette", "onnxruntime"):
        runs(python, f"import importlib.util as u; assert u.find_spec({package!r}) is None")
    given = {
        "demo": ([], "learn"),
        "synthesize": (["--per-class", 1, "--atlas", tmp_path / "atlas"], "render"),
        "replica": (["--images", tmp_path, "--catalogue", tmp_path / "none.csv"], "replica"),
    }
    for verb, (words, extra) in given.items():
        done = subprocess.run(
            [python.with_name("cosmic"), verb, *map(str, words)],
            check=False, capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert f"cosmic-morphology[{extra}]" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_installs_into_an_empty_environment(built, tmp_path, extra):
    python = environment(tmp_path / "env", f"{PROJECT['name']}[{extra}] @ {built['.whl'].as_uri()}")
    runs(python, SMOKE)
    runs(python, FOR[extra])


@pytest.mark.parametrize("extras", ["", "render,replica,onnx", "learn"])
def test_the_lowest_versions_that_are_allowed_work(built, tmp_path, extras):
    pinned = tmp_path / "lowest.txt"
    more = [word for extra in extras.split(",") if extra for word in ("--extra", extra)]
    uv(
        "pip", "compile", ROOT / "pyproject.toml", *more, "--resolution", "lowest-direct",
        "--python-version", ".".join(map(str, sys.version_info[:2])),
        "--quiet", "--output-file", pinned,
    )  # fmt: skip
    python = environment(tmp_path / "env", "-r", pinned)
    uv("pip", "install", "--python", python, "--no-deps", built[".whl"])
    runs(python, SMOKE)
    for extra in extras.split(","):
        runs(python, FOR.get(extra, "pass"))
