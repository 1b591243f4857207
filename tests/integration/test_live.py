"""``make live``: what it asks, what it compares; here a replica stands in for the archives."""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import live

from cosmic_morphology.replica import Replica

ANSWER = {"total": 3, "items": [{"id": "a", "title": "x", "width": 5}, {"id": "b", "title": None}]}


@pytest.mark.parametrize("name", sorted(live.ASKED))
def test_an_archive_that_answers_as_the_replica_has_no_difference(name, capsys):
    with Replica(live.small_catalogue()) as archive:
        code = live.main([name, "--contact", "tests@example.org", "--root", archive.url])
        asked = list(archive.requests)
    said = capsys.readouterr().out
    assert code == 0, said
    assert "0 differences" in said
    assert 1 <= len(asked) <= 20


def test_an_archive_that_is_not_there_is_said_in_one_line(capsys):
    assert live.main(["nasa", "--root", "http://127.0.0.1:9"]) == 1
    assert "the archive could not be read" in capsys.readouterr().out


def shape_of(answer):
    found = live.Shape()
    found.add("search", answer)
    return found


def test_a_key_that_is_gone_and_a_type_that_has_changed_are_named():
    changed = deepcopy(ANSWER)
    changed["total"] = "3"
    for item in changed["items"]:
        del item["id"]
    assert sorted(live.differences(shape_of(changed), shape_of(ANSWER))) == [
        "search.items[].id: the archive has no such key",
        "search.total: text and not number",
    ]


def test_new_keys_rare_keys_and_nulls_are_no_difference():
    changed = deepcopy(ANSWER)
    changed["new"] = 1
    del changed["items"][0]["width"]
    changed["items"][1]["title"] = "y"
    assert live.differences(shape_of(changed), shape_of(ANSWER)) == []


def test_identifiers_as_keys_are_no_names():
    one, other = shape_of({"pages": {"17": {"t": "a"}}}), shape_of({"pages": {"-3": {"t": "b"}}})
    assert live.differences(one, other) == []
