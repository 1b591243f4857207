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
