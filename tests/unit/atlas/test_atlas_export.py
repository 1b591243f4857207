"""Exports: formats by ending, what is left out is said, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
import tarfile
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cosmic_morphology.atlas import FORMATS, Atlas, ColumnProvenance, Record, export_images
from cosmic_morphology.atlas.export.image_folder import metadata_cells
from cosmic_morphology.atlas.export.rows import COLUMNS
from cosmic_morphology.atlas.export.tables import write_hugging_face
from cosmic_morphology.atlas.export.web_dataset import write_web_dataset
from cosmic_morphology.cli import app
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import CsvRows, csv_rows, whole_text


@pytest.fixture
def sorted_atlas(atlas, arrival):
    said = {"title": "=HYPERLINK(1)", "credit": "@evil", "licence": "cc0"}
    atlas.add([arrival(n, **said) for n in range(10)])
    ids = atlas.ids()
    labels = ["comet"] * 8 + [None] * 2
    atlas.replace_columns(
        pa.table(
            {"id": ids, "label": pa.array(labels, pa.string()), "label_kind": ["computed"] * 10}
        ),
        ColumnProvenance("labels"),
    )
    splits = ["train"] * 7 + ["none"] * 3
    atlas.replace_columns(pa.table({"id": ids, "split": splits}), ColumnProvenance("split"))
    return atlas


def exported(atlas, *words):
    done = CliRunner().invoke(
        app, ["atlas", "export", *map(str, words), "--atlas", atlas.uri, "--json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


def test_a_csv_is_written_by_its_ending_with_every_image(sorted_atlas, tmp_path):
    told, _ = exported(sorted_atlas, tmp_path / "tags.csv")
    assert told["images"] == 10
    assert told["left_out"] == {}
    with (tmp_path / "tags.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert {row["title"] for row in rows} == {"'=HYPERLINK(1)"}
    assert {row["credit"] for row in rows} == {"'@evil"}
    with (tmp_path / "tags.csv.credits.csv").open(newline="", encoding="utf-8") as file:
        assert [row["credit"] for row in csv.DictReader(file)] == ["'@evil"]


def test_what_a_folder_leaves_out_is_said(sorted_atlas, tmp_path):
    told, remarks = exported(sorted_atlas, tmp_path / "folder")
    assert told["images"] == 7
    assert told["left_out"] == {"in no split": 1, "without a label": 2}
    assert "left out: 2 images, without a label" in remarks
    told, _ = exported(sorted_atlas, tmp_path / "x.parquet", "--where", "label = 'comet'")
    assert told["left_out"] == {"not what the filter asks for": 2}


def test_the_option_wins_over_the_ending(sorted_atlas, tmp_path):
    told, _ = exported(sorted_atlas, tmp_path / "table.tsv", "--format", "csv")
    assert (tmp_path / "table.tsv").is_file()
    assert told["images"] == 10


def test_an_ending_that_says_nothing_is_refused(sorted_atlas, tmp_path):
    done = CliRunner().invoke(
        app, ["atlas", "export", str(tmp_path / "a.xlsx"), "--atlas", sorted_atlas.uri]
    )
    assert "--format" in str(done.exception)
    assert done.exit_code != 0
    assert not (tmp_path / "a.xlsx").exists()


def test_a_failed_export_leaves_nothing(sorted_atlas, tmp_path):
    with pytest.raises(InputError, match="no image"):
        export_images(sorted_atlas, tmp_path / "x.csv", format_="csv", where="label = 'nothing'")
    with pytest.raises(InputError, match="no image"):
        export_images(sorted_atlas, tmp_path / "x", where="label = 'nothing'")
    assert [each.name for each in tmp_path.iterdir()] == ["atlas"]


CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"))


@given(st.lists(st.tuples(CELL, st.sampled_from(["=1", "'=1", "''+1", "-", " @x", "-2.5", "x"]))))
def test_what_we_read_again_is_what_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with whole_text(path) as file:
        table = CsvRows(file)
        table.write(["=a", "b"])
        for row in rows:
            table.write(row)
    with path.open(newline="", encoding="utf-8") as file:
        found = csv_rows(file)
    assert [(row["=a"], row["b"]) for row in found] == rows


def test_a_text_cell_of_the_metadata_is_a_text_for_every_reader(tmp_path_factory):
    pandas = pytest.importorskip("pandas")

    @given(st.lists(CELL | st.sampled_from(["007", "1e5", "NA", "nan", "True", "", "-inf", "1_0"])))
    def holds(texts):
        path = tmp_path_factory.mktemp("csv") / "metadata.csv"
        row = dict.fromkeys(COLUMNS)
        with whole_text(path) as file:
            table = CsvRows(file)
            table.write(COLUMNS)
            for text in texts:
                table.write(metadata_cells({**row, "title": text}))
        found = pandas.read_csv(path)["title"].tolist()
        assert all(isinstance(each, str) for each in found)
        assert len(found) == len(texts)

    holds()


NAMES = ("../../escape", "two\nlines", "a/b", "a:b", "A/B", "a.b", ".hidden", "-rf", "é" * 200)


@pytest.mark.parametrize("format_", ["imagefolder", "webdataset", "hf"])
def test_ids_that_look_alike_or_lead_out_keep_files_of_their_own(atlas, arrival, tmp_path, format_):
    made = [arrival(number) for number in range(len(NAMES))]
    atlas.add(
        [type(each)(Record("evil", name), each.intake, each.data)
         for name, each in zip(NAMES, made, strict=True)]
    )  # fmt: skip
    ids = atlas.ids()
    labels = pa.table({"id": ids, "label": ["../star"] * len(ids)})
    atlas.replace_columns(labels, ColumnProvenance("labels"))
    atlas.replace_columns(
        pa.table({"id": ids, "split": ["train"] * len(ids)}), ColumnProvenance("split")
    )
    done = export_images(atlas, tmp_path / "out", format_=format_)
    assert done.images == len(NAMES)
    assert {each.name for each in tmp_path.iterdir()} == {"atlas", "out"}
    if format_ == "imagefolder":
        with (tmp_path / "out/train/metadata.csv").open(newline="", encoding="utf-8") as file:
            places = [row["file_name"] for row in csv.DictReader(file)]
        assert len({each.casefold() for each in places}) == len(NAMES)
        assert all((tmp_path / "out/train" / each).is_file() for each in places)
    if format_ == "webdataset":
        with tarfile.open(tmp_path / "out/train-00000.tar") as tar:
            names = tar.getnames()
        assert len({each.casefold() for each in names}) == 3 * len(NAMES)
        assert not [each for each in names if "/" in each or each.startswith(".")]


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_that_is_stopped_half_way_has_no_name(
    sorted_atlas, tmp_path, monkeypatch, format_
):
    class Killed(BaseException):
        pass

    def killed(told):
        raise Killed

    place = tmp_path / {"csv": "x.csv", "parquet": "x.parquet"}.get(format_, "x")
    with monkeypatch.context() as patch:
        patch.setattr("cosmic_morphology.atlas.export.exporter.croissant_text", killed)
        with pytest.raises(Killed):
            export_images(sorted_atlas, place, format_=format_)
        assert not place.exists()
    assert export_images(sorted_atlas, place, format_=format_).path == place


@pytest.mark.parametrize("format_", ["imagefolder", "parquet", "webdataset", "hf"])
def test_few_images_are_in_memory_at_once(atlas, arrival, tmp_path, monkeypatch, format_):
    one = arrival(1)
    atlas.add([type(one)(Record("nasa", f"{n:04d}"), one.intake, one.data) for n in range(400)])
    ids = atlas.ids()
    atlas.replace_columns(
        pa.table({"id": ids, "label": ["comet"] * 400}), ColumnProvenance("labels")
    )
    atlas.replace_columns(
        pa.table({"id": ids, "split": ["train"] * 400}), ColumnProvenance("split")
    )
    asked = []
    read = Atlas.images

    def watched(self, ids, columns):
        asked.append(len(ids))
        return read(self, ids, columns)

    monkeypatch.setattr(Atlas, "images", watched)
    export_images(atlas, tmp_path / "thumbnails", format_=format_)
    assert sum(asked) == 400
    assert max(asked) <= 128
    asked.clear()
    export_images(atlas, tmp_path / "originals", format_=format_, original=True)
    assert sum(asked) == 400
    assert max(asked) <= 2


def test_shards_are_of_bounded_size_and_hold_every_image_once(tmp_path):
    rows = [
        {**dict.fromkeys(COLUMNS), "split": "train" if n % 3 else "test", "id": str(n),
         "bytes": bytes(100), "label": "star", "media_type": "image/jpeg"}
        for n in range(60)
    ]  # fmt: skip
    (tmp_path / "tars").mkdir()
    done = write_web_dataset(
        tmp_path / "tars", [rows], ["star"], original=False, shard_images=7, shard_bytes=10**9
    )
    assert [each.name for each in done if each.split == "test"] == [
        f"test-{part:05d}.tar" for part in range(3)
    ]
    names = []
    for file in done:
        with tarfile.open(tmp_path / "tars" / file.name) as tar:
            keys = [each.removesuffix(".jpg") for each in tar.getnames() if each.endswith(".jpg")]
        assert len(keys) <= 7
        names += keys
    assert sorted(names, key=int) == [str(n) for n in range(60)]
    (tmp_path / "tables").mkdir()
    parts = [rows[start : start + 5] for start in range(0, 60, 5)]
    done = write_hugging_face(
        tmp_path / "tables", parts, ["star"], original=False, shard_bytes=1000
    )
    found = [pq.read_table(tmp_path / "tables" / each.name) for each in done]
    assert sum(table.num_rows for table in found) == 60
    assert len(done) > 4
    assert max(table.num_rows for table in found) <= 14


def test_originals_that_no_image_library_opens_are_left_to_webdataset(
    sorted_atlas, arrival, tmp_path
):
    made = arrival(50)
    fits = replace(made.intake, media_type="image/fits", sha256="0" * 64)
    sorted_atlas.add([type(made)(Record("nasa", "raw"), fits, b"SIMPLE  =")])
    row = {"id": ["nasa:raw"], "label": ["comet"]}
    sorted_atlas.fill_columns(pa.table(row))
    sorted_atlas.fill_columns(pa.table({"id": ["nasa:raw"], "split": ["train"]}))
    told, _ = exported(sorted_atlas, tmp_path / "folder", "--original")
    assert (
        told["left_out"]["FITS, which readers of image files cannot open (a WebDataset takes it)"]
        == 1
    )
    told, _ = exported(sorted_atlas, tmp_path / "tars", "--original", "--format", "webdataset")
    assert told["images"] == 8
    with tarfile.open(tmp_path / "tars/train-00000.tar") as tar:
        assert tar.extractfile("nasa_raw.fits").read() == b"SIMPLE  ="
