"""Columns of a store far away are read once, and again when a file of theirs is another one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from training_tools import coloured_atlas

from cosmic_morphology.atlas import ColumnProvenance, NewImage, Record
from cosmic_morphology.atlas.storage import column_cache
from cosmic_morphology.atlas.storage.column_cache import ColumnCache
from cosmic_morphology.imaging import ingest_image


class Counting:
    """A dataset that notes which columns were read."""

    def __init__(self, atlas) -> None:
        self._atlas, self.read = atlas, []

    def scanner(self, columns):
        self.read.append(sorted(columns))
        return self._atlas.table("catalogue").dataset.scanner(columns=columns)

    def __getattr__(self, name):
        return getattr(self._atlas.table("catalogue").dataset, name)


@pytest.fixture
def atlas(tmp_path):
    return coloured_atlas(tmp_path / "atlas")


def values(atlas, columns):
    return atlas.table("catalogue").dataset.to_table(columns=columns)


def test_a_column_is_read_once_until_it_is_written_again(atlas):
    cache, dataset = ColumnCache(), Counting(atlas)
    assert cache.read(dataset, ["id", "label"]).equals(values(atlas, ["id", "label"]))
    assert cache.read(dataset, ["label", "split"]).equals(values(atlas, ["label", "split"]))
    assert dataset.read == [["id", "label"], ["split"]]
    # Another column of the same rows makes no difference; a new label does.
    rows = pa.table({"id": atlas.ids(), "group": ["g"] * 30})
    atlas.replace_columns(rows, ColumnProvenance("groups"))
    cache.read(dataset, ["id", "label", "split"])
    assert len(dataset.read) == 2
    rows = pa.table({"id": atlas.ids(), "label": ["comet"] * 30})
    atlas.replace_columns(rows, ColumnProvenance("labels", parameters={"again": True}))
    found = cache.read(dataset, ["id", "label"])
    assert set(found.column("label").to_pylist()) == {"comet"}
    assert dataset.read[2:] == [["label"]]


def test_new_and_deleted_rows_are_seen(atlas):
    cache, dataset = ColumnCache(), Counting(atlas)
    cache.read(dataset, ["id"])
    data = atlas.images(atlas.ids()[:1]).column("thumbnail")[0].as_py()
    atlas.add([NewImage(Record("drawn", "new"), ingest_image(data), data)])
    assert "drawn:new" in cache.read(dataset, ["id"]).column("id").to_pylist()
    atlas.table("catalogue").dataset.delete("id = 'drawn:comet-00'")
    assert "drawn:comet-00" not in cache.read(dataset, ["id"]).column("id").to_pylist()


def test_what_is_large_is_not_kept(atlas, monkeypatch):
    images = atlas.table("images").dataset
    assert ColumnCache().read(images, ["id", "thumbnail"]) is None
    monkeypatch.setattr(column_cache, "_MOST_ROWS", 29)
    assert ColumnCache().read(atlas.table("catalogue").dataset, ["id"]) is None
    monkeypatch.undo()
    monkeypatch.setattr(column_cache, "_LIMIT_BYTES", 1)
    cache, dataset = ColumnCache(), Counting(atlas)
    for _ in range(2):
        assert cache.read(dataset, ["id"]).equals(values(atlas, ["id"]))
    assert dataset.read == [["id"], ["id"]]


def test_addresses_hold_while_rows_stay(atlas):
    images = atlas.table("images")
    book = atlas.address_book(images)
    rows = pa.table({"id": atlas.ids(), "label": ["comet"] * 30})
    atlas.replace_columns(rows, ColumnProvenance("labels", parameters={"again": True}))
    assert atlas.address_book(atlas.table("images")) is book
    data = atlas.images(atlas.ids()[:1]).column("thumbnail")[0].as_py()
    atlas.add([NewImage(Record("drawn", "new"), ingest_image(data), data)])
    assert atlas.address_book(atlas.table("images")) is not book
    assert atlas.images(["drawn:new"], ["id"]).num_rows == 1
