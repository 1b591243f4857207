"""Pages on the Python interface: the public names, and what each room exports."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import cosmic_morphology
from generate.markdown import table, toctree

# Modules under all rooms whose names people use, too.
MODULES = (
    "atlas.maintenance", "atlas.query", "errors", "settings", "taxonomy", "stats.bootstrap",
    "stats.calibration", "stats.cross_entropy", "stats.fusion", "stats.metrics", "stats.score",
    "stats.volunteers",
)  # fmt: skip


def api_page() -> str:
    """The public names, then the rooms."""
    lines = ["# Python interface", "", "## `import cosmic_morphology as cosmic`", ""]
    rows = []
    for name in public_names():
        doc = inspect.getdoc(getattr(cosmic_morphology, name)) or ""
        rows.append((f"[`cosmic.{name}`](name-{name})", doc.partition("\n")[0]))
    lines += table(("name", "what it does"), rows)
    lines += toctree([f"name-{name}" for name in public_names()], hidden=True)
    lines += [
        "Examples use `cosmic` (this package), `np` (NumPy) and `Path`; `images` is a folder of",
        "images, `catalogue` a table of them, `atlas` an atlas with them, labelled and split,",
        "`judged` the same with predictions of the run `run`; `learn` and `taxonomy` are settings.",
        "",
    ]
    lines += ["## Rooms", "", *toctree([f"api-{room}" for room in rooms()])]
    lines += ["## Below all rooms", "", *toctree([f"api-{module}" for module in MODULES])]
    return "\n".join(lines) + "\n"


def name_page(name: str) -> str:
    """One public name."""
    lines = [f"# `cosmic.{name}`", "", "```{eval-rst}"]
    lines += _directive("cosmic_morphology", name, no_index=False)
    return "\n".join([*lines, "```"]) + "\n"


def room_page(room: str) -> str:
    """What a room exports."""
    module = import_module(f"cosmic_morphology.{room}")
    names = names_of(module)
    front = {id(getattr(cosmic_morphology, name)) for name in public_names()}
    lines = [f"# `cosmic_morphology.{room}`", "", "```{eval-rst}", inspect.getdoc(module) or "", ""]
    for name in names:
        no_index = id(getattr(module, name)) in front
        lines += [*_directive(f"cosmic_morphology.{room}", name, no_index=no_index), ""]
    return "\n".join([*lines, "```"]) + "\n"


def public_names() -> list[str]:
    """The names of the package's front."""
    return [name for name in cosmic_morphology.__all__ if not name.startswith("_")]


def rooms() -> list[str]:
    """The packages inside the package, each a page of the reference."""
    return sorted(
        m.name
        for m in pkgutil.iter_modules(cosmic_morphology.__path__)
        if m.ispkg and m.name not in ("cli", "stats")
    )


def names_of(module: ModuleType) -> list[str]:
    """What a room exports; of a module without a list, the classes and functions it defines."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return [name for name in listed if not name.startswith("_")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def _directive(module: str, name: str, *, no_index: bool) -> list[str]:
    value = getattr(import_module(module), name)
    kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
    lines = [f".. auto{kind}:: {module}.{name}"]
    if kind == "class":
        lines += ["   :members:"]
        if all(base.__module__.startswith("cosmic_morphology") for base in value.__mro__[:-1]):
            lines += ["   :inherited-members:"]
    if no_index:
        lines += ["   :no-index:"]
    return lines
