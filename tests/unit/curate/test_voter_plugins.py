"""Voters that other packages bring: they vote as those built in, and their faults are theirs."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from cosmic_morphology.curate import vote
from cosmic_morphology.curate.votes import voters
from cosmic_morphology.curate.votes.base import Vote
from cosmic_morphology.errors import InputError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy


def dusty(said, taxonomy):
    """A voter of a package that is not here: what is dusty is a nebula."""
    return [Vote("anything", "nebula", 0.8, "dusty")] if "dusty" in said.title else []


def raises(said, taxonomy):
    raise ZeroDivisionError("oh")


def of_no_class(said, taxonomy):
    return [Vote("x", "teapot", 0.5)]


def too_sure(said, taxonomy):
    return [Vote("x", "star", 1.0)]


def no_votes(said, taxonomy):
    return ["star"]


NOTHING = None


def plug(monkeypatch, *names, name="dust"):
    points = [EntryPoint(name, f"{__name__}:{each}", voters.GROUP) for each in names]
    monkeypatch.setattr(voters, "entry_points", lambda **_: points)


@pytest.fixture
def filled(atlas, arrival):
    atlas.add([arrival(n, title="A dusty place" if n == 0 else "A place") for n in range(3)])
    return atlas


def cast(atlas, **settings):
    return vote(atlas, taxonomy=load_taxonomy(), settings=CurateSettings(**settings))


def test_a_plug_in_votes_under_its_own_name(filled, monkeypatch):
    plug(monkeypatch, "dusty")
    done = cast(filled)
    assert done.votes["dust"] == 1
    votes = filled.read(["id", "votes"]).sort_by("id").column("votes").to_pylist()
    mine = [each for row in votes for each in row if each["voter"] == "dust"]
    assert [(each["label"], each["reason"]) for each in mine] == [("nebula", "dusty")]
    assert mine[0]["weight"] == pytest.approx(0.8)
    assert cast(filled).filled == 0


def test_without_the_plug_in_its_votes_are_cast_again_without_it(filled, monkeypatch):
    plug(monkeypatch, "dusty")
    cast(filled)
    monkeypatch.setattr(voters, "entry_points", lambda **_: [])
    done = cast(filled)
    assert done.filled == 3
    assert "dust" not in done.votes


def test_a_disabled_plug_in_is_not_even_loaded(filled, monkeypatch):
    plug(monkeypatch, "there_is_no_such_function")
    assert "dust" not in cast(filled, votes={"disabled": ("dust",)}).votes


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("there_is_no_such_function", "cannot be loaded"),
        ("NOTHING", "no function"),
        ("raises", "ZeroDivisionError: oh"),
        ("of_no_class", "'teapot', which is no class"),
        ("too_sure", "weight 1.0"),
        ("no_votes", "gave a str for a vote"),
    ],
)
def test_a_fault_of_a_plug_in_is_one_line_that_names_it(filled, monkeypatch, function, said):
    plug(monkeypatch, function)
    with pytest.raises(InputError, match=said) as caught:
        cast(filled)
    assert "dust = " in caught.value.where
    if "votes" in filled.columns():
        assert not any(filled.read(["votes"])["votes"].to_pylist())


def test_no_plug_in_takes_the_name_of_a_voter_that_is_built_in(filled, monkeypatch):
    for name in ("title", "duplicate", "run_mine"):
        plug(monkeypatch, "dusty", name=name)
        with pytest.raises(InputError, match="built in"):
            cast(filled)
