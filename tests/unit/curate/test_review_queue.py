"""The queue puts the most valuable first; one key is one verdict; two people are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from cosmic_morphology.atlas import ColumnProvenance, all_decisions, latest_decisions
from cosmic_morphology.curate.review.queue import review_queue
from cosmic_morphology.curate.review.terminal import keys_of, review
from cosmic_morphology.curate.review.verdicts import agreements
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def labelled(filled):
    """Ten images: nine sure galaxies, one doubtful comet; the last galaxy is in test."""
    ids = [f"nasa:x{n:03d}" for n in range(10)]
    sure = [0.99, 0.6, *[0.98] * 7, 0.6]
    filled.replace_columns(
        pa.table(
            {
                "id": ids,
                "label": ["galaxy", "galaxy", "comet", *["galaxy"] * 7],
                "label_confidence": pa.array([*sure[:2], 0.6, *sure[3:]], pa.float32()),
                "label_kind": ["computed"] * 10,
            }
        ),
        ColumnProvenance("labels"),
    )
    filled.replace_columns(
        pa.table({"id": ids, "split": [*["train"] * 9, "test"]}), ColumnProvenance("split")
    )
    return filled


def keys(*pressed):
    waiting = iter(pressed)
    return lambda: next(waiting)


def clock():
    ticks = iter(range(100))
    return lambda: START + timedelta(minutes=next(ticks))


def test_doubtful_rare_and_test_images_come_first(labelled):
    order = [each.id for each in review_queue(labelled, taxonomy=SIX)]
    assert set(order[:2]) == {"nasa:x009", "nasa:x002"}
    assert order[2] == "nasa:x001"
    assert order[-1] == "nasa:x000"
    assert len(review_queue(labelled, taxonomy=SIX, limit=3)) == 3


def test_a_verdict_that_settles_copies_is_worth_more_of_them(labelled):
    ids = [f"nasa:x{n:03d}" for n in range(10)]
    best = [None, None, None, *["nasa:x003"] * 7]
    labelled.replace_columns(
        pa.table(
            {
                "id": ids,
                "duplicate_of": pa.array(best, pa.string()),
                "duplicate_flag": [
                    each not in (None, one) for one, each in zip(ids, best, strict=True)
                ],
            }
        ),
        ColumnProvenance("duplicates"),
    )
    queue = review_queue(labelled, taxonomy=SIX)
    worth = {each.id: each.worth for each in queue}
    assert set(worth) == set(ids[:4])
    assert worth["nasa:x003"] == pytest.approx(7 * 2 * worth["nasa:x000"], rel=1e-4)
    assert "7 copies" in {each.id: each.reason for each in queue}["nasa:x003"]


def test_an_image_without_label_is_worth_most_and_a_decided_one_leaves_the_queue(labelled):
    first = review_queue(labelled, taxonomy=SIX)[0]
    row = {"id": first.id, "verdict": "keep", "label": "", "who": "ada", "at": START, "why": ""}
    labelled.append_decisions([row])
    assert first.id not in [each.id for each in review_queue(labelled, taxonomy=SIX)]


def test_an_atlas_without_labels_still_has_a_queue(filled):
    assert {each.reason for each in review_queue(filled, taxonomy=SIX)} == {"no label"}


def test_one_key_is_one_verdict_and_each_is_stored_at_once(labelled):
    queue = review_queue(labelled, taxonomy=SIX, limit=4)
    shown = []
    done = review(
        labelled,
        queue,
        taxonomy=SIX,
        who="ada",
        ask=keys("k", "x", "2", "d", "q"),
        show=shown.append,
        note=lambda _: None,
        now=clock(),
    )
    assert (done.given, done.finished, len(shown)) == (3, False, 4)
    kept = latest_decisions(labelled)
    assert [kept[each.id].verdict for each in queue[:3]] == ["keep", "label", "drop"]
    assert kept[queue[1].id].label == "comet"
    assert queue[3].id not in kept


def test_going_back_lets_the_later_verdict_win_and_keeps_the_earlier(labelled):
    queue = review_queue(labelled, taxonomy=SIX, limit=2)
    done = review(
        labelled,
        queue,
        taxonomy=SIX,
        who="ada",
        ask=keys("2", "u", "3", "s"),
        show=lambda _: None,
        note=lambda _: None,
        now=clock(),
    )
    assert (done.given, done.skipped, done.finished) == (1, 1, True)
    assert latest_decisions(labelled)[queue[0].id].label == "galaxy"
    assert [each.label for each in all_decisions(labelled)] == ["comet", "galaxy"]


def test_every_class_has_a_key_that_no_command_has():
    assert list(keys_of(SIX).values()) == list(SIX.names)
    assert not set(keys_of(SIX)) & set("kdsuq")


def test_two_people_are_compared_on_what_both_have_seen(filled):
    def said(who, labels):
        return [
            {
                "id": f"nasa:x{n:03d}",
                "verdict": "label" if name else "drop",
                "label": name,
                "who": who,
                "at": START,
                "why": "",
            }
            for n, name in enumerate(labels)
        ]

    filled.append_decisions(said("ada", ["comet", "comet", "star", "star", "", "galaxy"]))
    filled.append_decisions(said("bob", ["comet", "comet", "star", "comet", ""]))
    (both,) = agreements(filled, taxonomy=SIX)
    assert (both.first, both.second, both.n, both.differing) == ("ada", "bob", 5, ("nasa:x003",))
    assert both.agreed == pytest.approx(0.8)
    # Chance agreement from the margins: (2*3 + 2*1 + 1*1) / 25 = 0.36.
    assert both.kappa == pytest.approx((0.8 - 0.36) / (1 - 0.36))


def test_a_label_that_is_none_cannot_be_kept_and_unknown_keys_are_told(filled):
    notes: list[str] = []
    keys = iter("kx1q")
    done = review(
        filled,
        review_queue(filled, taxonomy=SIX),
        taxonomy=SIX,
        who="ada",
        ask=lambda: next(keys),
        show=lambda _: None,
        note=notes.append,
    )
    assert done.given == 1
    assert "no label to keep" in notes[0]
    assert notes[1].startswith("'x' is none of the keys: 1 asteroid")
    assert "k keep" in notes[1]
    (row,) = all_decisions(filled)
    assert (row.verdict, row.label) == ("label", SIX.names[0])
