"""Verdicts come in whole or not at all, once, and say what is wrong with them."""

from __future__ import annotations

import unicodedata

import pytest
from drawn_images import make_arrival
from typer.testing import CliRunner

from cosmic_morphology.atlas import Record, all_decisions, latest_decisions
from cosmic_morphology.cli import app
from cosmic_morphology.curate.review.import_verdicts import import_verdicts
from cosmic_morphology.errors import InputError
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
HEAD = "id,verdict,label,who,when,why\n"


def table(tmp_path, text, name="verdicts.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_verdicts_are_stored_once(filled, tmp_path):
    file = table(
        tmp_path,
        HEAD
        + "nasa:x001,label,comet,ada,2026-01-02T03:04,a tail\n"
        + "nasa:x002,drop,,ada,2026-01-02,\nnasa:x003,keep,,ada,,\n",
    )
    done = import_verdicts(filled, file, taxonomy=SIX)
    assert (done.read, done.stored, done.already_there) == (3, 3, 0)
    again = import_verdicts(filled, file, taxonomy=SIX)
    assert (again.stored, again.already_there) == (0, 3)
    kept = latest_decisions(filled)
    assert (kept["nasa:x001"].label, kept["nasa:x001"].why) == ("comet", "a tail")
    assert kept["nasa:x002"].verdict == "drop"


def test_a_table_of_classes_is_a_table_of_verdicts(filled, tmp_path):
    file = table(tmp_path, "file,class\nx001,Galaxy\nx002,irrelevant\n")
    done = import_verdicts(
        filled, file, taxonomy=SIX, columns={"id": "file"}, id_prefix="nasa:", who="bob"
    )
    assert done.stored == 2
    kept = latest_decisions(filled)
    assert (kept["nasa:x001"].verdict, kept["nasa:x001"].label) == ("label", "galaxy")
    assert (kept["nasa:x002"].verdict, kept["nasa:x002"].who) == ("drop", "bob")


def test_the_latest_of_contradicting_verdicts_wins_and_they_are_counted(filled, tmp_path):
    file = table(
        tmp_path,
        HEAD
        + "nasa:x001,label,comet,ada,2026-01-02T00:00,\nnasa:x001,label,star,bob,2026-01-01,\n",
    )
    done = import_verdicts(filled, file, taxonomy=SIX)
    assert (done.contradictions, done.contradicting_ids) == (1, ("nasa:x001",))
    assert latest_decisions(filled)["nasa:x001"].label == "comet"


def test_unknown_ids_are_counted_and_named_not_stored(filled, tmp_path):
    file = table(tmp_path, "id,label\nnasa:nobody,comet\nnasa:x001,comet\n")
    done = import_verdicts(filled, file, taxonomy=SIX)
    assert (done.unknown, done.unknown_ids, done.stored) == (1, ("nasa:nobody",), 1)


def test_one_split_can_be_asked_for(filled, tmp_path):
    import pyarrow as pa

    from cosmic_morphology.atlas import ColumnProvenance

    ids = [f"nasa:x{n:03d}" for n in range(10)]
    splits = pa.table({"id": ids, "split": ["test"] * 3 + ["train"] * 7})
    filled.replace_columns(splits, ColumnProvenance("split"))
    file = table(tmp_path, "id,label\nnasa:x001,comet\nnasa:x009,comet\n")
    done = import_verdicts(filled, file, taxonomy=SIX, only_split="test")
    assert (done.stored, done.other_split) == (1, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,verdict,label\nnasa:x001,maybe,\n", r"line 2: the verdict 'maybe' is unknown"),
        ("id,verdict\nnasa:x001,\n", r"line 2: the verdict '' is unknown"),
        ("id,label\nnasa:x001,comet\nnasa:x002,quasar\n", r"line 3: the label 'quasar'.*asteroid"),
        ("id,label\nnasa:x001,\n", r"line 2: the label '' is not a class"),
        ("name,label\nx,comet\n", r"no column 'id'.*There are: name, label"),
        ("id,note\nx,comet\n", r"no column 'verdict'.*There are: id, note"),
        ("id,label,when\nnasa:x001,comet,yesterday\n", r"line 2: the time 'yesterday'"),
        ("id,label\n,comet\n", r"line 2: the id is empty"),
        ("", "the table has no header"),
    ],
)
def test_a_bad_table_is_refused_whole(filled, tmp_path, text, says):
    with pytest.raises(InputError, match=says) as caught:
        import_verdicts(filled, table(tmp_path, text), taxonomy=SIX)
    assert "verdicts.csv" in str(caught.value)
    assert filled.count("decisions") == 0


def test_a_missing_or_binary_table_says_so(filled, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        import_verdicts(filled, tmp_path / "none.csv", taxonomy=SIX)
    binary = tmp_path / "image.csv"
    binary.write_bytes(b"\xff\xd8\xff\xe0" * 40)
    with pytest.raises(InputError, match="not a CSV table"):
        import_verdicts(filled, binary, taxonomy=SIX)
    with pytest.raises(InputError, match=r"no column 'datei'.*read as 'id'"):
        import_verdicts(filled, table(tmp_path, HEAD), taxonomy=SIX, columns={"id": "datei"})


@pytest.mark.parametrize(
    ("text", "code", "stored"),
    [
        ("\ufeffID;Class\r\nnasa:x000;comet\r\nnasa:x001;star\r\n", 0, 2),
        ("id,label\nnasa:x000,comet\nnasa:x001,star\nelse:1,star\nelse:2,star\n", 0, 2),
        ("id,label\nnasa:x000,comet\nelse:1,star\nelse:2,star\n", 1, 1),
        ("id,label\nnasa:x000,comet,star\n", 2, 0),
    ],
)
def test_a_table_of_verdicts_of_which_less_than_half_is_known_ends_with_1(
    filled, tmp_path, text, code, stored
):
    file = tmp_path / "t.csv"
    file.write_text(text, "utf-8", newline="")
    done = CliRunner().invoke(app, ["review", "import", str(file), "--atlas", filled.uri])
    ended = getattr(done.exception, "exit_code", None) or done.exit_code
    assert (ended, filled.count("decisions")) == (code, stored)


def test_verdicts_find_their_image_in_either_normal_form(atlas, tmp_path):
    forms = {form: unicodedata.normalize(form, "é") for form in ("NFC", "NFD")}
    named = {"both NFC": forms["NFC"], "both NFD": forms["NFD"]}
    named["one"] = f"a{forms['NFD']}"
    atlas.add([make_arrival(0)])
    records = [Record("folder", name) for name in named.values()]
    atlas.upsert_records(records)
    rows = [f"folder:{forms['NFC']},comet", f"folder:{forms['NFD']},star", "folder:aé,planet"]
    file = table(tmp_path, "id,label\n" + "\n".join(rows) + "\n")
    import_verdicts(atlas, file, taxonomy=SIX)
    said = {each.id: each.label for each in all_decisions(atlas)}
    assert said == {
        f"folder:{named['both NFC']}": "comet",
        f"folder:{named['both NFD']}": "star",
        f"folder:{named['one']}": "planet",
    }
