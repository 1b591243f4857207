"""Compaction, indexes and removal of old versions, beside readers and writers."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta

import pyarrow as pa
import pytest
from drawn_images import make_arrival
from engine_work import fill

from cosmic_morphology.atlas import Atlas, ColumnProvenance, query, verify_atlas
from cosmic_morphology.atlas.maintenance import (
    clean_up,
    compact_tables,
    compaction,
    index_columns,
    upkeep,
)
from cosmic_morphology.errors import AtlasError, AtlasVersionError, UsageError

IDS = [f"nasa:x{n:03d}" for n in range(10)]
NOW = timedelta(0)


@pytest.fixture
def scattered(atlas) -> Atlas:
    """Ten images in ten commits, with labels."""
    for n in range(10):
        atlas.add([make_arrival(n)])
    label_all(atlas, "comet")
    return atlas


def label_all(atlas: Atlas, label: str, code: str = "1") -> None:
    rows = pa.table({"id": IDS, "label": [label] * len(IDS)})
    atlas.replace_columns(rows, ColumnProvenance("labels", code=code))


def rows_of(atlas: Atlas) -> list[dict]:
    columns = ["id", "title", "label", "sha256", "image"]
    return query.take(atlas, IDS, columns).to_pylist()


def is_whole(atlas: Atlas) -> bool:
    found = verify_atlas(atlas.uri)
    return found.is_sound and not found.not_checked


def unindexed(atlas: Atlas, column: str) -> int:
    table = atlas.table("catalogue")
    return table.count_rows() - table.indexes()[column].num_rows_indexed


def test_compaction_merges_files_and_loses_nothing(scattered):
    before, version = rows_of(scattered), str(scattered.version)
    planned = {each.table: each for each in compact_tables(scattered, dry_run=True)}
    assert str(scattered.version) == version
    done = {each.table: each for each in compact_tables(scattered)}
    assert done["images"].fragments == 10
    assert done["images"].fragments_after == planned["images"].fragments_after == 1
    assert rows_of(scattered) == before
    assert rows_of(Atlas.open(scattered.uri, version=version)) == before
    assert [each.merged for each in compact_tables(scattered)] == [0, 0, 0, 0]
    assert is_whole(scattered)


def test_compaction_takes_deleted_rows_out_of_the_files(scattered):
    from cosmic_morphology.atlas.storage import commit

    commit.delete(scattered.table("catalogue"), "id IN ('nasa:x001', 'nasa:x002')")
    compact_tables(scattered)
    fragments = scattered.table("catalogue").get_fragments()
    assert sum(each.physical_rows for each in fragments) == 8


def test_fragments_of_images_stay_small_enough_to_be_written_anew():
    class File:
        file_size_bytes = 100_000_000

    class Fragment:
        physical_rows = 1000

        def data_files(self):
            return [File()]

    class Images:
        name = "images"

    wanted = compaction._wanted_rows(Images(), [Fragment()] * 3)
    assert 1024 <= wanted <= 8192  # of 100 kB each


def test_many_small_files_are_merged_by_themselves(atlas, monkeypatch):
    monkeypatch.setattr(compaction, "FRAGMENTS_AT_MOST", 4)
    for n in range(12):
        atlas.add([make_arrival(n)])
        atlas.upsert_ledger([{"url": f"https://a.example/{n}", "state": "stored"}])
    for name in ("images", "catalogue", "ledger"):
        assert len(atlas.table(name).get_fragments()) <= 5
        assert atlas.count(name) == 12
    assert is_whole(atlas)


def test_indexes_are_built_once_and_brought_up_to_date(scattered):
    version = str(scattered.version)
    planned = index_columns(scattered, dry_run=True)
    assert str(scattered.version) == version
    assert {each.done for each in planned} == {"built"}
    built = index_columns(scattered)
    kinds = {(each.table, each.column): each.kind for each in built}
    assert kinds["catalogue", "label"] == kinds["catalogue", "source"] == "BITMAP"
    assert kinds["images", "id"] == kinds["catalogue", "id"] == "BTREE"
    assert kinds["catalogue", "title"] == "INVERTED"
    assert {each.done for each in index_columns(scattered)} == {"up to date"}
    scattered.add([make_arrival(20)])
    again = {(each.table, each.column): each for each in index_columns(scattered)}
    assert again["catalogue", "title"].missing == 1
    assert again["catalogue", "title"].done == "brought up to date"
    assert unindexed(scattered, "title") == 0
    assert is_whole(scattered)


def test_a_further_column_gets_the_kind_that_fits_it(scattered):
    done = {each.column: each.kind for each in index_columns(scattered, ("description", "credit"))}
    assert done["description"] == done["credit"] == "INVERTED"
    assert index_columns(scattered, ("created_at",), dry_run=True)[-1].kind == "BTREE"
    with pytest.raises(UsageError, match="Did you mean 'title'"):
        index_columns(scattered, ("titel",))
    with pytest.raises(UsageError, match="type list"):
        index_columns(scattered, ("keywords",))


def test_a_stage_that_patches_a_column_leaves_its_index_whole(scattered):
    index_columns(scattered)
    scattered.fill_columns(pa.table({"id": IDS[:1], "label": ["star"]}))
    assert unindexed(scattered, "label") > 0, "Lance keeps it: this test has lost its ground"
    scattered.tend()
    assert unindexed(scattered, "label") == 0
    label_all(scattered, "galaxy")
    assert unindexed(scattered, "label") == 0
    label_all(scattered, "nebula", code="2")  # made anew: the old column and its index are dropped
    assert unindexed(scattered, "label") == 0
    assert query.count_by(scattered, "label") == {"nebula": 10}


def test_a_row_by_row_stage_leaves_its_index_whole(scattered):
    index_columns(scattered)
    field = pa.field("label_kind", pa.string())
    fill(
        scattered,
        lambda batch: pa.table({"label_kind": ["computed"] * batch.num_rows}),
        reads=["id"], writes=[field], stamp=ColumnProvenance("kinds"),
    )  # fmt: skip
    assert unindexed(scattered, "label_kind") == 0


def test_an_atlas_without_indexes_gets_none_by_itself(scattered):
    label_all(scattered, "star", code="2")
    assert scattered.table("catalogue").indexes() == {}


def test_new_rows_are_indexed_when_enough_have_come(scattered, monkeypatch):
    index_columns(scattered)
    monkeypatch.setattr(upkeep, "_ROWS_WAIT", 3)
    scattered.add([make_arrival(20)])
    assert unindexed(scattered, "id") == 1
    scattered.add([make_arrival(n) for n in (21, 22)])
    assert unindexed(scattered, "id") == 0


def test_no_row_doubles_with_an_index_on_its_key(scattered):
    index_columns(scattered)
    arrivals = [make_arrival(n) for n in range(30, 60)]
    others = [Atlas.open(scattered.uri) for _ in range(2)]
    threads = [threading.Thread(target=each.add, args=(arrivals,)) for each in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for name in ("images", "catalogue"):
        ids = scattered.read(["id"], table=name).column("id").to_pylist()
        assert len(ids) == len(set(ids)) == 40


def test_cleanup_keeps_the_newest_and_every_tagged_version(scattered):
    scattered.tag("paper")
    tagged, version = rows_of(scattered), str(scattered.version)
    label_all(scattered, "star")
    compact_tables(scattered)
    newest = rows_of(scattered)
    untagged = str(scattered.version)
    label_all(scattered, "galaxy")
    planned = clean_up(scattered, older_than=NOW, dry_run=True)
    done = clean_up(scattered, older_than=NOW)
    assert [each.removed for each in done] == [each.removed for each in planned]
    assert sum(each.removed for each in done) > 10
    assert all(each.tagged in (0, 1) for each in done)
    assert rows_of(Atlas.open(scattered.uri, version="paper")) == tagged
    assert rows_of(Atlas.open(scattered.uri, version=version)) == tagged
    assert [row["label"] for row in rows_of(scattered)] == ["galaxy"] * 10
    assert [row["label"] for row in newest] == ["star"] * 10
    with pytest.raises(AtlasVersionError):
        Atlas.open(scattered.uri, version=untagged)
    assert is_whole(scattered)
    assert [each.removed for each in clean_up(scattered, older_than=NOW)] == [0, 0, 0, 0]


def test_young_versions_stay(scattered):
    before = len(scattered.versions())
    assert {each.removed for each in clean_up(scattered)} == {0}
    assert {each.removed for each in clean_up(scattered, older_than=timedelta(hours=1))} == {0}
    assert len(scattered.versions()) == before
    with pytest.raises(UsageError, match="negative"):
        clean_up(scattered, older_than=timedelta(days=-1))


def test_a_killed_cleanup_leaves_an_atlas_that_verifies(scattered, monkeypatch):
    from cosmic_morphology.atlas.storage import upkeep as commits

    class KilledError(BaseException):
        pass

    def killed(*_):
        raise KilledError

    forget = commits.forget
    monkeypatch.setattr(commits, "forget", lambda *given: (forget(*given), killed()))
    with pytest.raises(KilledError):
        clean_up(scattered, older_than=NOW)
    assert [str(p) for p in verify_atlas(scattered.uri).problems] == []
    monkeypatch.undo()
    clean_up(scattered, older_than=NOW)
    assert is_whole(scattered)


def test_a_reader_of_an_old_version_goes_on_beside_compaction_and_indexing(scattered):
    old = Atlas.open(scattered.uri, version=str(scattered.version))
    parts = query.stream(old, ["id", "image", "label"], batch_size=2)
    seen = next(parts).num_rows
    label_all(scattered, "star")
    compact_tables(scattered)
    index_columns(scattered)
    clean_up(scattered)
    rest = [row for part in parts for row in part.to_pylist()]
    assert seen + len(rest) == 10
    assert {row["label"] for row in rest} == {"comet"}
    assert {row["label"] for row in rows_of(old)} == {"comet"}


WRITER = """
import sys
import pyarrow as pa
from cosmic_morphology.atlas import Atlas
atlas = Atlas.open(sys.argv[1])
for n in range(20):
    ids = [f"nasa:x{i:03d}" for i in range(10)]
    atlas.fill_columns(pa.table({"id": ids, "label": [f"l{n}"] * 10}))
    atlas.upsert_ledger([{"url": f"https://a.example/{n}", "state": "stored"}])
    print(n, flush=True)
"""


def test_a_writer_in_another_process_loses_nothing_beside_compaction_and_cleanup(scattered):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, scattered.uri], stdout=subprocess.PIPE, text=True
    ) as writer:
        while line := writer.stdout.readline():
            compact_tables(scattered)
            index_columns(scattered)
            if int(line) % 5 == 0:
                clean_up(scattered, older_than=timedelta(seconds=2))
    assert writer.returncode == 0
    assert query.count_by(scattered, "label") == {"l19": 10}
    assert scattered.count("ledger") == 20
    assert scattered.count() == scattered.count("catalogue") == 10
    assert is_whole(scattered)


def test_an_old_version_is_not_maintained(scattered):
    old = Atlas.open(scattered.uri, version=str(scattered.version))
    for call in (compact_tables, index_columns, clean_up):
        with pytest.raises(AtlasError, match="not written"):
            call(old)
        assert call(old, dry_run=True) is not None
