"""Pages of the reference that are made from the code, so that they cannot drift from it."""

from __future__ import annotations

import ast
import csv
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import pyarrow as pa
import typer
from pydantic import BaseModel

import cosmic_morphology
from cosmic_morphology import errors
from cosmic_morphology.atlas import schema
from cosmic_morphology.atlas.export.rows import COLUMNS as EXPORTED
from cosmic_morphology.atlas.export.rows import KINDS
from cosmic_morphology.cli import app
from cosmic_morphology.learn.recipes import Recipe, load_recipe, recipe_names
from cosmic_morphology.settings import Settings

ROOT = Path(__file__).parents[1]
# Modules under all rooms whose names people use, too.
MODULES = (
    "atlas.maintenance", "atlas.query", "errors", "settings", "taxonomy", "stats.bootstrap",
    "stats.calibration", "stats.metrics", "stats.score",
)  # fmt: skip


def write_all(folder: Path) -> None:
    """Write every generated page into a folder, touching only pages that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "cli.md": cli_page(),
        "settings.md": settings_page(),
        "recipes.md": recipes_page(),
        "columns.md": columns_page(),
        "exit-codes.md": exit_codes_page(),
        "benchmarks.md": benchmarks_page(),
        "api.md": api_page(),
    }
    pages |= {f"name-{name}.md": name_page(name) for name in public_names()}
    for room in rooms():
        pages[f"api-{room}.md"] = room_page(room)
    for module in MODULES:
        pages[f"api-{module}.md"] = room_page(module)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        file = folder / name
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def cli_page() -> str:
    """Every verb with its arguments and options."""
    lines = [
        "# Command line",
        "",
        "`cosmic --help` lists the verbs; `cosmic VERB --help` explains one.",
        "",
    ]
    command = typer.main.get_command(app)
    for name, verb in _verbs(command, "cosmic"):
        lines += [f"## `{name}`", "", (verb.help or "").strip(), ""]
        rows = [_parameter(p) for p in verb.params if p.name != "help"]
        if rows:
            lines += _table(("option", "value", "default", "meaning"), rows)
    return "\n".join(lines) + "\n"


def _verbs(command: Any, name: str) -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(name, command)]
    return [pair for key, child in children.items() for pair in _verbs(child, f"{name} {key}")]


def _parameter(parameter: Any) -> tuple[str, ...]:
    spelled = (
        (parameter.metavar or parameter.name.upper())
        if parameter.param_type_name == "argument"
        else ", ".join((*parameter.opts, *parameter.secondary_opts))
    )
    default = parameter.default
    if callable(default) or default in (None, (), [], False):
        default = ""
    is_flag = getattr(parameter, "is_flag", False)
    kind = "" if is_flag else parameter.metavar or _annotation(parameter)
    needed = "required" if parameter.required else _cell(default)
    return f"`{spelled}`", f"`{kind}`" if kind else "", needed, parameter.help or ""


def _annotation(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    return {"Path": "PATH", "str": "TEXT", "int": "N", "float": "NUMBER"}.get(
        getattr(annotation, "__name__", ""), _type_name(annotation)
    )


def settings_page() -> str:
    """Every section and key of ``cosmic.toml``."""
    lines = [
        "# Settings",
        "",
        (
            "Defaults are overridden by `cosmic.toml`, this by the environment "
            "(`COSMIC_SPLIT__TRAIN=0.7`), this by the command line."
        ),
        "",
    ]
    for section, model in _sections(Settings, ""):
        lines += [f"## {f'`[{section}]`' if section else 'Top level'}", ""]
        doc = inspect.getdoc(model) or ""
        lines += [doc.partition("\n")[0], ""]
        lines += _keys(model)
    return "\n".join(lines) + "\n"


def _keys(model: type[BaseModel], more: dict[str, dict[str, str]] | None = None) -> list[str]:
    """The table of a section's own keys; those of inner sections have tables of their own."""
    more = more or {}
    rows = [
        (
            *(f"`{key}`", f"`{_type_name(field.annotation)}`", _default(field)),
            *(field.description or "", *(column[key] for column in more.values())),
        )
        for key, field in model.model_fields.items()
        if not _models_in(field.annotation)
    ]
    return _table(("key", "type", "default", "meaning", *more), rows)


def recipes_page() -> str:
    """Every key of a recipe, and the recipes that come with the program."""
    lines = [
        "# Recipes",
        "",
        "A recipe is a TOML file; `extends` names the recipe that it starts from.",
        "",
    ]
    lines += ["## Recipes that come with the program", ""]
    rows = [(f"`{name}`", load_recipe(name).description) for name in recipe_names()]
    lines += _table(("recipe", "what it is"), rows)
    for section, model in _sections(Recipe, ""):
        lines += [f"## {f'Keys of `[{section}]`' if section else 'Keys of a recipe'}", ""]
        lines += _keys(model, {"read in": key_readers(model)})
    return "\n".join(lines) + "\n"


def key_readers(model: type[BaseModel]) -> dict[str, str]:
    """Modules of the package that read each key of a recipe, as paths in it."""
    names = {"recipe", "_recipe"} if model is Recipe else {"wanted"}
    package = Path(cosmic_morphology.__file__).parent
    found: dict[str, list[str]] = {key: [] for key in model.model_fields}
    for file in sorted((package / "learn").rglob("*.py")):
        read = {
            node.attr
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
            and getattr(node.value, "id", getattr(node.value, "attr", "")) in names
        }
        for key in read & set(found):
            found[key].append(f"`{file.relative_to(package).as_posix()}`")
    return {key: ", ".join(files) for key, files in found.items()}


def columns_page() -> str:
    """Every column of every table."""
    lines = ["# Columns of the atlas", ""]
    for name, meaning in (
        ("images", "bytes and what one decode saw"),
        ("catalogue", "what is reported and derived"),
        ("decisions", "verdicts of people"),
        ("ledger", "the state of each URL"),
    ):
        lines += [f"## `{name}`: {meaning}", ""]
        rows = [(f"`{f.name}`", f"`{f.type}`") for f in _arrow_schema(name)]
        lines += _table(("column", "type"), rows)
    derived = next(
        value for key, value in vars(schema).items() if key in ("BELIEVED", "DERIVED_COLUMNS")
    )
    lines += ["## Derived columns of `catalogue`", ""]
    rows = [(f"`{c.name}`", f"`{c.type}`", c.stage, c.meaning) for c in derived]
    lines += _table(("column", "type", "written by", "meaning"), rows)
    lines += ["## Columns of exports", "", "What `cosmic atlas export` says of each image.", ""]
    rows = [(f"`{name}`", f"`{type_}`", told) for name, (type_, told) in EXPORTED.items()]
    lines += _table(("column", "type", "meaning"), rows)
    lines += ["Kinds of labels in exports:", ""]
    lines += _table(("kind", "meaning"), [(f"`{kind}`", told) for kind, told in KINDS.items()])
    return "\n".join(lines) + "\n"


def _arrow_schema(name: str) -> pa.Schema:
    names = {
        "images": ("IMAGES",),
        "catalogue": ("SAID", "REPORTED_COLUMNS"),
        "decisions": ("DECISIONS",),
        "ledger": ("LEDGER",),
    }[name]
    return next(getattr(schema, each) for each in names if hasattr(schema, each))


def exit_codes_page() -> str:
    """Exit codes and the tree of errors."""
    lines = ["# Exit codes and errors", ""]
    lines += _table(
        ("code", "meaning"),
        [
            ("0", "done"),
            ("1", "the run failed"),
            ("2", "wrong usage or bad input: one line says what, where, and what to do"),
            ("130", "stopped by Ctrl-C: run the same command again to resume"),
        ],
    )
    lines += [
        "",
        (inspect.getdoc(errors) or "")
        .replace("::\n", "\n```text", 1)
        .replace("\nEvery error says", "```\n\nEvery error says"),
    ]
    return "\n".join(lines) + "\n"


def benchmarks_page() -> str:
    """All measured numbers with their targets."""
    lines = [
        "# Benchmarks",
        "",
        (
            "Every number is made again by the command beside it "
            "(`make bench` runs them all). Intervals are 95 % intervals or the spread of the runs."
        ),
        "",
    ]
    for file in sorted((ROOT / "benchmarks" / "results").glob("*.csv")):
        lines += [f"## {file.stem}", ""]
        with file.open(encoding="utf-8", newline="") as rows:
            table = [
                (r["what"], _measured(r), r["n"], _target(r), f"`{r['command']}`")
                for r in csv.DictReader(rows)
            ]
        lines += _table(("what", "measured", "n", "target", "command"), table)
    return "\n".join(lines) + "\n"


def _measured(row: dict[str, str]) -> str:
    value = f"{float(row['value']):.4g}"
    spread = f" [{row['low']}, {row['high']}]" if row["low"] or row["high"] else ""
    missed = ""
    if row["target"]:
        hits = (
            float(row["value"]) >= float(row["target"])
            if row["better"] == "higher"
            else float(row["value"]) <= float(row["target"])
        )
        missed = "" if hits else " (missed)"
    return f"{value}{spread} {row['unit']}{missed}"


def _target(row: dict[str, str]) -> str:
    return f"{'≥' if row['better'] == 'higher' else '≤'} {row['target']}" if row["target"] else ""


def rooms() -> list[str]:
    """The packages inside the package, each a page of the reference."""
    return sorted(
        m.name
        for m in pkgutil.iter_modules(cosmic_morphology.__path__)
        if m.ispkg and m.name not in ("cli", "stats")
    )


def public_names() -> list[str]:
    """The names of the package's front."""
    return [name for name in cosmic_morphology.__all__ if not name.startswith("_")]


def api_page() -> str:
    """The public names, then the rooms."""
    lines = ["# Python interface", "", "## `import cosmic_morphology as cosmic`", ""]
    rows = []
    for name in public_names():
        doc = inspect.getdoc(getattr(cosmic_morphology, name)) or ""
        rows.append((f"[`cosmic.{name}`](name-{name})", doc.partition("\n")[0]))
    lines += _table(("name", "what it does"), rows)
    lines += _toctree([f"name-{name}" for name in public_names()], hidden=True)
    lines += [
        "Examples use `cosmic` (this package), `np` (NumPy) and `Path`; `images` is a folder of",
        "images, `catalogue` a table of them, `atlas` an atlas with them, labelled and split,",
        "`judged` the same with predictions of the run `run`; `learn` and `taxonomy` are settings.",
        "",
    ]
    lines += ["## Rooms", "", *_toctree([f"api-{room}" for room in rooms()])]
    lines += ["## Below all rooms", "", *_toctree([f"api-{module}" for module in MODULES])]
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


def _toctree(pages: list[str], *, hidden: bool = False) -> list[str]:
    return [
        "```{toctree}",
        ":maxdepth: 1",
        *([":hidden:"] if hidden else []),
        "",
        *pages,
        "```",
        "",
    ]


def _sections(model: type[BaseModel], path: str) -> list[tuple[str, type[BaseModel]]]:
    found = [(path, model)]
    for key, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            found += _sections(inner, f"{path}.{key}" if path else key)
    return found


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _models_in(each)]


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is None and inspect.isclass(annotation):
        return annotation.__name__
    return (
        str(annotation)
        .replace("typing.", "")
        .replace("pathlib._local.", "")
        .replace("pathlib.", "")
    )


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        made = field.default_factory
        return "" if inspect.isclass(made) else "from this machine"
    return _cell(field.default)


def _cell(value: Any) -> str:
    return "" if value in ("", None) else f"`{value}`"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    clean = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(row) + " |" for row in clean),
        "",
    ]
