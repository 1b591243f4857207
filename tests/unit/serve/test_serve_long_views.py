"""Views by person, map and likeness go on to their end, as those by a filter do."""

from __future__ import annotations

import csv
import io
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.serve import rows

N = 130


@pytest.fixture
def served(tmp_path) -> Served:
    atlas = labelled_atlas(tmp_path / "atlas", N)
    vectors = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float16)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 4)
    table = pa.table({"id": sorted(atlas.ids()), "embedding_tiny": flat})
    atlas.replace_columns(table, ColumnProvenance("embed"))
    found = Served(atlas, tmp_path)
    judge(found, sorted(atlas.ids()), "keep")
    return found


def judge(served: Served, ids: list[str], verdict: str) -> None:
    said = [{"id": each, "verdict": verdict} for each in ids]
    assert served.writer.post("/api/v1/decisions", json=said).status_code == 200


def pages(served: Served, between=lambda: None, **view) -> list[list[str]]:
    found, after = [], {}
    while True:
        answer = served.reader.get("/api/v1/images", params={**view, "limit": 50, **after}).json()
        found.append([each["id"] for each in answer["images"]])
        if answer["next"] is None:
            return found
        after = {"after": answer["next"]}
        between()


def joined(pages: list[list[str]]) -> list[str]:
    return list(chain.from_iterable(pages))


def test_all_images_that_somebody_has_judged_are_shown_page_by_page(served):
    found = pages(served, by="ann")
    assert [len(each) for each in found] == [50, 50, 30]
    assert sorted(joined(found)) == sorted(served.atlas.ids())
    html = served.reader.get("/gallery?by=ann").text
    assert f"<b>{N}</b> images" in html
    assert html.count('<li class="tile"') == 60
    assert "/gallery/more?by=ann" in html
    text = served.reader.get("/api/v1/table?by=ann").text
    assert len(list(csv.reader(io.StringIO(text)))) == N + 1


def test_verdicts_that_are_given_meanwhile_repeat_and_lose_nothing(served):
    ids = sorted(served.atlas.ids())
    found = joined(pages(served, lambda: judge(served, ids[:3], "drop"), by="ann"))
    assert len(found) == len(set(found))
    assert set(ids[3:]) <= set(found)


def test_a_last_image_that_has_left_the_view_ends_it_where_it_was(served):
    first = served.reader.get("/api/v1/images", params={"by": "ann", "limit": 50}).json()
    shown = [each["id"] for each in first["images"]]
    judge(served, shown[-1:], "withdraw")
    after = {"by": "ann", "limit": 1000, "after": first["next"]}
    rest = [
        each["id"] for each in served.reader.get("/api/v1/images", params=after).json()["images"]
    ]
    assert not set(rest) & set(shown)
    assert len(rest) >= N - 51


def test_a_part_of_the_map_is_judged_as_a_whole_when_it_has_as_many_as_were_seen(served):
    view = {"lasso": "-1,-1 2,-1 2,2 -1,2", "label": "comet"}
    there = joined(pages(served, **view))
    said = {"verdict": "drop", "expected": len(there)}
    path = "/api/v1/decisions/view"
    wrong = served.writer.post(path, params=view, json=said | {"expected": 1})
    assert wrong.status_code == 400
    given = served.writer.post(path, params=view, json=said)
    assert given.json()["stored"] == len(there) > 0
    by = served.writer.post(path, params={"like": there[0]}, json=said)
    assert by.status_code == 400


def test_the_best_matches_are_so_many_as_the_page_says(served, monkeypatch):
    monkeypatch.setattr(rows, "MOST_FOUND", 70)
    id_ = min(served.atlas.ids())
    found = pages(served, like=id_)
    assert [len(each) for each in found] == [50, 20]
    assert "The <b>70</b> best matches" in served.reader.get(f"/gallery?like={id_}").text
    words = joined(pages(served, like=id_, q="image"))
    assert words
    assert set(words) <= set(joined(found))


@pytest.mark.parametrize("after", ["x", "-1:a", "99999999999:a", "5", ":"])
def test_a_token_that_is_none_is_told(served, after):
    answer = served.reader.get("/api/v1/images", params={"by": "ann", "after": after})
    assert answer.status_code == 400
