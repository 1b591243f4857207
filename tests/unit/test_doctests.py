"""The examples in docstrings: how many there are, that none is skipped, and that each can fail."""

from __future__ import annotations

import ast
import contextlib
import doctest
import inspect
import io
import types
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import cosmic_morphology as cosmic

SOURCE = Path(cosmic.__file__).parent
NAMES = [name for name in cosmic.__all__ if name != "__version__"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@cache
def examples_of(file: Path) -> dict[str, list[doctest.Example]]:
    """Examples of each documented thing of a module, by its dotted name."""
    found: dict[str, list[doctest.Example]] = {}

    def visit(node: Any, name: str) -> None:
        for child in node.body:
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name[0] != "_":
                inner = f"{name}.{child.name}".lstrip(".")
                text = ast.get_docstring(child, clean=False) or ""
                found[inner] = doctest.DocTestParser().get_examples(text)
                if isinstance(child, ast.ClassDef):
                    visit(child, inner)

    visit(ast.parse(file.read_text("utf-8")), "")
    return found


def all_examples() -> list[doctest.Example]:
    return [
        example
        for file in SOURCE.rglob("*.py")
        for examples in examples_of(file).values()
        for example in examples
    ]


def test_there_are_many_examples_and_none_is_skipped():
    # An import shows nothing.
    shown = [each for each in all_examples() if each.want]
    assert len(shown) >= 150
    assert not any(doctest.SKIP in example.options for example in all_examples())


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_has_an_example(name):
    value = getattr(cosmic, name)
    file = Path(inspect.getsourcefile(value))
    assert any(name in example.source for example in examples_of(file)[value.__name__]), name


def functions_with_examples() -> list[str]:
    """``module:function`` of every public function with an example."""
    return [
        f"{file.relative_to(SOURCE.parent).with_suffix('').as_posix().replace('/', '.')}:{name}"
        for file in sorted(SOURCE.rglob("*.py"))
        for name, examples in examples_of(file).items()
        if examples and "." not in name and name[0].islower()
    ]


def outcome_with(value: Any, name: str, module: Any, world: Any, folder: Path) -> int:
    """How many examples of a function fail where ``value`` stands in its place."""
    names = set()
    found = examples_of(Path(module.__file__))[name]
    for example in found:
        names |= {node.id for node in ast.walk(ast.parse(example.source)) if hasattr(node, "id")}
    parts = {each: world.copy_of(each, folder) for each in sorted(names & world.names())}
    front = types.SimpleNamespace(**{each: getattr(cosmic, each) for each in NAMES})
    if name in NAMES:
        setattr(front, name, value)
    given = {**vars(module), "np": import_module("numpy"), "Path": Path, "cosmic": front, **parts}
    test = doctest.DocTest(found, {**given, name: value}, name, None, 0, None)
    with contextlib.redirect_stdout(io.StringIO()):
        return doctest.DocTestRunner(optionflags=FLAGS).run(test).failed


@pytest.mark.long
@pytest.mark.parametrize("which", functions_with_examples())
def test_the_examples_of_a_function_fail_where_it_does_nothing(
    which, doctest_world, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    place, _, name = which.partition(":")
    module = import_module(place.removesuffix(".__init__"))
    assert outcome_with(lambda *_, **__: None, name, module, doctest_world, tmp_path), which
