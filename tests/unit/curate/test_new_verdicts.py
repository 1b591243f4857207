"""Which verdicts the labels do not know, and computing those labels again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from served_sky import labelled_atlas

from cosmic_morphology.curate import unweighed, weigh_again
from cosmic_morphology.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def labelled(tmp_path):
    found = labelled_atlas(tmp_path / "atlas", 6)
    assert weigh_again(found) == 0
    return found


def say(atlas, verdict, label="", minute=0, who="ann"):
    id_ = atlas.ids()[2]
    row = {"id": id_, "verdict": verdict, "label": label, "who": who, "why": ""}
    atlas.append_decisions([row | {"at": NOON + timedelta(minutes=minute)}])
    return id_


def label_of(atlas, id_):
    (row,) = atlas.read(["id", "label", "label_kind"], where=f"id = '{id_}'").to_pylist()
    return row["label"], row["label_kind"]


@pytest.mark.parametrize(
    ("verdict", "label", "becomes"),
    [("label", "galaxy", "galaxy"), ("drop", "", "irrelevant"), ("keep", "star", "star")],
)
def test_each_verdict_is_new_until_the_labels_know_it(labelled, verdict, label, becomes):
    id_ = say(labelled, verdict, label)
    assert unweighed(labelled, TAXONOMY) == 1
    assert weigh_again(labelled) == 1
    assert label_of(labelled, id_) == (becomes, "checked")
    version = labelled.version
    assert (unweighed(labelled, TAXONOMY), weigh_again(labelled)) == (0, 0)
    assert labelled.version == version


def test_a_verdict_that_was_taken_back_is_new_again(labelled):
    before = label_of(labelled, say(labelled, "drop"))
    weigh_again(labelled)
    id_ = say(labelled, "withdraw", minute=1)
    assert unweighed(labelled, TAXONOMY) == 1
    weigh_again(labelled)
    assert unweighed(labelled, TAXONOMY) == 0
    assert label_of(labelled, id_)[1] == "computed"
    assert before[1] == "computed"


def test_an_atlas_that_nobody_has_curated_is_left_alone(tmp_path, filled):
    id_ = filled.ids()[0]
    row = {"id": id_, "verdict": "drop", "label": "", "who": "ann", "why": "", "at": NOON}
    filled.append_decisions([row])
    assert weigh_again(filled) == 0
    assert "label" not in filled.table("catalogue").schema.names
