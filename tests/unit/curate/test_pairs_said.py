"""People's word on two images: copies, groups and the proof of a split obey it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from served_sky import labelled_atlas
from typer.testing import CliRunner

from cosmic_morphology.atlas import ColumnProvenance, latest_decisions
from cosmic_morphology.cli import app
from cosmic_morphology.curate import (
    agreements,
    explain_label,
    find_duplicates,
    group_images,
    judge_pair,
    pairs_said,
    weigh_again,
)
from cosmic_morphology.curate.duplicates.columns import (
    Copies,
    decide_copies,
    knows_pairs_said,
    without_apart,
    write_found,
)
from cosmic_morphology.curate.duplicates.seen import read_seen
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SETTINGS = CurateSettings()


@pytest.fixture
def copied(tmp_path):
    """Six images of which the search has found the first three to be copies, in a chain."""
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    pairs = np.array([[0, 1], [1, 2]])
    found = Copies(pairs, np.array([0.99, 0.9], np.float32), 2)
    write_found(atlas, read_seen(atlas), found, ColumnProvenance("duplicate"))
    decide_copies(atlas)
    return atlas


def sets_of(atlas):
    rows = atlas.read(["id", "duplicate_of"]).sort_by("id").to_pylist()
    ids = [row["id"] for row in rows]
    return [ids.index(row["duplicate_of"]) for row in rows]


def say(atlas, verdict, one, other, who="ann"):
    ids = sorted(atlas.ids())
    judge_pair(atlas, verdict, ids[one], ids[other], who=who)
    weigh_again(atlas)
    return sets_of(atlas)


def test_what_people_say_of_pairs_counts_more_than_what_was_found(copied):
    kept = sets_of(copied)[0]
    assert sets_of(copied) == [kept, kept, kept, 3, 4, 5]
    parted = say(copied, "different", 0, 2)
    # The surer tie of the one between them holds.
    assert parted[0] == parted[1] != parted[2]
    tied = say(copied, "same", 3, 4)
    assert tied[3] == tied[4]
    assert say(copied, "best", 4, 3)[3:5] == [4, 4]
    assert say(copied, "best", 3, 4, who="bob")[3:5] == [3, 3]
    assert say(copied, "withdraw pair", 0, 2) == [kept, kept, kept, 3, 3, 5]
    # Nobody takes back what another has said, nor what is taken back already.
    ids = sorted(copied.ids())
    assert judge_pair(copied, "withdraw pair", ids[0], ids[2], who="ann") == 0
    assert say(copied, "withdraw pair", 4, 3, who="cy")[3:5] == [3, 3]
    assert say(copied, "withdraw pair", 4, 3, who="bob")[3:5] == [4, 4]


def test_groups_follow_and_a_second_round_writes_nothing(copied):
    group_images(copied, settings=SETTINGS)

    def groups():
        return copied.read(["id", "group"]).sort_by("id").column("group").to_pylist()

    before = groups()
    assert before[4] != before[5]
    say(copied, "same", 4, 5)
    assert groups()[4] == groups()[5]
    assert knows_pairs_said(copied)
    version = copied.version
    assert (weigh_again(copied), decide_copies(copied), copied.version) == (0, False, version)


def test_a_search_keeps_what_people_said(copied):
    ids = sorted(copied.ids())
    judge_pair(copied, "same", ids[4], ids[5], who="ann")
    find_duplicates(copied, settings=SETTINGS)
    assert sets_of(copied)[4] == sets_of(copied)[5]
    assert not find_duplicates(copied, settings=SETTINGS).changed


def test_the_proof_passes_over_what_people_parted_and_nothing_else(copied):
    seen = read_seen(copied)
    pairs = Copies(np.array([[1, 2], [3, 4]]), np.ones(2, np.float32), 2)
    assert len(without_apart(copied, seen, pairs).pairs) == 2
    say(copied, "different", 0, 2)
    assert without_apart(copied, seen, pairs).pairs.tolist() == [[3, 4]]


def test_a_word_on_two_images_is_no_verdict_on_one(copied):
    ids = sorted(copied.ids())
    judge_pair(copied, "same", ids[0], ids[1], who="ann")
    judge_pair(copied, "different", ids[0], ids[1], who="bob")
    assert latest_decisions(copied) == {}
    assert agreements(copied, taxonomy=load_taxonomy()) == []
    for id_ in ids[:2]:
        assert [each.verdict for each in explain_label(copied, id_).decisions] == [
            "same",
            "different",
        ]


def test_what_cannot_be_said_of_two_images(copied):
    first, second, *_ = sorted(copied.ids())
    for verdict, other in (("same", first), ("equal", second)):
        with pytest.raises(UsageError):
            judge_pair(copied, verdict, first, other, who="ann")
    with pytest.raises(InputError):
        judge_pair(copied, "same", first, "nobody", who="ann")


def test_equal_bytes_are_one_image(tmp_path, monkeypatch):
    atlas = labelled_atlas(tmp_path / "atlas", 2)
    same = pa.table({"sha256": ["a", "a"]})
    monkeypatch.setattr("cosmic_morphology.curate.review.pairs.take", lambda *_, **__: same)
    with pytest.raises(UsageError, match="same bytes"):
        judge_pair(atlas, "different", *sorted(atlas.ids()), who="ann")


def test_the_command_line_says_the_same_of_two_images(copied):
    one, other, *_ = sorted(copied.ids())
    given = ("--same", one, other, "--who", "ann", "--atlas", copied.uri, "--json")
    done = CliRunner().invoke(app, ["duplicates", *given])
    assert json.loads(done.stdout) == {"stored": 1, "who": "ann"}
    assert pairs_said(copied).same == ((one, other),)
    wrong = ("--different", one, "nobody", "--atlas", copied.uri)
    assert isinstance(CliRunner().invoke(app, ["duplicates", *wrong]).exception, InputError)
