"""Exports: formats by ending, what is left out is said, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cosmic_morphology.atlas import ColumnProvenance, export_atlas
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
    with (tmp_path / "tags.credits.csv").open(newline="", encoding="utf-8") as file:
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
        export_atlas(sorted_atlas, tmp_path / "x.csv", format_="csv", where="label = 'nothing'")
    with pytest.raises(InputError, match="no image"):
        export_atlas(sorted_atlas, tmp_path / "x", where="label = 'nothing'")
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
