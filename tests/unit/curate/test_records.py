"""Records are numbered by id and held as arrays, however the table keeps them."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from split_rows import RowsInMemory

import cosmic_morphology
from cosmic_morphology.atlas import Atlas, ColumnProvenance, Fingerprint, Record
from cosmic_morphology.curate import columns
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.review.tables import ids_like


@pytest.fixture
def atlas(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_ROWS", 2)
    atlas = Atlas.create(tmp_path / "atlas")
    for name in ("c", "a", "e", "b", "d"):
        atlas.upsert_records(
            [Record("sky", name, title=name.upper(), collection="x" * (name > "b"))]
        )
    return atlas


def test_columns_come_in_the_order_of_ids(atlas):
    records = Records(atlas)
    assert records.ids.to_pylist() == [f"sky:{name}" for name in "abcde"]
    assert records.column("title").to_pylist() == list("ABCDE")
    numbered = [
        (int(place), title)
        for places, rows in records.batches(["title"])
        for place, title in zip(places, rows.column("title").to_pylist(), strict=True)
    ]
    assert sorted(numbered) == list(enumerate("ABCDE"))


def test_what_is_empty_falls_back_on_another_column(atlas):
    found = Records(atlas).column("collection", or_else=("id",))
    assert found.to_pylist() == ["sky:a", "sky:b", "x", "x", "x"]
    assert Records(atlas).column("label").to_pylist() == [None] * 5


def test_a_table_that_changes_in_between_keeps_its_numbers(atlas):
    records = Records(atlas)
    atlas.upsert_records([Record("sky", "aa", title="new"), Record("sky", "c", title="changed")])
    values = pa.table({"id": ["sky:e", "sky:a"], "label": ["star", "comet"]})
    atlas.replace_columns(values, ColumnProvenance("labels"))
    assert records.column("title").to_pylist() == ["A", "B", "changed", "D", "E"]
    assert records.column("label").to_pylist() == ["comet", None, None, None, "star"]


def test_an_atlas_without_records_has_none(tmp_path):
    records = Records(Atlas.create(tmp_path / "empty"))
    assert (len(records), records.column("title").to_pylist()) == (0, [])


def test_parts_are_put_together_by_id(atlas):
    records = Records(atlas)
    parts = [
        (np.array([3, 0]), pa.table({"n": [3, 0]})),
        (np.array([4, 1, 2]), pa.table({"n": [4, 1, 2]})),
    ]
    assert records.by_id(parts).column("n").to_pylist() == [0, 1, 2, 3, 4]


def test_a_fingerprint_knows_rows_and_not_their_order():
    def of(*rows):
        told = Fingerprint()
        told.add(rows)
        return str(told)

    assert of(("a", 1), ("b", 2)) == of(("b", 2), ("a", 1))
    assert len({of(), of(("a", 1)), of(("a", 2)), of(("a", 1), ("a", 1))}) == 4


def test_a_fingerprint_is_the_sum_of_its_digests_with_every_carry():
    told, digests = Fingerprint(), [b"\xff" * 16] * 5 + [bytes(range(16))]
    told.add_digests(digests)
    told.add_digests([])
    total = sum(int.from_bytes(each, "little") for each in digests)
    assert str(told) == f"{total % 2**128:032x}"


def test_columns_of_ids_are_numbers_of_records_and_of_what_is_none(atlas):
    values = {"id": ["sky:e", "sky:a", "sky:b"], "group": ["sky:a", "gone", "sky:b"]}
    atlas.replace_columns(pa.table(values), ColumnProvenance("group"))
    codes, names = Records(atlas).codes_of_ids("group")
    # Those without a group stand for themselves.
    assert names.take(pa.array(codes)).to_pylist() == ["gone", "sky:b", "sky:c", "sky:d", "sky:a"]
    assert codes.tolist() == [5, 1, 2, 3, 0]
    assert names[:5] == Records(atlas).ids


def test_ids_have_numbers_where_there_is_such_a_record(atlas):
    assert Records(atlas).numbers_of(pa.array(["sky:c", "sky:x", "sky:a"])).tolist() == [2, -1, 0]


def test_only_ids_that_a_cell_may_mean_are_held(atlas):
    written, composed = "sky:e\N{COMBINING ACUTE ACCENT}", "sky:\N{LATIN SMALL LETTER E WITH ACUTE}"
    atlas.upsert_records([Record("sky", written.removeprefix("sky:"))])
    ids = ids_like(atlas, [composed, "sky:a", "sky:x"])
    assert ids.find(composed) == written
    assert [ids.find(each) for each in ("sky:a", "sky:x")] == ["sky:a", "sky:x"]


def test_no_room_lists_all_ids():
    root = Path(cosmic_morphology.__file__).parent
    lines = (
        (file.name, line.strip())
        for file in root.rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if re.search(r"\.ids\(", line)
    )
    assert [line for line in lines if not line[1].startswith(">>>")] == []


def test_groups_that_are_no_ids_are_numbered_by_their_names_in_any_order_of_rows() -> None:
    table = pa.table({"id": ["a", "b", "c"], "group": ["y", "x", "a"]})
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        codes, names = RowsInMemory(table.take(order)).codes_of_ids("group")
        assert codes.tolist() == [4, 3, 0]
        assert names.to_pylist() == ["a", "b", "c", "x", "y"]
