"""Pages on what people write in TOML: settings and recipes."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

import cosmic_morphology
from cosmic_morphology.learn.recipes import Recipe, load_recipe, recipe_names
from cosmic_morphology.settings import Settings
from generate.markdown import cell, table, type_name


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
    for section, model in sections(Settings, ""):
        lines += [f"## {f'`[{section}]`' if section else 'Top level'}", ""]
        doc = inspect.getdoc(model) or ""
        lines += [doc.partition("\n")[0], ""]
        lines += _keys(model)
    return "\n".join(lines) + "\n"


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
    lines += table(("recipe", "what it is"), rows)
    for section, model in sections(Recipe, ""):
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


def _keys(model: type[BaseModel], more: dict[str, dict[str, str]] | None = None) -> list[str]:
    """The table of a section's own keys; those of inner sections have tables of their own."""
    more = more or {}
    rows = [
        (
            *(f"`{key}`", f"`{type_name(field.annotation)}`", _default(field)),
            *(field.description or "", *(column[key] for column in more.values())),
        )
        for key, field in model.model_fields.items()
        if not models_in(field.annotation)
    ]
    return table(("key", "type", "default", "meaning", *more), rows)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        made = field.default_factory
        return "" if inspect.isclass(made) else "from this machine"
    return cell(field.default)


def sections(model: type[BaseModel], path: str) -> list[tuple[str, type[BaseModel]]]:
    found = [(path, model)]
    for key, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            found += sections(inner, f"{path}.{key}" if path else key)
    return found


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in models_in(each)]
