"""Numbers of the house itself: its rooms, its arrows, its front page. Rows go to standard output.

::

    python benchmarks/record.py house -- python benchmarks/house.py
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from main import help_ratio
from rows import Row, emit

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cosmic_morphology"
COMMAND = "python benchmarks/house.py"
# The commits that moved and renamed, by their subjects.
MOVES = r"modules move into packages\|bear the field's names\|an image is called an image"

sys.path.insert(0, str(ROOT / "tests" / "unit"))


def largest_folder() -> int:
    """Modules in the fullest folder, fronts and the verbs of the command line apart."""
    folders = {file.parent for file in SOURCE.rglob("*.py")} - {SOURCE / "cli"}
    return max(
        sum(file.name != "__init__.py" for file in folder.glob("*.py")) for folder in folders
    )


def circles_and_arrows() -> tuple[int, int]:
    """Import circles (0 or 1: the sort stops at the first) and imports that lead back up."""
    import test_house as house

    files = sorted(SOURCE.rglob("*.py"))
    graph = {house.module_name(each): house.modules_imported(each) for each in files}
    known = graph.keys()
    try:
        TopologicalSorter(
            {
                each: {o for o in found & known if o != each and not each.startswith(o + ".")}
                for each, found in graph.items()
            }
        ).prepare()
        circles = 0
    except CycleError:
        circles = 1
    up = sum(
        house.FLOORS[other] >= house.FLOORS[room] > 0
        for each in files
        if (room := house.room_of(each)) != "__init__"
        for other in house.rooms_imported(each) - {room}
    )
    return circles, up


def lines_removed() -> int:
    """Lines of ``src`` taken away less those put in, over the commits that moved and renamed."""
    listed = subprocess.run(
        ["git", "log", "--no-merges", f"--grep={MOVES}", "--numstat", "--format=", "-M25",
         "--", "src"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    counts = [line.split("\t")[:2] for line in listed.stdout.splitlines() if line]
    return sum(int(gone) - int(came) for came, gone in counts if came.isdigit())


def doctests() -> int:
    """Examples in the docstrings of all modules."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [
        each.name
        for each in pkgutil.walk_packages([str(SOURCE)], "cosmic_morphology.")
        if not each.name.endswith("__main__")
    ]
    modules = [importlib.import_module(name) for name in ["cosmic_morphology", *names]]
    return sum(len(test.examples) for module in modules for test in finder.find(module))


def main() -> None:
    circles, up = circles_and_arrows()
    readme = len((ROOT / "README.md").read_text("utf-8").splitlines())
    emit(
        [
            Row("modules in the largest folder, CLI verbs apart", largest_folder(), target=15,
                better="lower", command=COMMAND),
            Row("import circles", circles, target=0, better="lower", command=COMMAND),
            Row("imports back up", up, target=0, better="lower", command=COMMAND),
            Row("lines of src removed by moving and renaming", lines_removed(), target=1800,
                command=COMMAND),
            Row("lines of README", readme, target=90, better="lower", command=COMMAND),
            Row("doctest examples", doctests(), target=150, command=COMMAND),
        ]
    )  # fmt: skip
    help_ratio()


if __name__ == "__main__":
    main()
