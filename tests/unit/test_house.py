"""The house keeps its shape: imports go one way, help is light, errors are whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cosmic_morphology
from cosmic_morphology import errors

SOURCE = Path(cosmic_morphology.__file__).parent
GROUND = (
    "_version", "citation", "csv_table", "display", "errors", "extras", "frames", "freed_memory",
    "io_utils", "lazy", "reading", "safe_text", "settings", "stats", "suggest", "taxonomy",
    "taxonomies", "without_pandas",
)  # fmt: skip
FLOORS = {
    **dict.fromkeys(GROUND, 0),
    "imaging": 1,
    "atlas": 1,
    "replica": 1,
    "engine": 2,
    "collect": 3,
    "curate": 3,
    "learn": 3,
    "synthesize": 3,
    "evaluate": 4,
    "report": 5,
    "pipeline": 6,
    "studies": 7,
    "serve": 8,
    "cli": 9,
}


def rooms_imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "cosmic_morphology" and len(parts) > 1 and parts[1] in FLOORS:
                found.add(parts[1])
    return found


def room_of(file: Path) -> str:
    first = file.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE))
)
def test_imports_go_one_way(file):
    room = room_of(file)
    if room == "__init__":
        return
    assert room in FLOORS, f"{room} is a new room: give it a floor"
    for other in rooms_imported(file) - {room}:
        on_the_ground = FLOORS[other] == FLOORS[room] == 0
        assert FLOORS[other] < FLOORS[room] or on_the_ground, f"{file} imports {other}"


def modules_imported(file: Path) -> set[str]:
    """Modules of this package that a module imports as it is imported itself."""
    found: set[str] = set()

    def visit(nodes):
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                if node.module.startswith("cosmic_morphology"):
                    found.add(node.module)
                    found.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                visit(ast.iter_child_nodes(node))

    visit(ast.parse(file.read_text("utf-8")).body)
    return found


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_by_way_of_others():
    files = {module_name(file): file for file in SOURCE.rglob("*.py")}
    imports = {each: modules_imported(file) & files.keys() for each, file in files.items()}
    graph = {
        each: {
            other
            for other in found - {each}
            # A front gathers the modules of its own package.
            if not each.startswith(other + ".")
        }
        for each, found in imports.items()
    }
    TopologicalSorter(graph).prepare()


def test_nobody_imports_the_front_of_the_package():
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "cosmic_morphology", f"{file} imports the package's front"


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from typer.testing import CliRunner; "
        "from cosmic_morphology.cli import app; "
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0; "
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    heavy = {"torch", "lance", "pyarrow", "numpy", "PIL", "astropy", "matplotlib", "httpx2"}
    stages = {f"cosmic_morphology.{room}" for room, floor in FLOORS.items() if 0 < floor < 8}
    assert not loaded & (heavy | stages)


def test_results_become_json_in_one_place_only():
    own = re.compile(r"def (to_dict|as_dict|to_json|as_json|to_jsonable)\(")
    found = {
        str(file.relative_to(SOURCE)): own.findall(file.read_text("utf-8"))
        for file in SOURCE.rglob("*.py")
    }
    # A record comes back from the ledger, without the keys of signed addresses.
    assert {name: names for name, names in found.items() if names} == {
        "atlas/record.py": ["to_json"]
    }


def test_every_error_says_what_where_and_what_to_do():
    error = errors.InputError("it is empty", where="a.csv", todo="Give another file.")
    assert str(error) == "a.csv: it is empty. Give another file."
    assert error.exit_code == 2
    assert errors.CosmicError("it failed").exit_code == 1


def test_the_error_tree_in_the_docstring_is_the_real_one():
    named = {
        word
        for word in errors.__doc__.replace("─", " ").split()
        if word.endswith("Error") and word.isidentifier()
    }
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.CosmicError)
    }
    assert named == real


# Installed for another package, which finds it by itself.
FOUND_BY_OTHERS = {
    "httptools": "uvicorn, as its parser",
    "mlflow-skinny": "Lightning, as its logger",
    "alembic": "MLflow's local database",
    "sqlalchemy": "MLflow's local database",
    "umap-learn": "the map of an atlas, which is to come",
}


def declared_dependencies() -> list[str]:
    said = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    extras = said["optional-dependencies"]
    listed = [
        *said["dependencies"],
        *(each for name in extras if name not in ("dev", "docs") for each in extras[name]),
    ]
    names = {re.match(r"[\w.-]+", each)[0].lower().replace("_", "-") for each in listed}
    return sorted(names - {said["name"]} - FOUND_BY_OTHERS.keys())


# The name of the package to import, where it is not that of the distribution.
IMPORTED_AS = {
    "pillow": "PIL", "scikit-learn": "sklearn", "pylance": "lance",
    "open-clip-torch": "open_clip", "mlflow-skinny": "mlflow", "protobuf": "google",
}  # fmt: skip


@pytest.mark.parametrize("name", declared_dependencies())
def test_every_declared_dependency_is_imported_by_the_package(name):
    imported = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    assert IMPORTED_AS.get(name, name.replace("-", "_")) in imported
