"""The tutorials run, and what the site shows of them was made by the cells beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from notebooks import TUTORIALS, executed, is_stale, stale_notebooks

NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))


def test_no_tutorial_shows_outputs_of_other_cells():
    assert len(NOTEBOOKS) >= 3
    assert stale_notebooks() == []


def test_a_changed_cell_makes_a_notebook_stale_and_an_output_does_not(tmp_path):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    notebook.cells[1].outputs = []
    assert not is_stale(notebook)
    notebook.cells[1].source += "  # changed"
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert stale_notebooks(tmp_path) == [tmp_path / "a.ipynb"]


def test_tutorials_are_small_and_say_nothing_of_the_machine_they_were_made_on():
    for file in NOTEBOOKS:
        text = file.read_text("utf-8")
        assert len(text) < 50_000, file
        assert "/tmp/" not in text, file
        assert "Traceback" not in text, file


@pytest.mark.long
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_tutorial_runs_from_the_first_cell_to_the_last(file):
    notebook = executed(nbformat.read(file, as_version=4))
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert ran
    assert all(cell.execution_count for cell in ran)
