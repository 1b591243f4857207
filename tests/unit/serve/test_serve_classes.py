"""Phrases are tried by everybody, and saved in a copy by those who may write."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
GALAXY = next(
    f"rule:{at}" for at, r in enumerate(SIX.rules) if r.label == "galaxy" and "title" in r.where
)


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "sky/atlas", 12, title="fluffball"), tmp_path)


def added(phrase: str, place: str = GALAXY) -> dict:
    return {"place": place, "phrase": phrase, "added": True}


def test_the_page_has_every_phrase_of_the_taxonomy(served):
    html = served.reader.get("/classes").text
    for at, rule in enumerate(SIX.rules):
        assert f'data-place="rule:{at}"' in html
        assert all(f"\n{each}" in html for each in rule.phrases)
    assert 'data-place="ignore"' in html
    assert 'data-place="search:comet"' in html
    assert "You are looking only" in html
    assert "You are looking only" not in served.writer.get("/classes").text


def test_counts_need_no_token_and_store_nothing(served):
    before = str(served.atlas.version)
    asked = {"changes": [added("fluffball")]}
    found = served.reader.post("/api/v1/taxonomy/effects", json=asked).json()
    id_ = min(served.atlas.ids())
    assert found == {
        "sampled": 12, "records": 12, "changed": 1, "judged": 0, "each": [1],
        "moves": [{"before": "", "after": "galaxy", "records": 1, "examples": [id_]}],
    }  # fmt: skip
    assert str(served.atlas.version) == before
    assert served.reader.post("/api/v1/taxonomy/effects", json={"changes": []}).json()["each"] == []


def test_a_copy_is_saved_beside_the_atlas_by_those_who_may_and_the_command_uses_it(
    served, tmp_path
):
    asked = {"changes": [added("fluffball")], "name": "mine"}
    assert served.reader.post("/api/v1/taxonomy/copies", json=asked).status_code == 401
    assert not list(tmp_path.rglob("*.toml"))
    saved = served.writer.post("/api/v1/taxonomy/copies", json=asked).json()
    place = tmp_path / "sky/mine.taxonomy.toml"
    assert saved["path"] == str(place)
    assert tomllib.loads(saved["setting"]) == {"taxonomy": str(place)}
    named, *command = shlex.split(saved["command"])
    assert Path(named.removeprefix("COSMIC_TAXONOMY=")) == place
    assert command == ["cosmic", "curate", "--atlas", served.atlas.uri]
    number = int(GALAXY.partition(":")[2])
    assert load_taxonomy(place).rules[number].phrases[-1] == "fluffball"
    # Saved twice is saved once, and no other file of this name is written over.
    assert served.writer.post("/api/v1/taxonomy/copies", json=asked).json() == saved
    other = served.writer.post(
        "/api/v1/taxonomy/copies", json={"changes": [added("sombrero")], "name": "mine"}
    )
    assert other.status_code == 400
    assert "another taxonomy has this name" in other.json()["error"]
    assert load_taxonomy(place).rules[number].phrases[-1] == "fluffball"


@pytest.mark.parametrize("name", ["../mine", "", "a/b", "Mine", "galaxy-zoo-1", "x" * 61, "a\n"])
def test_names_that_are_places_or_taken_are_refused(served, tmp_path, name):
    asked = {"changes": [added("fluffball")], "name": name}
    answer = served.writer.post("/api/v1/taxonomy/copies", json=asked)
    assert answer.status_code == 400
    assert "cannot be the name of a copy" in answer.json()["error"]
    assert not list(tmp_path.rglob("*.toml"))


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ([added("nebula")], 400, "speaks for both"),
        ([added("<script>", "rule:x")], 400, "no place"),
        ([added("a" * 101)], 400, "no phrase"),
        ([added(f"phrase {at}") for at in range(51)], 422, "at most 50"),
    ],
)
def test_changes_that_make_no_taxonomy_are_told_in_words(served, changes, status, words):
    answer = served.reader.post("/api/v1/taxonomy/effects", json={"changes": changes})
    assert answer.status_code == status
    assert words in answer.json()["error"]
