"""Each optional package that is missing is one line, which says what installs it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import cosmic_morphology
from cosmic_morphology import extras
from cosmic_morphology.errors import MissingExtraError
from cosmic_morphology.io_utils import data_frame

SOURCE = Path(cosmic_morphology.__file__).parent
PROJECT = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
DECLARED = PROJECT["optional-dependencies"]
BLOCKED = """
import sys
blocked = set(sys.argv.pop(1).split(","))
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def plain(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            found |= {
                each.value.partition(".")[0] for each in node.args if isinstance(each, ast.Constant)
            }
    return found


IMPORTED = set().union(*(imports(file) for file in SOURCE.rglob("*.py")))


def test_every_imported_package_is_of_the_core_or_of_the_extra_that_is_named_for_it():
    core = {plain(each) for each in PROJECT["dependencies"]}
    known = packages_distributions()
    foreign = IMPORTED - set(sys.stdlib_module_names) - {"cosmic_morphology", "pandas"}
    assert {"torch", "galsim", "starlette", "optuna", "ray", "mlflow"} <= foreign
    for package in sorted(foreign):
        dists = {each.lower().replace("_", "-") for each in known.get(package, [package])}
        if dists & core:
            assert package not in extras.EXTRA_OF, package
            continue
        extra = extras.EXTRA_OF.get(package)
        assert extra, f"{package} is of no extra: add it to EXTRA_OF and pyproject.toml"
        assert dists & {plain(each) for each in DECLARED[extra]}, f"{package}: [{extra}]"


def test_every_package_that_an_extra_installs_is_known_by_name():
    known = packages_distributions()
    named = {
        dist.lower().replace("_", "-")
        for package in extras.EXTRA_OF
        for dist in known.get(package, [package])  # not installed here
    }
    for extra, requirements in DECLARED.items():
        if extra not in ("dev", "docs", "all"):
            assert {plain(each) for each in requirements} - {PROJECT["name"]} <= named, extra


def test_all_is_all_and_the_core_has_none_of_it():
    (whole,) = DECLARED["all"]
    inside = set(re.search(r"\[(.*)\]", whole)[1].split(","))
    assert inside | {"onnx"} == DECLARED.keys() - {"all", "dev", "docs"}
    assert f"{PROJECT['name']}[onnx]" in DECLARED["learn"]
    assert f"{PROJECT['name']}[onnx]" in DECLARED["serve"]
    optional = {plain(each) for name in DECLARED for each in DECLARED[name]}
    assert not {plain(each) for each in PROJECT["dependencies"]} & (optional | {"pandas"})


def test_no_python_is_shut_out_and_what_cannot_be_had_is_marked():
    assert PROJECT["requires-python"] == ">=3.11"
    marked = {
        plain(each): each.partition(";")[2]
        for extra in DECLARED.values()
        for each in extra
        if ";" in each
    }
    newest = {
        each: re.search(r"python_version < '3\.(\d+)'", marker) for each, marker in marked.items()
    }
    assert {each: (3, int(found[1]) - 1) for each, found in newest.items() if found} == (
        extras.NEWEST_PYTHON
    )
    assert {each for each in marked if "win32" in marked[each]} == extras.NOT_ON_WINDOWS


@pytest.mark.parametrize("package", sorted(extras.EXTRA_OF))
def test_a_missing_package_is_one_line_with_its_extra(package):
    with pytest.raises(MissingExtraError) as told, extras.needs("This"):
        raise ModuleNotFoundError(name=f"{package}.part")
    line = str(told.value)
    assert "\n" not in line
    assert f"pip install 'cosmic-morphology[{extras.EXTRA_OF[package]}]'" in line
    assert told.value.exit_code == 2


def test_what_cannot_be_had_on_this_python_or_system_is_said(monkeypatch):
    error = ModuleNotFoundError(name="galsim")
    monkeypatch.setattr(sys, "version_info", (3, 15, 0, "final", 0))
    assert "not made for Python" in str(extras.missing(error, "Rendering"))
    assert "pip install" not in str(extras.missing(error, "Rendering"))
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Use WSL" in str(extras.missing(error, "Rendering"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert "[render]" in str(extras.missing(error, "Rendering"))


def test_a_fault_of_this_program_is_not_blamed_on_what_is_installed():
    with pytest.raises(ModuleNotFoundError), extras.needs("This"):
        raise ModuleNotFoundError(name="cosmic_morphology.nowhere")
    assert "install cosmic-morphology again" in str(
        extras.missing(ModuleNotFoundError(name="numpy"))
    )


def test_a_data_frame_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install pandas"):
        data_frame([{"a": 1}], ["a"])


def told_without(package: str, script: str, *given: str) -> str:
    """The last line of what a script says where a package cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + script, package, *given],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
    return done.stderr.strip().splitlines()[-1]


IN_PYTHON = [
    ("galsim", "from cosmic_morphology import render_images", "render"),
    ("galsim", "import cosmic_morphology.synthesize", "render"),
    ("starlette", "from cosmic_morphology import Replica", "replica"),
    ("uvicorn", "import cosmic_morphology.replica", "replica"),
    ("torch", "from cosmic_morphology import train", "learn"),
    ("timm", "from cosmic_morphology.learn import build_backbone", "learn"),
    (
        "onnxruntime",
        "from cosmic_morphology.learn.inference.onnx_model import *; needs_runtime()",
        "onnx",
    ),
]


@pytest.mark.parametrize(("package", "script", "extra"), IN_PYTHON)
def test_python_says_which_extra_is_missing(package, script, extra):
    line = told_without(package, script)
    assert line.startswith("cosmic_morphology.errors.MissingExtraError: ")
    assert f"cosmic-morphology[{extra}]" in line


def test_the_core_imports_without_any_extra():
    script = (
        "import cosmic_morphology as c; from cosmic_morphology import Atlas, load_settings;"
        "import cosmic_morphology.cli, cosmic_morphology.collect, cosmic_morphology.curate,"
        "cosmic_morphology.imaging, cosmic_morphology.pipeline,"
        "cosmic_morphology.studies, cosmic_morphology.learn;"
        "from cosmic_morphology.learn import load_recipe, read_run, find_run;"
        "assert 'matplotlib' not in sys.modules;"
        "import cosmic_morphology.evaluate, cosmic_morphology.report;"
        "from cosmic_morphology import explore_atlas, evaluate_run, write_report"
    )
    every = ",".join([*extras.EXTRA_OF, "pandas"])
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + script, every],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
