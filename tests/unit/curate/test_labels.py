"""Labels: people win, voters decide, thin evidence is an abstention."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cosmic_morphology.curate.labels.assign import label
from cosmic_morphology.curate.labels.explain import explain_label
from cosmic_morphology.curate.votes.cast import vote
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.errors import InputError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
SETTINGS = CurateSettings()


def believed(atlas):
    rows = atlas.read(["id", "label", "label_kind", "label_confidence"]).to_pylist()
    return {row["id"]: row for row in rows}


def curate(atlas):
    vote(atlas, taxonomy=SIX, settings=SETTINGS)
    return label(atlas, taxonomy=SIX, settings=SETTINGS)


def decide(atlas, id_, verdict, name="", hour=1):
    at = datetime(2026, 1, 1, hour, tzinfo=UTC)
    row = {"id": id_, "verdict": verdict, "label": name, "who": "ada", "at": at, "why": "seen"}
    atlas.append_decisions([row])


def test_voters_give_a_computed_label_and_silence_none(atlas, arrival):
    atlas.add([arrival(1, title="Spiral Galaxy NGC 1350"), arrival(2, title="")])
    summary = curate(atlas)
    rows = believed(atlas)
    assert rows["nasa:x001"]["label"] == "galaxy"
    assert rows["nasa:x001"]["label_kind"] == "computed"
    assert rows["nasa:x002"]["label"] is None
    assert rows["nasa:x002"]["label_kind"] == "none"
    assert (summary.computed, summary.abstained, summary.labels["galaxy"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("verdict", "name", "expected"),
    [("label", "nebula", "nebula"), ("drop", "", "irrelevant"), ("keep", "", "galaxy")],
)
def test_people_always_win(atlas, arrival, verdict, name, expected):
    atlas.add([arrival(1, title="Spiral Galaxy NGC 1350")])
    decide(atlas, "nasa:x001", verdict, name)
    assert curate(atlas).checked == 1
    row = believed(atlas)["nasa:x001"]
    assert (row["label"], row["label_kind"], row["label_confidence"]) == (expected, "checked", 1.0)


def test_labelling_twice_changes_nothing_and_a_new_verdict_does(atlas, arrival):
    atlas.add([arrival(1, title="Comet 67P")])
    curate(atlas)
    version = atlas.version
    assert not curate(atlas).changed
    assert atlas.version == version
    decide(atlas, "nasa:x001", "label", "star")
    assert curate(atlas).changed
    assert believed(atlas)["nasa:x001"]["label"] == "star"


def test_a_verdict_of_another_taxonomy_is_counted_and_left_to_the_voters(atlas, arrival):
    atlas.add([arrival(1, title="Comet 67P")])
    decide(atlas, "nasa:x001", "label", "barred spiral")
    assert curate(atlas).unknown_classes == {"barred spiral": 1}
    assert believed(atlas)["nasa:x001"]["label"] == "comet"


def test_an_atlas_without_any_evidence_is_all_abstention(filled):
    summary = label(filled, taxonomy=SIX, settings=SETTINGS)
    assert (summary.checked, summary.computed, summary.abstained) == (0, 0, 10)


def test_two_equal_voices_against_each_other_leave_the_label_open():
    cast = [
        {"voter": "title", "label": "comet", "weight": 0.9},
        {"voter": "folder", "label": "star", "weight": 0.9},
    ]
    likely = naive_bayes_label_model([cast, [], cast[:1]], SIX.names_with_reject)
    assert likely[0].max() < 0.5
    assert likely[1].max() == pytest.approx(1 / 7)
    assert likely[2].max() == pytest.approx(0.9)
    assert likely.sum(axis=1) == pytest.approx(1)


def test_an_explanation_names_voters_reasons_and_people(atlas, arrival):
    atlas.add([arrival(1, title="Comet 67P")])
    decide(atlas, "nasa:x001", "label", "comet")
    curate(atlas)
    told = "\n".join(explain_label(atlas, "nasa:x001").lines())
    for expected in ("label: comet (checked", "object_name: title: 67p", "ada says label comet"):
        assert expected in told
    with pytest.raises(InputError, match="no such image"):
        explain_label(atlas, "nasa:o'neil")


def test_crowdlab_can_decide_in_place_of_the_stated_weights(atlas, arrival):
    said = ["Spiral Galaxy NGC 1350", "Comet 67P", "Emission Nebula IC 434", "Asteroid Vesta"]
    atlas.add([arrival(n, title=said[n % 4]) for n in range(24)])
    atlas.add([arrival(30, title="")])
    vote(atlas, taxonomy=SIX, settings=SETTINGS)
    settings = CurateSettings(votes={"label_model": "crowdlab"}, labels={"min_confidence": 0.4})
    label(atlas, taxonomy=SIX, settings=settings)
    rows = believed(atlas)
    assert [rows[f"nasa:x{n:03d}"]["label"] for n in range(4)] == [
        "galaxy",
        "comet",
        "nebula",
        "asteroid",
    ]
    assert rows["nasa:x030"]["label"] is None
