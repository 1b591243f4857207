"""The README's ten lines and the notebook run as they are written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import typer
from nbclient import NotebookClient
from typer.testing import CliRunner

from cosmic_morphology.cli import app
from cosmic_morphology.settings import load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "from pathlib import Path; import cosmic_morphology as cosmic; "
                "cosmic.demo(Path('cosmic-demo'), per_class=24, offline=True)"
            ),
        ],
        check=True,
        cwd=folder,
    )
    return folder


def readme_example() -> str:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


def test_the_readme_example_runs(demo_folder):
    script = readme_example()
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        cwd=demo_folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "macro" in done.stdout


def test_the_folds_of_the_how_to_are_scored_as_it_says(demo_folder, monkeypatch):
    monkeypatch.chdir(demo_folder)
    page = (ROOT / "docs/howto/folds.md").read_text("utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    split = CliRunner().invoke(app, ["split", "--folds", "3", "--atlas", "cosmic-demo/atlas"])
    assert split.exit_code == 0, split.output
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        cwd=demo_folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "macro-F1 0." in done.stdout


def test_the_readme_is_short_and_what_it_names_is_there():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 90
    linked = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(linked) > 8
    for path in linked:
        assert (ROOT / path).is_file(), path
        assert (ROOT / path).stat().st_size < 150_000 or not path.endswith(".webp")
    named = {
        verb
        for row in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE)
        for verb in row.split(", ")
    }
    assert {verb.strip("`") for verb in named} == set(typer.main.get_command(app).commands)


def test_the_notebook_runs_from_the_atlas_to_a_confusion_matrix(demo_folder):
    notebook = nbformat.read(ROOT / "examples/first_steps.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")]
    NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": demo_folder}}
    ).execute()
    images = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(images) >= 2


def test_the_example_settings_are_valid():
    settings = load_settings(ROOT / "examples/nasa.toml")
    assert [job.type for job in settings.archives] == ["nasa"]
    assert {job.recipe for job in settings.train} == {
        "linear-probe",
        "finetune",
        "two-backbones",
    }
