"""Sheets of look-alikes: who gets which, one answer to all, what is counted."""

from __future__ import annotations

import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.atlas import all_decisions, latest_decisions


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "atlas", 60), tmp_path)


def claimed(client, **more):
    answer = client.post("/api/v1/sheets/claim?limit=2", json=more)
    assert answer.status_code == 200
    return answer.json()["sheets"]


def ids_of(sheets):
    return [item["id"] for sheet in sheets for item in sheet["items"]]


def test_two_people_get_different_sheets_and_what_is_passed_over_comes_on_none(served):
    bob = served.browser(authorization=f"Bearer {served.reviewers.invite('bob')}")
    mine, his = claimed(served.writer), claimed(bob)
    assert mine
    assert his
    assert not set(ids_of(mine)) & set(ids_of(his))
    assert ids_of(claimed(served.writer)) == ids_of(mine)
    first = ids_of(mine[:1])
    assert not set(first) & set(ids_of(claimed(served.writer, passed=first)))
    # Nor does the other way of reviewing give them to another.
    one_by_one = bob.post("/api/v1/queue/claim?limit=500").json()["queue"]
    assert not set(ids_of(mine)) & {each["id"] for each in one_by_one}
    assert served.reader.post("/api/v1/sheets/claim", json={}).status_code == 401
    assert served.reader.get("/api/v1/sheets").json()["sheets"]


def test_one_answer_is_a_verdict_on_each_image_but_the_exceptions(served):
    (sheet, *_) = claimed(served.writer)
    ids = ids_of([sheet])
    said = {"ids": ids, "label": "galaxy", "exceptions": {ids[0]: "", ids[1]: "comet"}}
    done = served.writer.post("/api/v1/sheets/decisions", json=said).json()
    assert (done["actions"], done["looked_at"], done["stored"]) == (3, len(ids), len(ids) - 1)
    given = latest_decisions(served.atlas)
    assert ids[0] not in given
    assert given[ids[1]].label == "comet"
    assert {given[each].label for each in ids[2:]} == {"galaxy"}
    assert {each.who for each in given.values()} == {"ann"}
    assert not set(ids[1:]) & set(ids_of(claimed(served.writer)))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"label": "moonbase"}, 400),
        ({"exceptions": {"nobody": ""}}, 400),
        ({"ids": ["nobody"]}, 404),
        ({"ids": []}, 422),
    ],
)
def test_an_answer_that_fits_no_sheet_stores_nothing(served, change, status):
    ids = ids_of(claimed(served.writer)[:1])
    said = {"ids": ids, "label": "galaxy"} | change
    assert served.writer.post("/api/v1/sheets/decisions", json=said).status_code == status
    assert served.reader.post("/api/v1/sheets/decisions", json=said).status_code in {401, 422}
    assert not all_decisions(served.atlas)


def test_files_are_kept_only_where_their_hash_stands_in_the_address(served):
    kept = served.reader.get("/static/review.js?0123456789").headers["cache-control"]
    named = served.reader.get("/static/sending.js").headers["cache-control"]
    assert ("immutable" in kept, named) == (True, "no-cache")
