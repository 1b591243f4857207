"""The reference of the site has every public name."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module

import pytest
from generate import write_all
from generate.keys import key_readers

import cosmic_morphology as cosmic
from cosmic_morphology.learn.recipes import Augmentation, Recipe

GROUND = ("errors", "settings", "taxonomy")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("reference")
    write_all(folder)
    return {file.name: file.read_text("utf-8") for file in folder.glob("*.md")}


def public_names() -> set[str]:
    """Dotted names: the front, what each room exports, and what the ground defines."""
    names = {f"cosmic_morphology.{name}" for name in cosmic.__all__ if name != "__version__"}
    rooms = [each.name for each in pkgutil.iter_modules(cosmic.__path__) if each.ispkg]
    for room in set(rooms) - {"cli", "stats"}:
        module = import_module(f"cosmic_morphology.{room}")
        names |= {f"cosmic_morphology.{room}.{name}" for name in module.__all__}
    stats = import_module("cosmic_morphology.stats")
    ground = [*GROUND, *(f"stats.{each.name}" for each in pkgutil.iter_modules(stats.__path__))]
    for place in ground:
        module = import_module(f"cosmic_morphology.{place}")
        names |= {
            f"{module.__name__}.{name}"
            for name, value in vars(module).items()
            if (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__ == module.__name__
            and not name.startswith("_")
        }
    return names


def test_every_public_name_has_a_page(pages):
    listed = {
        name
        for text in pages.values()
        for name in re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.MULTILINE)
    }
    assert public_names() - listed == set()


def test_every_page_is_in_a_table_of_contents(pages):
    entries = set(pages["api.md"].splitlines())
    for name in pages:
        if name.startswith(("api-", "name-")):
            assert name.removesuffix(".md") in entries, name


def test_the_reference_says_where_each_key_of_a_recipe_is_read(pages):
    for model in (Recipe, Augmentation):
        readers = key_readers(model)
        assert {key for key, files in readers.items() if not files} <= {"description"}
    assert "`learn/training/loop.py`" in key_readers(Recipe)["patience"]
    row = next(line for line in pages["recipes.md"].splitlines() if line.startswith("| `mixup`"))
    assert "learn/training/lightning_module.py" in row


def test_the_page_of_a_class_shows_what_its_parts_give_it(pages):
    assert "show" not in vars(cosmic.Atlas)
    assert ":inherited-members:" in pages["name-Atlas.md"]
    # Those of other libraries are documented there.
    assert ":inherited-members:" not in pages["api-settings.md"]
