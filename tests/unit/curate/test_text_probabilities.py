"""What the texts of a record say alone: the column that models hear beside the pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cosmic_morphology.atlas import Record
from cosmic_morphology.curate import label, vote
from cosmic_morphology.curate.votes.label_model import text_probabilities
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
CLASSES = SIX.names_with_reject


def cast(voter: str, label: str, weight: float = 0.9) -> dict:
    return {"voter": voter, "label": label, "weight": weight, "reason": ""}


def of(*votes: dict) -> list[float] | None:
    return text_probabilities([list(votes)], CLASSES).to_pylist()[0]


@pytest.mark.parametrize(
    "voter", ["folder", "search_word", "duplicate", "image", "zero_shot", "run_probe", "plugged"]
)
def test_only_texts_are_heard(voter):
    assert of(cast(voter, "comet")) is None
    title = cast("title", "galaxy")
    assert of(title, cast(voter, "comet")) == of(title)


def test_probabilities_sum_to_one_and_favour_what_is_said():
    found = np.array(of(cast("title", "galaxy"), cast("lead", "galaxy"), cast("text", "star")))
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert CLASSES[int(found.argmax())] == "galaxy"
    assert (found > 0).all()


def test_no_verdict_of_a_person_moves_what_the_texts_say(atlas, arrival):
    atlas.add([arrival(n, title="A spiral galaxy") for n in range(4)])
    settings = CurateSettings()
    vote(atlas, taxonomy=SIX, settings=settings)
    before = atlas.read(["id", "text_probabilities"]).sort_by("id")
    at = np.datetime64("2026-11-28T00:00:00").astype("datetime64[us]").item()
    ids = atlas.ids()
    verdicts = [
        {"id": each, "verdict": "label", "label": "comet", "who": "ann", "at": at, "why": ""}
        for each in ids[:3]
    ]
    atlas.append_decisions(verdicts)
    vote(atlas, taxonomy=SIX, settings=settings)
    label(atlas, taxonomy=SIX, settings=settings)
    assert atlas.read(["id", "text_probabilities"]).sort_by("id").equals(before)


def test_another_text_is_another_opinion_and_silence_is_null(atlas, arrival):
    atlas.add([arrival(0, title="A spiral galaxy"), arrival(1, title="IMG 0001")])
    vote(atlas, taxonomy=SIX, settings=CurateSettings())

    def said() -> list:
        return atlas.read(["id", "text_probabilities"]).sort_by("id")[1].to_pylist()

    spoken, silent = said()
    assert silent is None
    assert CLASSES[int(np.argmax(spoken))] == "galaxy"
    first = atlas.read(["source", "source_id"]).sort_by("source_id").to_pylist()[0]
    atlas.upsert_records([Record(first["source"], first["source_id"], title="Comet Halley")])
    assert said()[0] is None
    vote(atlas, taxonomy=SIX, settings=CurateSettings())
    assert CLASSES[int(np.argmax(said()[0]))] == "comet"
