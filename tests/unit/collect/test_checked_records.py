"""What a source gives is checked part by part, and what is sound comes through whole."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

from cosmic_morphology.atlas import Answer, Record
from cosmic_morphology.collect.sources.base import SkippedRecord
from cosmic_morphology.collect.sources.checked import checked

FILLED = {
    "str": "words",
    "tuple[str, ...]": ("one", "two"),
    "tuple[Answer, ...]": (Answer("smooth-or-featured_smooth", 0.25, 40),),
}
WHOLE = Record(
    **{each.name: FILLED[each.type] for each in fields(Record) if each.type in FILLED}
    | {"source": "nasa", "page_url": "https://example.org/PIA1"}
)


def test_a_record_that_fills_every_part_comes_through_as_it_is():
    assert checked(WHOLE, "nasa") == WHOLE


@pytest.mark.parametrize("name", [each.name for each in fields(Record) if each.type in FILLED])
def test_a_part_that_is_of_another_kind_leaves_the_record_out(name: str):
    assert isinstance(checked(replace(WHOLE, **{name: 5}), "nasa"), SkippedRecord)


@pytest.mark.parametrize(
    "answer",
    [Answer("a", 1.5, 3), Answer("a", math.nan, 3), Answer("a", 0.5, -1), Answer(5, 0.5, 3), "a"],
)
def test_answers_that_nobody_can_have_given_leave_the_record_out(answer: object):
    assert isinstance(checked(replace(WHOLE, answers=(answer,)), "nasa"), SkippedRecord)
