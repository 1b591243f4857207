"""Verdicts: shared lines, agreement, withdrawal, whole views, tables."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.atlas import ColumnProvenance, all_decisions, latest_decisions
from cosmic_morphology.serve.review_line import ReviewLine
from cosmic_morphology.serve.served_atlas import ServedAtlas


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "atlas", 20), tmp_path)


def second(served, name="bob"):
    return served.browser(authorization=f"Bearer {served.reviewers.invite(name)}")


def ids_of(answer):
    return [each["id"] for each in answer.json()["queue"]]


def test_two_reviewers_never_get_the_same_image(served):
    bob = second(served)
    mine = ids_of(served.writer.post("/api/v1/queue/claim?limit=8"))
    his = ids_of(bob.post("/api/v1/queue/claim?limit=8"))
    assert len(mine) == len(his) == 8
    assert not set(mine) & set(his)
    assert ids_of(served.writer.post("/api/v1/queue/claim?limit=8")) == mine
    assert served.reader.post("/api/v1/queue/claim").status_code == 401
    # What is claimed is still seen by those who only look.
    assert set(mine) <= set(ids_of(served.reader.get("/api/v1/queue?limit=20")))


def test_what_is_claimed_and_left_comes_back_after_ten_minutes(served):
    clock = [0.0]
    line = ReviewLine(ServedAtlas(served.settings), now=lambda: clock[0])
    mine = [each.id for each in line.claim("ann", 5)]
    assert not set(mine) & {each.id for each in line.claim("bob", 5)}
    clock[0] = 601.0
    assert [each.id for each in line.claim("cy", 5)] == mine


def test_images_come_a_second_time_only_for_agreement(served):
    bob = second(served)
    (first, *_) = ids_of(served.writer.post("/api/v1/queue/claim?limit=3"))
    served.writer.post("/api/v1/decisions", json=[{"id": first, "verdict": "drop"}])
    assert first not in ids_of(bob.post("/api/v1/queue/claim?limit=50"))
    assert ids_of(bob.post("/api/v1/queue/claim?again=true")) == [first]
    bob.post("/api/v1/decisions", json=[{"id": first, "verdict": "label", "label": "star"}])
    (both,) = served.reader.get("/api/v1/agreement").json()["agreements"]
    assert (both["n"], both["agreed"]) == (1, 0.0)
    assert ids_of(bob.post("/api/v1/queue/claim?again=true")) == []


def test_a_verdict_that_is_withdrawn_counts_no_more_and_stays_in_the_history(served):
    (first, *_) = ids_of(served.writer.post("/api/v1/queue/claim?limit=3"))
    give = lambda **said: served.writer.post("/api/v1/decisions", json=[{"id": first, **said}])  # noqa: E731
    give(verdict="label", label="star")
    give(verdict="drop")
    assert latest_decisions(served.atlas)[first].verdict == "drop"
    give(verdict="withdraw")
    assert latest_decisions(served.atlas)[first].label == "star"
    give(verdict="withdraw")
    assert first not in latest_decisions(served.atlas)
    assert len(all_decisions(served.atlas)) == 4
    assert first in ids_of(served.reader.get("/api/v1/queue?limit=20"))
    # Nobody takes back what another has said.
    second(served).post("/api/v1/decisions", json=[{"id": first, "verdict": "keep"}])
    give(verdict="withdraw")
    assert latest_decisions(served.atlas)[first].who == "bob"


def test_a_whole_view_gets_a_verdict_only_as_it_was_seen(served):
    said = {"verdict": "label", "label": "galaxy", "expected": 6}
    wrong = served.writer.post("/api/v1/decisions/view?label=comet", json=said)
    assert wrong.status_code == 400
    assert "7 images now" in wrong.json()["error"]
    done = served.writer.post("/api/v1/decisions/view?label=comet", json=said | {"expected": 7})
    assert done.json()["stored"] == len(done.json()["ids"]) == 7
    assert {each.label for each in latest_decisions(served.atlas).values()} == {"galaxy"}
    html = served.reader.get("/gallery?label=comet").text
    assert html.count("ann: galaxy") == 7
    assert served.reader.post("/api/v1/decisions/view", json=said).status_code == 401
    assert served.writer.post("/api/v1/decisions/view?q=x", json=said).status_code == 400


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_tables_of_a_view_and_of_chosen_images_say_who_and_whose(served, kind):
    ids = sorted(served.atlas.ids())
    served.writer.post("/api/v1/decisions", json=[{"id": ids[0], "verdict": "keep"}])

    def read(answer):
        assert answer.status_code == 200
        assert f"images.{kind}" in answer.headers["content-disposition"]
        if kind == "csv":
            return list(csv.DictReader(io.StringIO(answer.text)))
        return answer.json() if kind == "json" else pq.read_table(
            io.BytesIO(answer.content)
        ).to_pylist()  # fmt: skip

    rows = read(served.reader.get(f"/api/v1/table?label=comet&format={kind}"))
    assert len(rows) == 7
    by_id = {row["id"]: row for row in rows}
    assert (by_id[ids[0]]["kind"], by_id[ids[0]]["by"]) == ("checked", "ann")
    assert by_id[ids[3]]["kind"] == "computed"
    chosen = read(served.reader.post(f"/api/v1/table?format={kind}", json=[ids[5], ids[1]]))
    assert [row["id"] for row in chosen] == [ids[5], ids[1]]
    empty = read(served.reader.get(f"/api/v1/table?label=moon&format={kind}"))
    assert empty == []


def test_a_table_holds_no_formula_of_a_stranger(tmp_path):
    served = Served(labelled_atlas(tmp_path / "a", 3, title='=HYPERLINK("http://x","y")'), tmp_path)
    assert ",=HYPER" not in served.reader.get("/api/v1/table").text
    assert '"=HYPER' not in served.reader.get("/api/v1/table").text


def test_evidence_marks_the_words_that_voters_read(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 3, description="A <b>bright</b> Comet passes")
    served = Served(atlas, tmp_path)
    id_ = next(each for each in atlas.ids() if each.endswith("x000"))
    html = served.reader.get(f"/review/evidence?id={id_}").text
    assert "title: comet" in html
    assert "&lt;b&gt;bright" in html
    assert served.reader.get("/review/evidence?id=none").status_code == 404


def test_a_label_that_is_none_cannot_be_kept(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    first, second, *_ = ids = sorted(atlas.ids())
    open_ = pa.table({"id": ids, "label": [None, *["star"] * 5]})
    atlas.replace_columns(open_, ColumnProvenance("labels"))
    served = Served(atlas, tmp_path)
    for asked in ([first], [second, first], ids):
        said = [{"id": id_, "verdict": "keep"} for id_ in asked]
        answer = served.writer.post("/api/v1/decisions", json=said)
        assert answer.status_code == 400
        assert f"{first}: 1 of {len(asked)} images have no label to keep" in answer.json()["error"]
    view = served.writer.post("/api/v1/decisions/view", json={"verdict": "keep", "expected": 6})
    assert view.status_code == 400
    assert "no label to keep" in view.json()["error"]
    assert not all_decisions(atlas)
    assert "keep the label" not in served.writer.get(f"/image/{first}").text
    assert "keep the label" in served.writer.get(f"/image/{second}").text
    # A class that is named, and a label that is there, are something to keep.
    said = [{"id": first, "verdict": "keep", "label": "star"}, {"id": second, "verdict": "keep"}]
    assert served.writer.post("/api/v1/decisions", json=said).json() == {"stored": 2}
