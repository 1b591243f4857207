"""A planet that is named as the owner of a moon is not what the image shows."""

from __future__ import annotations

import pytest

from cosmic_morphology.curate.text.owners import without_owners
from cosmic_morphology.curate.votes.source_voters import object_name_votes
from cosmic_morphology.curate.votes.text_voters import title_votes
from cosmic_morphology.curate.votes.voters import SourceText
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()


def named(title: str) -> set[str]:
    said = SourceText(title=title)
    return {vote.label for vote in (*object_name_votes(said, SIX), *title_votes(said, SIX))}


@pytest.mark.parametrize(
    "title",
    [
        "Jupiter's moon Europa up close",
        "Neptune\u2019s large moon Triton",
        "Miranda, moon of Uranus",
        "Phobos: Moon over Mars",
        "Enceladus, a moon orbiting Saturn",
    ],
)
def test_a_moon_is_named_by_what_the_image_shows(title: str) -> None:
    assert named(title) == {"irrelevant"}


@pytest.mark.parametrize(
    "title",
    ["Jupiter and its moons", "Saturn's rings", "Mars's moons and Mars", "Storms of Jupiter"],
)
def test_a_planet_that_is_shown_keeps_its_vote(title: str) -> None:
    assert "planet" in named(title)


@pytest.mark.parametrize("title", ["The Moon", "A moon of ice", "Moon over the sea", ""])
def test_other_titles_stay(title: str) -> None:
    assert without_owners(title) == title
