"""The front of the package: which names there are, and that each keeps what it promises."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import cosmic_morphology as cosmic

NAMES = [name for name in cosmic.__all__ if name != "__version__"]
ROOMS = sorted(
    module.name
    for module in pkgutil.iter_modules(cosmic.__path__)
    if module.ispkg and module.name != "cli"
)
VERBS = {
    "collect", "curate", "embed", "evaluate", "explore", "export", "import", "load", "predict",
    "render", "split", "write",
}  # fmt: skip
# What people say as one word stays one; `runs` is called as the verb of the command line is.
ALONE = {"demo", "run", "runs", "train"}


def test_all_lists_the_names_in_order_and_nothing_twice():
    assert list(cosmic.__all__) == ["__version__", *sorted(cosmic._HOMES)]
    assert set(dir(cosmic)) >= set(NAMES)
    assert 20 <= len(NAMES) <= 24


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_can_be_imported_and_says_what_it_is(name):
    value = getattr(cosmic, name)
    assert callable(value)
    assert value.__name__ == name
    assert inspect.getdoc(value)


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_a_noun_in_capitals_or_a_verb_and_what_it_acts_on(name):
    if inspect.isclass(getattr(cosmic, name)):
        assert name[0].isupper()
    else:
        verb, _, noun = name.partition("_")
        assert name in ALONE or (verb in VERBS and noun)


def test_no_public_name_is_that_of_a_module():
    """Importing the module would put it in the place of the name."""
    modules = {module.name for module in pkgutil.iter_modules(cosmic.__path__)}
    assert not modules & set(NAMES)


def test_type_checkers_see_the_same_names_from_the_same_homes():
    tree = ast.parse(Path(cosmic.__file__).read_text("utf-8"))
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.asname: node.module for node in block.body for alias in node.names if alias.asname
    }
    assert seen == {name: f"cosmic_morphology.{home}" for name, home in cosmic._HOMES.items()}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'pictures'"):
        _ = cosmic.pictures


def test_the_front_is_light():
    script = "import sys, cosmic_morphology; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    heavy = {"torch", "lance", "pyarrow", "numpy", "PIL", "astropy", "matplotlib", "pandas"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_exports_is_there_and_documented(room):
    module = import_module(f"cosmic_morphology.{room}")
    assert inspect.getdoc(module)
    names = getattr(module, "__all__", ())
    assert len(set(names)) == len(names)
    for name in names:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name


@pytest.mark.parametrize("room", ROOMS)
def test_results_have_one_form(room):
    module = import_module(f"cosmic_morphology.{room}")
    for name in getattr(module, "__all__", ()):
        assert not name.endswith(("Summary", "Report", "Outcome")), f"call {name} a Result"
