"""Phrases are found by their first words, and exactly as one expression of all would find them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.curate.text.phrases import Phrases, plain
from cosmic_morphology.taxonomy import load_taxonomy

WORDS = (
    "a",
    "ab",
    "abc",
    "b-c",
    "a*",
    "ab*",
    "star",
    "star*burst",
    "x/2",
    "3d",
    "é",
    "c*d*",
    "*",
    "-a",
)
PARTS = ("a", "b", "c", "abc", "star", "burst", " ", "  ", "-", "/2", "x", ".", "é", "3", "d", "\n")


def found_by_one_expression(phrases: list[str], text: str) -> list[tuple[str, int, int]]:
    longest_first = sorted(set(phrases), key=lambda each: (-len(each), each))
    patterns = [
        r"[\s-]+".join(re.escape(word).replace(r"\*", r"\w*") for word in each.split())
        for each in longest_first
    ]
    any_of = "|".join(f"({pattern})" for pattern in patterns)
    matches = re.finditer(rf"(?<!\w)(?:{any_of})(?!\w)", text) if phrases else ()
    return [(longest_first[match.lastindex - 1], match.start(), match.end()) for match in matches]


def found(phrases: list[str], text: str) -> list[tuple[str, int, int]]:
    return [(each.phrase, each.start, each.end) for each in Phrases(phrases).find(text)]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), max_size=6),
    st.lists(st.sampled_from(PARTS), max_size=14).map("".join),
)
def test_first_words_find_what_one_expression_of_all_finds(phrases: list[str], text: str) -> None:
    assert found(phrases, text) == found_by_one_expression(phrases, text)


def test_the_taxonomys_own_phrases_are_found_as_before() -> None:
    phrases = [each for rule in load_taxonomy().rules for each in rule.phrases]
    text = plain(
        "An artist's concept of the spiral galaxy M 51: star-forming nebulae, a planetary nebula, "
        "comets and the Hubble Space Telescope; astronauts aboard, Jupiter's moons: Andromède."
    )
    assert found(phrases, text) == found_by_one_expression(phrases, text) != []


def test_equal_taxonomies_have_one_hash_and_others_another() -> None:
    mine, same = load_taxonomy(), load_taxonomy().model_copy()
    assert (hash(mine), mine) == (hash(same), same)
    assert hash(mine) != hash(mine.model_validate({**mine.model_dump(), "reject": "junk",
                                                   "rules": ()}))  # fmt: skip
