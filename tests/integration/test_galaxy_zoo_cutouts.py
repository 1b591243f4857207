"""A catalogue of Galaxy Zoo through a survey's cutouts: votes come in with the images."""

from __future__ import annotations

import pytest
from harvest_tools import gather

from cosmic_morphology.atlas import Answer, Atlas, Record
from cosmic_morphology.collect.sources.base import SkippedRecord
from cosmic_morphology.collect.sources.checked import checked
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.archives.galaxy_zoo import write_galaxy_zoo
from cosmic_morphology.replica.quirks import Quirks


def test_cutouts_of_a_catalogue_bring_the_votes_and_a_second_harvest_changes_nothing(tmp_path):
    voted = write_galaxy_zoo(tmp_path / "zoo.csv", 6, seed=2)
    atlas = Atlas.create(tmp_path / "atlas")
    options = {"table": str(tmp_path / "zoo.csv"), "size_px": 64}
    with Replica(ArchiveCatalogue.numbered(1), quirks=Quirks.none()) as replica:
        done = gather(atlas, replica.url, "skyserver", source="cutouts", options=options)
        assert (done.stored, done.left_out) == (6, {})
        again = gather(atlas, replica.url, "skyserver", source="cutouts", options=options)
        assert again.already_there == 6
    rows = {row["names"][0]: row["answers"] for row in atlas.read(["names", "answers"]).to_pylist()}
    assert set(rows) == {each.identifier for each in voted}
    for each in voted:
        found = {a["answer"]: (a["fraction"], a["people"]) for a in rows[each.identifier]}
        share, people = found["shape_elliptical"]
        assert (share, people) == (
            pytest.approx(each.fractions["elliptical"], abs=1e-3),
            each.people,
        )


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        (Answer("shape_elliptical", 1.5, 40),),
        (Answer("shape_elliptical", float("nan"), 40),),
        (Answer("shape_elliptical", 0.5, -1),),
        (Answer("shape_elliptical", 0.5, 2**31),),
        ("shape_elliptical",),
    ],
)
def test_votes_that_are_none_leave_a_record_out(wrong):
    found = checked(Record("mine", "a", answers=wrong), "mine")
    assert isinstance(found, SkippedRecord)


def test_votes_pass_the_check_of_records():
    answers = (Answer("shape_elliptical", 0.5, 40),)
    assert checked(Record("mine", "a", answers=answers), "mine").answers == answers
    record = Record("mine", "a", answers=answers)
    assert Record.from_json(record.to_json()) == record
