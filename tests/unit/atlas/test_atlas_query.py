"""Counting, paging, taking, searching and streaming rows of an atlas."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from drawn_images import make_arrival
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cosmic_morphology.atlas import Atlas, ColumnProvenance, query
from cosmic_morphology.atlas.maintenance import index_columns
from cosmic_morphology.errors import InputError, UsageError

SCORES = [0.5, None, 0.5, 0.9, math.nan, 0.1, 0.5, 1.0, None, 0.9]
LABELS = ["comet", "comet", "star", "comet", None, "star", "comet", "star", "it's", "comet"]


@pytest.fixture(scope="module", params=["without an index", "indexed"])
def scored(request, tmp_path_factory) -> Atlas:
    """Ten images with scores, labels and titles; one record has no image."""
    atlas = Atlas.create(tmp_path_factory.mktemp("atlas") / "atlas")
    titles = ["Dust lane of a galaxy", "The dusty comet", "A lane in Dust", "Galaxies"]
    arrivals = [make_arrival(n, title=titles[n] if n < 4 else f"image {n}") for n in range(10)]
    atlas.add(arrivals[:9])
    atlas.upsert_records([arrivals[9].record])
    ids = [each.record.id for each in arrivals]
    rows = pa.table(
        {
            "id": ids,
            "label": pa.array(LABELS, pa.string()),
            "label_confidence": pa.array(SCORES, pa.float32()),
        }
    )
    atlas.replace_columns(rows, ColumnProvenance("labels"))
    if request.param == "indexed":
        index_columns(atlas)
    return atlas


def walk(atlas: Atlas, limit: int, **asked) -> list[dict]:
    """All pages of a question, one after the other."""
    rows, token = [], None
    while True:
        found = query.page(atlas, after=token, limit=limit, **asked)
        assert found.rows.num_rows <= limit
        rows += found.rows.to_pylist()
        token = found.next
        if token is None:
            return rows
        assert found.rows.num_rows == limit


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10, 11])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_give_every_row_once_in_order_with_ties_by_id_and_nulls_last(
    scored, limit, descending
):
    rows = walk(
        scored, limit, columns=["id", "label_confidence"], order="label_confidence",
        descending=descending,
    )  # fmt: skip
    ids = sorted(scored.read(["id"]).column("id").to_pylist())
    score = dict(zip(ids, SCORES, strict=True))
    has = [each for each in ids if score[each] is not None and not math.isnan(score[each])]
    rest = [each for each in ids if each not in has]
    sign = -1 if descending else 1
    assert [row["id"] for row in rows] == sorted(has, key=lambda i: (sign * score[i], i)) + rest


@pytest.mark.parametrize("descending", [False, True])
def test_pages_sort_by_text_and_by_id_too(scored, descending):
    by_label = [row["label"] for row in walk(scored, 3, columns=["label"], order="label",
                                             descending=descending)]  # fmt: skip
    texts = sorted((each for each in LABELS if each), reverse=descending)
    assert by_label == [*texts, None]
    by_id = [row["id"] for row in walk(scored, 4, descending=descending)]
    assert by_id == sorted(by_id, reverse=descending)
    assert len(set(by_id)) == 10


def test_pages_sort_by_time(atlas):
    noon = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    given_at = [noon + timedelta(microseconds=n // 2) for n in range(6)]
    atlas.append_decisions(
        [
            {"id": f"nasa:{n}", "verdict": "keep", "label": "", "who": "ann", "at": at, "why": ""}
            for n, at in enumerate(given_at)
        ]
    )
    rows = walk(atlas, 1, table="decisions", order="at", columns=["at", "decision"])
    assert [row["at"] for row in rows] == given_at
    assert len({row["decision"] for row in rows}) == 6


@hypothesis_settings(max_examples=25)
@given(
    scores=st.lists(
        st.one_of(st.none(), st.floats(width=32), st.sampled_from([0.1, 0.5, 1.0])), max_size=30
    ),
    limit=st.integers(1, 7),
    descending=st.booleans(),
)
def test_any_scores_give_each_row_once_and_in_order(tmp_path_factory, scores, limit, descending):
    import lance

    from cosmic_morphology.atlas.query.page_token import LastRow
    from cosmic_morphology.atlas.query.paging import _Sorting
    from cosmic_morphology.atlas.storage.lance_tables import Table
    from cosmic_morphology.atlas.storage.store import Store

    column = pa.array(scores, pa.float32())
    rows = pa.table({"id": [f"{n:02d}" for n in range(len(scores))], "x": column})
    folder = str(tmp_path_factory.mktemp("t"))
    dataset = lance.write_dataset(rows, f"{folder}/catalogue.lance", max_rows_per_file=7)
    table = Table(Store(folder), "catalogue", dataset)
    sorting = _Sorting(table, rows.schema.field("x"), None, descending=descending)
    found, last = [], None
    while part := sorting.rows_after(last, limit):
        found += part
        last = LastRow(part[-1].value, part[-1].key)
    values = column.to_pylist()
    has = [n for n, each in enumerate(values) if each is not None and math.isfinite(each)]
    infinite = [n for n, each in enumerate(values) if each is not None and math.isinf(each)]
    rest = [n for n in range(len(values)) if n not in has and n not in infinite]
    sign = -1 if descending else 1
    expected = sorted([*has, *infinite], key=lambda n: (sign * values[n], n)) + rest
    assert [int(each.key) for each in found] == expected


def test_a_page_goes_on_after_rows_came_and_went(filled):
    first = query.page(filled, limit=4)
    seen = first.rows.column("id").to_pylist()
    filled.add([make_arrival(n) for n in range(20, 23)])
    from cosmic_morphology.atlas.storage import commit

    commit.delete(filled.table("catalogue"), f"id = '{seen[-1]}'")
    second = query.page(filled, limit=4, after=first.next)
    assert second.rows.column("id").to_pylist() == [f"nasa:x{n:03d}" for n in range(4, 8)]


def test_a_token_holds_in_another_process(filled):
    token = query.page(filled, limit=4, order="title").next
    script = (
        "import sys; from cosmic_morphology.atlas import Atlas, query; "
        "found = query.page(Atlas.open(sys.argv[1]), limit=2, order='title', after=sys.argv[2]); "
        "print(*found.rows.column('id').to_pylist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, filled.uri, token],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["nasa:x004", "nasa:x005"]


@pytest.mark.parametrize(
    "asked", [{"order": "title"}, {"descending": True}, {"where": "id > 'a'"}, {"table": "images"}]
)
def test_a_token_of_another_question_is_refused(filled, asked):
    token = query.page(filled, limit=4).next
    with pytest.raises(UsageError, match="another question"):
        query.page(filled, limit=4, after=token, **asked)


@pytest.mark.parametrize("token", ["", "x", "e30", "!!", "bnVsbA", "eyJhIjoxfQ==", "ä"])
def test_what_is_no_token_is_refused(filled, token):
    with pytest.raises(UsageError, match="no token"):
        query.page(filled, after=token)


def test_counts_equal_those_of_a_scan(scored):
    assert query.count_by(scored, "label") == {"comet": 5, "star": 3, "it's": 1, None: 1}
    assert query.count_by(scored, "label", "label_confidence BETWEEN 0.9 AND 1") == {
        "comet": 2,
        "star": 1,
    }
    assert query.count_by(scored, "label", "label = 'nothing'") == {}
    assert query.count_by(scored, "width", table="images") == {48: 9}


def test_a_column_that_no_stage_has_filled_counts_as_empty(filled):
    assert query.count_by(filled, "label") == {None: 10}
    assert query.page(filled, columns=["id", "label"], limit=1).rows.to_pylist() == [
        {"id": "nasa:x000", "label": None}
    ]


def test_rows_are_taken_in_the_order_of_ids_from_both_tables(scored):
    ids = ["nasa:x007", "nasa:x009", "nasa:x000", "nasa:x007"]
    rows = query.take(scored, ids, ["id", "width", "label"]).to_pylist()
    assert [row["id"] for row in rows] == ids
    assert [row["width"] for row in rows] == [48, None, 48, 48]
    assert [row["label"] for row in rows] == ["star", "comet", "comet", "star"]
    assert query.take(scored, [], ["id"]).num_rows == 0


def test_rows_are_taken_after_deletions_and_updates(filled):
    from cosmic_morphology.atlas.storage import commit

    query.take(filled, ["nasa:x001"])
    commit.delete(filled.table("catalogue"), "id IN ('nasa:x000', 'nasa:x005')")
    filled.replace_columns(
        pa.table({"id": ["nasa:x003"], "label": ["star"]}), ColumnProvenance("labels")
    )
    rows = query.take(filled, ["nasa:x009", "nasa:x003"], ["id", "label", "height"]).to_pylist()
    assert rows == [
        {"id": "nasa:x009", "label": None, "height": 40},
        {"id": "nasa:x003", "label": "star", "height": 40},
    ]
    with pytest.raises(InputError, match="nasa:x005"):
        query.take(filled, ["nasa:x003", "nasa:x005"])


def test_ids_with_one_hash_are_told_apart(filled, monkeypatch):
    from cosmic_morphology.atlas.query import addresses

    real = addresses.hashes_of
    monkeypatch.setattr(addresses, "hashes_of", lambda ids: real(["same"] * len(ids)))
    rows = query.take(filled, ["nasa:x004", "nasa:x002"], ["title"]).column("title").to_pylist()
    assert rows == ["image 4", "image 2"]
    with pytest.raises(InputError):
        query.take(filled, ["nasa:none"])


def test_words_are_found_whatever_their_order_capitals_and_endings(scored):
    def found(words, **asked):
        return query.search(scored, words, **asked).rows.column("id").to_pylist()

    assert set(found("lane dust")) == {"nasa:x000", "nasa:x002"}
    assert set(found("GALAXY")) == {"nasa:x000", "nasa:x003"}
    assert found("dust lane", where="label = 'star'") == ["nasa:x002"]
    assert found("quasar") == []
    assert found("the") == []
    assert found("x' OR 1=1 --") == []
    assert len(found("image", limit=2)) == 2


def test_a_search_says_whether_an_index_answered(scored):
    is_indexed = bool(scored.table("catalogue").indexes())
    assert query.search(scored, "dust").is_indexed == is_indexed
    assert not query.search(scored, "dust", within="description").is_indexed


def test_a_stream_has_every_row_once_in_batches(scored):
    parts = list(query.stream(scored, ["id", "thumbnail", "label"], batch_size=4))
    assert all(part.num_rows <= 4 for part in parts)
    rows = {row["id"]: row for part in parts for row in part.to_pylist()}
    assert sorted(rows) == [f"nasa:x{n:03d}" for n in range(10)]
    assert rows["nasa:x009"]["thumbnail"] is None
    assert rows["nasa:x000"]["thumbnail"][:2] == b"\xff\xd8"
    some = query.stream(scored, ["sha256"], "width = 48", table="images")
    assert sum(part.num_rows for part in some) == 9


def test_a_stream_is_of_one_version(filled):
    parts = query.stream(filled, ["id"], batch_size=3)
    first = next(parts)
    filled.add([make_arrival(n) for n in range(20, 30)])
    assert first.num_rows + sum(part.num_rows for part in parts) == 10


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("sorce = 'nasa'", ["'sorce'", "Did you mean 'source'"]),
        ("source = nasa", ["'nasa'", "single quotes"]),
        ("label = 'comet'", ["'label'", "still empty", "cosmic curate"]),
        ("source = 'nasa' AND", ["its end"]),
        ("source = 'nasa' hello", ["'hello'"]),
        ("source = 'nasa", ["quote"]),
        ("source = 3", ["'3'", "text"]),
        ("bogus(source)", ["'bogus'"]),
        ("source", ["true or false"]),
        ("true) OR (true", ["parentheses"]),
        ("source = ')'", None),
        ("source = 'it''s )'", None),
    ],
)
def test_a_bad_filter_says_which_word(filled, where, words):
    calls = (
        lambda: query.page(filled, where),
        lambda: query.count_by(filled, "source", where),
        lambda: query.stream(filled, ["id"], where),
        lambda: query.search(filled, "image", where=where),
    )
    for call in calls:
        if words is None:
            call()
            continue
        with pytest.raises(UsageError) as caught:
            call()
        assert all(word in str(caught.value) for word in words), caught.value


def test_names_that_are_none_say_what_was_meant(filled):
    with pytest.raises(UsageError, match="Did you mean 'title'"):
        query.page(filled, columns=["titel"])
    with pytest.raises(UsageError, match="Did you mean 'title'"):
        query.page(filled, order="titel")
    with pytest.raises(UsageError, match="table 'images'"):
        query.page(filled, order="width")
    with pytest.raises(UsageError, match="type list"):
        query.page(filled, order="keywords")
    with pytest.raises(UsageError, match="type list"):
        query.count_by(filled, "keywords")
    with pytest.raises(UsageError, match="Did you mean 'catalogue'"):
        query.count_by(filled, "source", table="catalog")
    for limit in (0, -1, 10_001):
        with pytest.raises(UsageError):
            query.page(filled, limit=limit)
        with pytest.raises(UsageError):
            query.search(filled, "image", limit=limit)
    with pytest.raises(UsageError, match="no word"):
        query.search(filled, " .,")
    with pytest.raises(UsageError, match="searched in 'id'"):
        query.search(filled, "a", within="id")


def test_an_old_version_is_queried_as_it_was(filled):
    version = str(filled.version)
    filled.add([make_arrival(n) for n in range(20, 25)])
    old = Atlas.open(filled.uri, version=version)
    assert query.count_by(old, "source") == {"nasa": 10}
    assert query.page(old, limit=20).rows.num_rows == 10
    with pytest.raises(InputError):
        query.take(old, ["nasa:x020"])


def test_addresses_hold_while_rows_stay(filled):
    book = filled.address_book(filled.table("images"))
    ids = filled.ids()
    rows = pa.table({"id": ids, "label": ["comet"] * len(ids)})
    filled.replace_columns(rows, ColumnProvenance("labels", parameters={"again": True}))
    assert filled.address_book(filled.table("images")) is book
    filled.add([make_arrival(99)])
    assert filled.address_book(filled.table("images")) is not book
    assert filled.images(["nasa:x099"], ["id"]).num_rows == 1
