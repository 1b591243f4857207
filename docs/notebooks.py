"""Notebooks of the tutorials: execute them, and find those whose outputs are older than their code.

    python docs/notebooks.py            # execute the stale ones (make notebooks)
    python docs/notebooks.py --all      # execute all of them
    python docs/notebooks.py NAME       # execute this one

The outputs are committed with the hash of the cells that made them; ``make docs`` refuses one whose
cells have changed since.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

TUTORIALS = Path(__file__).parent / "tutorials"
KEY = "source_sha256"
PATIENCE_S = 1800


def source_hash(notebook: nbformat.NotebookNode) -> str:
    """Hash of the kinds and texts of all cells; outputs do not count."""
    found = hashlib.sha256()
    for cell in notebook.cells:
        found.update(f"{cell.cell_type}\0{cell.source}\0".encode())
    return found.hexdigest()


def is_stale(notebook: nbformat.NotebookNode) -> bool:
    """Whether the outputs were not made by these very cells."""
    return notebook.metadata.get(KEY) != source_hash(notebook)


def stale_notebooks(folder: Path = TUTORIALS) -> list[Path]:
    """Notebooks that have to be executed again."""
    files = sorted(folder.glob("*.ipynb"))
    return [file for file in files if is_stale(nbformat.read(file, as_version=4))]


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with new outputs, run in a folder of its own without the model hub.

    What depends on the moment or on the machine is taken out: warnings, times of execution.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=PATIENCE_S,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        # Outputs have to be the same on every machine, whatever it has downloaded.
        no_weights = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(Path(folder) / "no-weights")}
        client.execute(env={**os.environ, "PYTHONWARNINGS": "ignore", **no_weights})
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            kept = [each for each in cell.outputs if each.get("name") != "stderr"]
            cell.outputs = kept
    notebook.metadata.pop("language_info", None)
    notebook.metadata[KEY] = source_hash(notebook)
    return notebook


def main() -> None:
    """Execute notebooks and write them with their outputs."""
    named = [TUTORIALS / f"{Path(name).stem}.ipynb" for name in sys.argv[1:] if name != "--all"]
    files = sorted(TUTORIALS.glob("*.ipynb")) if "--all" in sys.argv else stale_notebooks()
    for file in named or files:
        print(f"executing {file.name}", flush=True)
        nbformat.write(executed(nbformat.read(file, as_version=4)), file)


if __name__ == "__main__":
    main()
