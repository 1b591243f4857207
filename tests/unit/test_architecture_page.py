"""The architecture page names what is there, and all exceptions to the sizes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cosmic_morphology

SOURCE = Path(cosmic_morphology.__file__).parent
ROOT = SOURCE.parents[1]
PAGE = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
PROMISES = (ROOT / "docs/explanation/promises.md").read_text("utf-8")
MOST_LINES, MOST_MODULES = 330, 15
NAMED = sorted(set(re.findall(r"`((?:\w+/)+(?:[\w*]+\.\w+)?|\w+\.(?:py|toml))`", PAGE)))


def test_the_page_names_many_places():
    assert len(NAMED) > 20


@pytest.mark.parametrize("name", NAMED)
def test_every_place_that_the_page_names_is_there(name):
    places = [SOURCE / name, ROOT / name]
    assert any(place.exists() or list(place.parent.glob(place.name)) for place in places)


def test_every_test_that_holds_a_promise_is_named_by_its_whole_path():
    named = re.findall(r"`((?:[\w/]*/)?(?:test|trust)_\w+(?:\.py)?(?:::\w+)?)`", PROMISES)
    assert len(named) > 40
    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        if function:
            assert f"def {function}(" in (ROOT / path).read_text("utf-8"), name


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("BUILT_IN", "collect/sources/__init__.py"),
        ("POLITE_PER_S", "collect/http/host_limiter.py"),
        ("PAINTERS", "synthesize/renderer.py"),
        ("thumbnail_side_px", "settings/stages.py"),
        ("is_stale", "atlas/stage.py"),
        ("def sentence", "evaluate/judgement.py"),
        ("exit_code", "errors.py"),
        ("def main", "cli/__init__.py"),
        (".judgement.sentence()", "report/templates/report_results.html.j2"),
    ],
)
def test_what_the_page_says_to_look_for_stands_there(name, place):
    assert place in PAGE
    assert name in (SOURCE / place).read_text("utf-8")


def test_every_package_stands_in_the_tree_of_the_page():
    tree = PAGE.partition("## Rooms")[2].partition("Imports go one way")[0]
    shown = set(re.findall(r"^ +(\w+)/ ", tree, re.MULTILINE))
    packages = {file.parent.name for file in SOURCE.rglob("__init__.py")} - {SOURCE.name}
    assert packages - {"nasa", "folder"} == shown


def test_modules_longer_than_the_rule_are_listed_with_their_reason():
    listed = set(re.findall(r"^\| `([\w/.]+\.py)` \|", PAGE, re.MULTILINE))
    too_long = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if len(file.read_text("utf-8").splitlines()) > MOST_LINES
    }
    assert too_long == listed


def test_no_folder_has_more_modules_than_the_rule():
    folders = {file.parent for file in SOURCE.rglob("*.py")} - {SOURCE / "cli"}
    crowded = {
        str(folder.relative_to(SOURCE)): len(modules)
        for folder in folders
        if len(modules := [m for m in folder.glob("*.py") if m.name != "__init__.py"])
        > MOST_MODULES
    }
    assert crowded == {}
