"""Docstrings of public names by the rules of numpydoc; `make check` has those of all others."""

from __future__ import annotations

import ast
import builtins
import re
import tomllib
from pathlib import Path

import pytest
from numpydoc.hooks.validate_docstrings import run_hook
from numpydoc.validate import validate

import cosmic_morphology as cosmic

NAMES = [name for name in cosmic.__all__ if name != "__version__"]
ROOT = Path(__file__).parents[2]
SOURCE = Path(cosmic.__file__).parent
# What pyproject.toml switches off and is asked of the front of the package.
ASKED_OF_THE_FRONT = {"EX01", "GL08", "PR01", "PR03", "PR04", "PR07", "RT01", "RT03", "YD01"}


def switched_off() -> set[str]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return set(tool["numpydoc_validation"]["checks"]) - {"all"}


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_documents_parameters_results_and_has_an_example(name):
    allowed = switched_off() - ASKED_OF_THE_FRONT
    if isinstance(getattr(cosmic, name), type):
        # A dataclass documents its parameters as attributes.
        allowed |= {"PR01"}
    found = [(code, text) for code, text in validate(f"cosmic_morphology.{name}")["errors"]]
    assert [each for each in found if each[0] not in allowed] == []


BAD = '''def f(x):
    """Do it.

    Parameters
    ----------
    y : int
        A number.
    """
'''


def test_the_rules_see_a_parameter_that_is_not_there(tmp_path, capsys):
    file = tmp_path / "bad.py"
    file.write_text(BAD)
    assert run_hook([str(file)], config=str(ROOT)) == 1
    assert "PR02" in "".join(capsys.readouterr())


def test_types_in_docstrings_are_types_that_there_are():
    """A renamed class stays behind in the docstrings of others, where nothing looks for it."""
    known, documented = set(dir(builtins)) | {"Tensor", "Module"}, []
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                known.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                known.add(node.id)
            elif isinstance(node, ast.alias):
                known.add(node.asname or node.name)
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                documented += [(file.name, node.name, ast.get_docstring(node) or "")]
    unknown = [
        (*place, name)
        for *place, text in documented
        for types in re.findall(r"^\w[\w, ]* : (.*)$", text, re.MULTILINE)
        for name in re.findall(r"(?<![\w.])[A-Z]\w+(?![\w.])", re.sub(r"``.*?``", "", types))
        if name not in known
    ]
    assert unknown == []


def classes_of_the_package() -> dict[str, list[ast.ClassDef]]:
    found: dict[str, list[ast.ClassDef]] = {}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def attributes_of(node: ast.ClassDef, classes: dict[str, list[ast.ClassDef]]) -> set[str]:
    """Fields, methods, and what methods set, with those of its bases in the package."""
    found = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            found.add(each.attr)
    for base in node.bases:
        name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        for other in classes.get(name, ()):
            found |= attributes_of(other, classes) if other is not node else set()
    return found


def test_attributes_in_docstrings_are_attributes_of_the_class():
    """A renamed field stays behind in the docstring, where no checker looks for it."""
    classes, checked, unknown = classes_of_the_package(), 0, []
    for node in (node for nodes in classes.values() for node in nodes):
        text = ast.get_docstring(node) or ""
        section = re.search(
            r"^Attributes\n-+\n(.*?)(?=^\w.*\n-+$|\Z)", text, re.MULTILINE | re.DOTALL
        )
        for names in re.findall(r"^(\w[\w, ]*) : ", section[1] if section else "", re.MULTILINE):
            checked += 1
            there = attributes_of(node, classes)
            unknown += [(node.name, name) for name in names.split(", ") if name not in there]
    assert checked > 100
    assert unknown == []


def test_names_in_running_text_are_names_that_there_are():
    """``Atlas.withdraw`` and ``:func:`x``` of docstrings and pages."""
    classes = classes_of_the_package()
    sources = {file: file.read_text("utf-8") for file in SOURCE.rglob("*.py")}
    pages = [*(ROOT / "docs").glob("*/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    defined = set(
        re.findall(
            r"(?:def|class) (\w+)|^ *(\w+)(?:: .*)? = ", "\n".join(sources.values()), re.MULTILINE
        )
    )
    defined = {name for pair in defined for name in pair} | set(dir(builtins))
    unknown = []
    for file, text in {**sources, **{page: page.read_text("utf-8") for page in pages}}.items():
        for owner, name in re.findall(r"`(?:[\w.]*\.)?([A-Z]\w+)\.(\w+)(?:\(.*?\))?`", text):
            nodes = classes.get(owner, ())
            if nodes and not any(name in attributes_of(node, classes) for node in nodes):
                unknown.append((file.name, f"{owner}.{name}"))
        for target in re.findall(r":(?:meth|func|class|attr|data):`~?\.*([\w.]+)`", text):
            if target.startswith(("cosmic", "_")) or "." not in target:
                name = target.rpartition(".")[2]
                unknown += [] if name in defined else [(file.name, target)]
    assert unknown == []
