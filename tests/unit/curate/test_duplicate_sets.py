"""The sets of duplicates of an atlas, and how to cite the program."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cosmic_morphology import citation
from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.cli import app
from cosmic_morphology.curate import find_duplicates
from cosmic_morphology.curate.duplicates.sets import COLUMNS, duplicate_sets
from cosmic_morphology.errors import UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings

ROOT = Path(__file__).parents[3]


def run(*words):
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(each) for each in words])


@pytest.fixture
def copied(atlas, arrival):
    """Ten images; the bytes of 3 came under two more ids, those of 5 under one more."""
    from dataclasses import replace

    first = [arrival(n) for n in range(10)]
    more = [
        replace(first[of], record=replace(first[of].record, source_id=name, title="=1+1"))
        for of, name in ((3, "copy1"), (3, "copy2"), (5, "copy3"))
    ]
    atlas.add([*first, *more])
    find_duplicates(atlas, settings=CurateSettings())
    return atlas


def test_before_copies_were_searched_this_is_said(filled):
    with pytest.raises(UsageError, match="not searched"):
        duplicate_sets(filled)


def test_each_set_has_the_kept_image_first_and_the_largest_set_comes_first(copied):
    found = duplicate_sets(copied)
    assert [set(each.ids) for each in found] == [
        {"nasa:x003", "nasa:copy1", "nasa:copy2"},
        {"nasa:x005", "nasa:copy3"},
    ]
    rows = copied.read(["id", "duplicate_of"]).to_pylist()
    original = {row["id"]: row["duplicate_of"] for row in rows}
    for each in found:
        assert {original[id_] for id_ in each.ids} == {each.kept}
        assert each.similarities[0] is None
        assert set(each.similarities[1:]) == {1.0}
        assert all("same bytes" in why for why in each.reasons[1:])
    assert found.copies == 3


def test_of_two_as_large_the_lossless_file_is_kept(atlas: Atlas):
    noise = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((160, 120), Image.Resampling.BICUBIC)
    images = []
    for name, form in (("a", "JPEG"), ("b", "PNG"), ("c", "JPEG")):
        out = io.BytesIO()
        image.save(out, form, quality=95)
        images.append(NewImage(Record("set", name), ingest_image(out.getvalue()), out.getvalue()))
    atlas.add(images)
    find_duplicates(atlas, settings=CurateSettings())
    assert [each.ids for each in duplicate_sets(atlas)] == [("set:b", "set:a", "set:c")]


def test_the_csv_has_a_row_for_each_image_and_no_formula(copied, tmp_path):
    file = tmp_path / "sets.csv"
    done = run("duplicates", "--atlas", copied.uri, "--out", file)
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 5
    assert len({row["set"] for row in rows}) == 2
    assert [row["id"] == row["set"] for row in rows] == [row["kept"] == "True" for row in rows]
    assert not any(row["title"].startswith("=") for row in rows)
    assert done.output.splitlines()[-1] == f"Written: {file}"


def test_the_table_and_the_json_say_the_same(copied):
    shown = run("duplicates", "--atlas", copied.uri, "--limit", "1").output
    assert "Not shown: 1 set;" in shown
    assert "2 sets with 3 copies" in shown
    told = json.loads(run("duplicates", "--atlas", copied.uri, "--json").output)
    assert told["copies"] == 3
    assert [len(each["ids"]) for each in told["sets"]] == [3, 2]


def test_an_atlas_without_copies_says_so(filled):
    find_duplicates(filled, settings=CurateSettings())
    done = run("duplicates", "--atlas", filled.uri)
    assert done.exit_code == 0
    assert done.output.startswith("0 sets with 0 copies")


def test_the_next_command_finds_the_same_atlas_and_leaves_out_what_means_something_else(copied):
    shown = run("duplicates", "--atlas", copied.uri).output
    assert shown.splitlines()[-1] == (
        f"Next: cosmic duplicates --out duplicates.csv --atlas {copied.uri}"
    )


def test_the_ending_of_the_file_is_checked_before_anything_is_read(copied, tmp_path):
    done = run("duplicates", "--atlas", "nowhere", "--out", tmp_path / "x.txt")
    assert "has to end in .csv" in str(done.exception)


def test_the_citation_file_is_what_the_program_says():
    assert (ROOT / "CITATION.cff").read_text("utf-8") == citation.as_cff()


def test_cite_prints_each_form_alone_or_text_and_bibtex():
    for form, text in (
        ("text", citation.as_text()),
        ("bibtex", citation.as_bibtex()),
        ("cff", citation.as_cff()),
    ):
        assert run("cite", "--format", form).output.strip() == text.strip()
    both = run("cite").output
    assert citation.as_text() in both
    assert citation.as_bibtex() in both
    assert "cosmic atlas credits" in both
    assert json.loads(run("cite", "--json").output)["bibtex"] == citation.as_bibtex()
