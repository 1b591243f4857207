"""Sheets of look-alikes: one suggested label, one action for all, exceptions singly."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from drawn_images import make_arrival

from cosmic_morphology.atlas import ColumnProvenance, all_decisions, latest_decisions
from cosmic_morphology.curate.review.queue import review_queue
from cosmic_morphology.curate.review.sheets import review_sheets, sheet_verdicts
from cosmic_morphology.curate.review.terminal_sheets import review_sheets_in_terminal
from cosmic_morphology.errors import UsageError
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
AT = datetime(2026, 1, 1, tzinfo=UTC)
N = 40
IDS = [f"nasa:x{n:03d}" for n in range(N)]


@pytest.fixture
def two_kinds(atlas):
    """Comets in front, galaxies behind; even ones look like even ones, odd like odd ones."""
    atlas.add([make_arrival(n, queries=()) for n in range(N)])
    labels = ["comet" if n < 30 else "galaxy" for n in range(N)]
    sure = pa.array(np.linspace(0.3, 0.9, N), pa.float32())
    kinds = ["computed"] * N
    columns = {"id": IDS, "label": labels, "label_confidence": sure, "label_kind": kinds}
    atlas.replace_columns(pa.table(columns), ColumnProvenance("labels"))
    looks = np.array([[1.0, 0.0] if n % 2 else [0.0, 1.0] for n in range(N)], np.float16)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(looks.ravel()), 2)
    field = pa.field("embedding_net", pa.list_(pa.float16(), 2))
    table = pa.table([pa.array(IDS), vectors], schema=pa.schema([("id", pa.string()), field]))
    atlas.replace_columns(table, ColumnProvenance("embed"))
    return atlas


def pressing(*keys):
    waiting = iter(keys)
    return lambda: next(waiting)


def answered(atlas, sheets, *keys):
    shown, notes = [], []
    done = review_sheets_in_terminal(
        atlas,
        sheets,
        taxonomy=SIX,
        who="ada",
        ask=pressing(*keys),
        show=shown.append,
        note=notes.append,
        now=lambda: AT,
    )
    return done, shown, notes


def test_a_sheet_holds_look_alikes_with_one_suggested_label(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX, size=6)
    labels = {row["id"]: row["label"] for row in two_kinds.read(["id", "label"]).to_pylist()}
    for sheet in sheets:
        assert {labels[item.id] for item in sheet.items} == {sheet.suggested}
        assert len(sheet.items) <= 6
    first = sheets[0].items
    assert len({int(item.id[-1]) % 2 for item in first}) == 1
    assert first[0].id == review_queue(two_kinds, taxonomy=SIX, limit=1)[0].id


def test_every_waiting_image_is_on_one_sheet_and_the_most_valuable_come_first(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX)
    assert sorted(item.id for sheet in sheets for item in sheet.items) == IDS
    assert max(len(sheet.items) for sheet in sheets) == 24
    worths = [sheet.worth for sheet in sheets]
    assert worths == sorted(worths, reverse=True)
    assert len(review_sheets(two_kinds, taxonomy=SIX, limit=1)) == 1


def test_judged_images_are_on_no_sheet(two_kinds):
    first = review_sheets(two_kinds, taxonomy=SIX, limit=1)[0]
    two_kinds.append_decisions(sheet_verdicts(first, "comet", {}, taxonomy=SIX, who="ada", at=AT))
    left = [item.id for sheet in review_sheets(two_kinds, taxonomy=SIX) for item in sheet.items]
    assert len(left) == N - len(first.items)
    assert not {item.id for item in first.items} & set(left)


def test_without_embeddings_or_labels_there_are_sheets_too(filled):
    sheets = review_sheets(filled, taxonomy=SIX)
    assert [(sheet.suggested, len(sheet.items)) for sheet in sheets] == [("", 10)]


def test_the_suggested_class_is_that_of_the_check_else_of_the_label_else_of_the_votes(two_kinds):
    open_ = IDS[0]
    vote = {"voter": "title", "label": "nebula", "weight": 0.9, "reason": ""}
    two_kinds.replace_columns(
        pa.table({"id": IDS, "votes": [[vote] if each == open_ else [] for each in IDS]}),
        ColumnProvenance("votes"),
    )
    labels = pa.array([None, *["comet"] * (N - 1)], pa.string())
    two_kinds.replace_columns(pa.table({"id": IDS, "label": labels}), ColumnProvenance("labels"))
    rather = pa.array(["star" if each == IDS[1] else None for each in IDS], pa.string())
    two_kinds.replace_columns(
        pa.table({"id": IDS, "suggested_label": rather}), ColumnProvenance("mislabel")
    )
    sheets = review_sheets(two_kinds, taxonomy=SIX, size=N)
    on = {sheet.suggested: [item.id for item in sheet.items] for sheet in sheets}
    assert (on["nebula"], on["star"], len(on["comet"])) == ([open_], [IDS[1]], N - 2)


def test_one_action_answers_for_all_and_exceptions_singly(two_kinds):
    sheet = review_sheets(two_kinds, taxonomy=SIX, limit=1)[0]
    ids = [item.id for item in sheet.items]
    rows = sheet_verdicts(
        sheet,
        "comet",
        {ids[0]: "star", ids[1]: SIX.reject, ids[2]: ""},
        taxonomy=SIX,
        who="ada",
        at=AT,
    )
    two_kinds.append_decisions(rows)
    kept = latest_decisions(two_kinds)
    assert kept[ids[0]].label == "star"
    assert (kept[ids[1]].verdict, kept[ids[1]].label) == ("drop", "")
    assert ids[2] not in kept
    assert {kept[each].label for each in ids[3:]} == {"comet"}
    assert kept[ids[3]].why == f"on a sheet of {len(ids)}"


@pytest.mark.parametrize(
    ("label", "exceptions", "says"),
    [
        ("commet", {}, "'commet' is not a class.*comet"),
        ("", {}, "'' is not a class"),
        ("comet", {IDS[0]: "quasar"}, "'quasar' is not a class"),
        ("comet", {"nasa:else": "star"}, "not on the sheet"),
    ],
)
def test_an_answer_that_means_nothing_is_refused_whole(two_kinds, label, exceptions, says):
    (sheet,) = review_sheets(two_kinds, taxonomy=SIX, size=N)[:1]
    exceptions = {sheet.items[0].id if id_ == IDS[0] else id_: name
                  for id_, name in exceptions.items()}  # fmt: skip
    with pytest.raises(UsageError, match=f"(?s){says}"):
        sheet_verdicts(sheet, label, exceptions, taxonomy=SIX, who="ada", at=AT)


def test_actions_and_images_looked_at_are_counted_apart(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX)
    star = str(1 + SIX.names.index("star"))
    done, shown, _ = answered(two_kinds, sheets, "e", "b", star, "k", "q")
    size = len(sheets[0].items)
    assert (done.given, done.actions, done.looked) == (size, 2, size + len(sheets[1].items))
    assert (done.finished, len(shown)) == (False, 2)
    assert latest_decisions(two_kinds)[sheets[0].items[1].id].label == "star"


def test_keys_take_back_pass_over_and_name_another_class_for_all(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX)[:2]
    star = str(1 + SIX.names.index("star"))
    keys = ["e", "a", "d", "u", "e", "?", "e", "b", "?", "e", "c", "s", star, "u", "s", "s"]
    done, shown, notes = answered(two_kinds, sheets, *keys)
    assert (done.finished, done.skipped, len(shown)) == (True, 2, 4)
    kept = latest_decisions(two_kinds)
    ids = [item.id for item in sheets[0].items]
    assert ids[2] not in kept
    assert {kept[each].label for each in ids if each != ids[2]} == {"star"}
    assert done.actions == 2
    assert "there is no such image on the sheet" in notes


def test_a_second_answer_to_a_sheet_wins_and_both_are_kept(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX)[:2]
    done, _, _ = answered(two_kinds, sheets, "k", "u", "d", "q")
    first = [item.id for item in sheets[0].items]
    assert {latest_decisions(two_kinds)[each].verdict for each in first} == {"drop"}
    assert len(all_decisions(two_kinds)) == 2 * len(first)
    assert (done.given, done.actions) == (len(first), 2)


def test_what_nothing_suggests_cannot_be_confirmed(filled):
    sheets = review_sheets(filled, taxonomy=SIX)
    done, _, notes = answered(filled, sheets, "k", "d")
    assert "nothing is suggested" in notes[0]
    assert (done.given, done.actions) == (10, 1)
    assert {each.verdict for each in latest_decisions(filled).values()} == {"drop"}


def test_a_key_that_is_none_says_which_there_are(two_kinds):
    sheets = review_sheets(two_kinds, taxonomy=SIX)
    done, _, notes = answered(two_kinds, sheets, "x", "9", "e", "a", "x", "q")
    assert (done.given, done.actions) == (0, 0)
    for said, key in zip(notes, "x9", strict=False):
        assert said.startswith(f"{key!r} is none of the keys: 1 asteroid")
        assert "e an exception" in said
    assert notes[-1].startswith("'x' names no class")
