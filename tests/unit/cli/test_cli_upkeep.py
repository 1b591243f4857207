"""``cosmic atlas compact``, ``index`` and ``cleanup``: what they print."""

from __future__ import annotations

import json

import pytest
from drawn_images import make_arrival
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.cli import app


@pytest.fixture
def place(atlas) -> str:
    for n in range(3):
        atlas.add([make_arrival(n)])
    return atlas.uri


def printed(*words: str) -> str:
    done = CliRunner().invoke(app, ["atlas", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("verb", ["compact", "index", "cleanup"])
def test_a_dry_run_changes_nothing_and_a_second_run_neither(place, verb):
    version = str(Atlas.open(place).version)
    assert json.loads(printed(verb, "--dry-run", "--json", "--atlas", place))["dry_run"]
    assert "would be" in printed(verb, "--dry-run", "--atlas", place).lower()
    assert str(Atlas.open(place).version) == version
    printed(verb, "--atlas", place)
    version = str(Atlas.open(place).version)
    again = printed(verb, "--atlas", place)
    assert str(Atlas.open(place).version) == version
    assert "catalogue" in again


def test_json_has_what_was_done(place):
    tables = json.loads(printed("compact", "--json", "--atlas", place))["tables"]
    assert {each["table"]: each["fragments_after"] for each in tables}["images"] == 1
    built = json.loads(printed("index", "--column", "credit", "--json", "--atlas", place))
    assert {each["done"] for each in built["indexes"]} == {"built"}
    assert built["indexes"][-1]["column"] == "credit"
    tables = json.loads(printed("cleanup", "--json", "--atlas", place))["tables"]
    assert {each["removed"] for each in tables} == {0}


def test_a_search_says_nothing_of_an_index_that_is_there(place):
    CliRunner().invoke(app, ["atlas", "index", "--atlas", place])
    done = CliRunner().invoke(app, ["atlas", "search", "image", "--atlas", place])
    assert "no full-text index" not in done.output
    assert "3 rows" in done.output


def test_at_least_one_day_is_kept(place):
    done = CliRunner().invoke(app, ["atlas", "cleanup", "--keep-days", "0", "--atlas", place])
    assert done.exit_code == 2
