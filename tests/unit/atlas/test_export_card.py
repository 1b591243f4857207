"""The data card says what an export holds, what it leaves out, and how its labels came about."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import lance
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cosmic_morphology.atlas import RENDERER, ColumnProvenance, LeakageWords, export_images
from cosmic_morphology.atlas.export.card import known_licence
from cosmic_morphology.atlas.schema import VOTE_TYPE
from cosmic_morphology.cli import app

AT = {"at": datetime(2026, 1, 1, tzinfo=UTC), "why": ""}


@pytest.fixture
def sky(atlas, arrival):
    licences = ["Public domain"] * 4 + [""] * 4
    credit = "NASA | [x](http://evil.example) <script>"
    atlas.add([arrival(n, licence=licences[n], credit=credit) for n in range(8)])
    ids = atlas.ids()
    given = {"voter": "title", "label": "comet", "weight": 0.9, "reason": ""}
    labels = {
        "id": ids,
        "label": ["comet"] * 6 + [None] * 2,
        "label_kind": ["computed"] * 6 + ["none"] * 2,
        "label_confidence": pa.array([0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.4, 0.0], pa.float32()),
    }
    atlas.replace_columns(pa.table(labels), ColumnProvenance("labels"))
    votes = pa.array([[given]] * 7 + [[]], VOTE_TYPE)
    atlas.replace_columns(pa.table({"id": ids, "votes": votes}), ColumnProvenance("votes"))
    split = ["train", "train", "val", "test", "none", "test", "train", "none"]
    why = [""] * 4 + ["another image of its origin is scored"] + [""] * 3
    table = pa.table({"id": ids, "split": split, "split_reason": why})
    atlas.replace_columns(table, ColumnProvenance("split"))
    atlas.append_decisions(
        [
            {"id": ids[3], "verdict": "keep", "label": "comet", "who": "Ada", **AT},
            {"id": ids[5], "verdict": "drop", "label": None, "who": "Ada", **AT},
            {"id": ids[0], "verdict": "label", "label": "comet", "who": RENDERER, **AT},
        ]
    )
    return atlas


def export(atlas, *words, code=0):
    done = CliRunner().invoke(
        app, ["atlas", "export", *map(str, words), "--atlas", atlas.uri, "--json"]
    )
    assert done.exit_code == code, done.output
    return json.loads(done.stdout), done.stderr


def test_what_is_left_out_and_why_is_said(sky, tmp_path):
    told, remarks = export(sky, tmp_path / "sky")
    assert told["left_out"] == {
        "in no split: another image of its origin is scored": 1,
        "a person dropped it": 1,
        "without a label": 1,
        "without a label: the best class was less sure than curation asks for": 1,
    }
    assert told["splits"] == {"train": 2, "val": 1, "test": 1}
    for why, number in told["left_out"].items():
        assert f"left out: {number} image, {why}" in remarks
    card = (tmp_path / "sky/README.md").read_text("utf-8")
    assert "| in no split: another image of its origin is scored | 1 |" in card


def test_unsure_labels_can_be_left_out(sky, tmp_path):
    told, _ = export(sky, tmp_path / "sky", "--min-confidence", "0.85")
    assert told["splits"] == {"train": 1, "val": 1, "test": 1}  # the rendered one is sure
    assert told["left_out"]["label less sure than 0.85"] == 1
    assert "less sure than 0.85" in (tmp_path / "sky/README.md").read_text("utf-8")


def test_images_without_a_licence_are_named_and_can_be_left_out(sky, tmp_path):
    told, remarks = export(sky, tmp_path / "all.csv")
    assert told["not_redistributable"] == 4
    assert "4 images have no licence" in remarks
    told, _ = export(sky, tmp_path / "open.csv", "--redistributable")
    assert told["images"] == 4
    assert told["left_out"] == {"the licence does not say that copies may be given on": 4}


def test_records_and_images_whose_bytes_are_missing_are_counted(sky, arrival, tmp_path):
    sky.upsert_records([arrival(90).record])
    ids = sky.ids()
    lance.dataset(f"{sky.uri}/images.lance").update({"thumbnail": "X''"}, f"id = '{ids[0]}'")
    told, _ = export(sky, tmp_path / "sky.parquet")
    assert told["left_out"] == {
        "a record without an image": 1,
        "the bytes of the image are missing": 1,
    }
    assert told["images"] == 7


def test_the_card_counts_by_class_split_and_kind_of_label(sky, tmp_path):
    export_images(sky, tmp_path / "sky", format_="hf")
    card = (tmp_path / "sky/README.md").read_text("utf-8")
    assert "| comet | 2 | 1 | 1 | 4 |" in card
    assert "| checked | 0 | 0 | 1 |" in card
    assert "| rendered | 1 | 0 | 0 |" in card
    assert "| computed | 1 | 1 | 0 |" in card
    assert "By Ada (1)." in card
    assert "Voters for these labels: title (2)." in card
    assert "Test images with a label that a person checked: 1 of 1." in card
    assert "1 of 1. Scores" not in card


def test_texts_from_outside_are_shown_as_they_are(sky, tmp_path):
    export_images(sky, tmp_path / "a`<b>\n# c", format_="hf")
    card = (tmp_path / "a`<b>\n# c/README.md").read_text("utf-8")
    assert "<script>" not in card.replace("\\<script\\>", "")
    assert "NASA \\| \\[x\\](http://evil.example) \\<script\\>" in card
    assert "\n# c" not in card
    assert json.loads((tmp_path / "a`<b>\n# c/croissant.json").read_text())["name"] == "a`<b>\n# c"


@pytest.mark.parametrize(
    ("leakage", "words"),
    [
        (None, "Nobody has checked this"),
        (LeakageWords(0, "objects", ("every pair",), ("crops",)), "- not compared: crops"),
        (LeakageWords(0), "was found in two splits"),
        (LeakageWords(3), "3 things are in two splits"),
        (LeakageWords(0, is_current=False), "The atlas has changed since this check"),
    ],
)
def test_the_card_says_what_the_leakage_check_said(sky, tmp_path, leakage, words):
    export_images(sky, tmp_path / "sky", leakage=leakage)
    card = (tmp_path / "sky/README.md").read_text("utf-8")
    section = card.partition("## Are the splits independent?")[2].partition("\n## ")[0]
    assert words in section


def test_split_leaves_a_leakage_report_for_the_card(sky, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["split", "--redo", "--atlas", sky.uri]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    export(sky, tmp_path / "new")
    card = (tmp_path / "new/README.md").read_text("utf-8")
    assert "No image, object, press release or lineage was found in two splits." in card
    assert "- compared: every pair of images that could leak" in card
    assert "has changed since" not in card
    one = sky.read(["id"], where="split = 'train'").column("id")[0].as_py()
    table = pa.table({"id": [one], "split": ["test"]})
    sky.fill_columns(table)
    export(sky, tmp_path / "moved")
    assert "The atlas has changed since" in (tmp_path / "moved/README.md").read_text("utf-8")


def test_the_same_atlas_gives_the_same_bytes(sky, tmp_path):
    for format_ in ("imagefolder", "hf", "webdataset"):
        for place in ("one", "two"):
            export_images(sky, tmp_path / place / format_, format_=format_)
        files = sorted((tmp_path / "one" / format_).rglob("*.*"))
        assert files
        for file in files:
            other = tmp_path / "two" / file.relative_to(tmp_path / "one")
            assert other.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("licences", "name"),
    [
        (["CC BY-SA 3.0"], "cc-by-sa-3.0"),
        (["cc-by-4.0", "CC BY 4.0 (ESO)"], "cc-by-4.0"),
        (["CC0"], "cc0-1.0"),
        (["CC BY 4.0", ""], "other"),
        (["Public domain"], "other"),
    ],
)
def test_a_licence_is_named_only_where_all_images_have_it(licences, name):
    assert known_licence(licences) == name
