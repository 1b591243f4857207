"""Promises of the one reader of people's tables: what Excel writes is read, or refused by name."""

from __future__ import annotations

import csv
import io
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.csv_table import parse_csv, read_csv
from cosmic_morphology.errors import InputError

ROWS = [{"file": "é 1.jpg", "label": "a, b"}, {"file": "2.jpg", "label": 'say "x"'}]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark"]


def written(rows, delimiter=",", ends="\r\n", encoding="utf-8"):
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=ends)
    table.writeheader()
    table.writerows(rows)
    if encoding == "utf-16-le-mark":
        return b"\xff\xfe" + out.getvalue().encode("utf-16-le")
    return out.getvalue().encode(encoding)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_is_read_as_it_was_meant(delimiter, ends, encoding):
    table = parse_csv(written(ROWS, delimiter, ends, encoding), "t.csv")
    assert (table.header, table.delimiter) == (("file", "label"), delimiter)
    assert [row for _, row in table.rows()] == ROWS
    assert [line for line, _ in table.rows()] == [2, 3]


def test_lists_in_cells_do_not_decide_what_separates():
    content = b"file,label,tags\na.jpg,star,x; y|z; w\nb.jpg,comet,a;b;c\n"
    assert parse_csv(content, "t").delimiter == ","
    assert parse_csv(b"file;texts\na.jpg;one, two, three\nb.jpg;four\n", "t").delimiter == ";"


def test_the_line_with_which_excel_says_what_separates_is_no_header():
    table = parse_csv(b"sep=;\r\nfile;label\r\na.jpg;star\r\n", "t")
    assert list(table.rows()) == [(3, {"file": "a.jpg", "label": "star"})]


def test_separators_at_the_ends_and_empty_lines_are_nothing():
    table = parse_csv(b"file,label,,\na.jpg,star,,\n,,,\n\nb.jpg\n", "t")
    assert [row for _, row in table.rows()] == [
        {"file": "a.jpg", "label": "star"},
        {"file": "b.jpg", "label": ""},
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no header"),
        (b"\xef\xbb\xbf", "no header"),
        ("file,label\né.jpg,star\n".encode("latin-1"), "byte 0xE9 on line 2"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("file,label\n".encode("utf-16-le"), "no text"),
        (b"file,label\na.jpg,star,more\n", "line 2: the row has 3 cells and the header 2"),
        (b'file,label\na.jpg,"star\nb.jpg,comet\n', "not a CSV"),
    ],
)
def test_what_cannot_be_read_without_guessing_is_refused_with_the_place(content, says):
    with pytest.raises(InputError, match=says) as caught:
        list(parse_csv(content, "t.csv").rows())
    assert caught.value.where.startswith("t.csv")


def test_columns_are_found_in_any_capitals_and_never_guessed():
    table = parse_csv("ID,Label,LABEL,Étoile\n1,2,3,4\n".encode(), "t")
    assert table.column("id") == "ID"
    assert table.column("E\u0301TOILE".lower()) == "Étoile"
    assert table.column("none") == ""
    with pytest.raises(InputError, match="there 2 times"):
        table.column("label")
    assert table.column("Label", exactly=True) == "Label"
    with pytest.raises(InputError, match="there 2 times"):
        parse_csv(b"a,a\n1,2\n", "t").column("a", exactly=True)


def test_a_pipe_and_a_folder_are_no_tables_and_nobody_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for place in ("pipe.csv", "", "nowhere.csv", "a\0b"):
        with pytest.raises(InputError):
            read_csv(tmp_path / place)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=12).map(
    lambda text: text.strip().lstrip("'")
)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=3, max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(ENCODINGS),
)
def test_any_quoted_table_comes_back_whole(rows, delimiter, encoding):
    named = [{"file": f"{n}.jpg", "a": a, "b": b, "c": c} for n, (a, b, c) in enumerate(rows)]
    content = written(named, delimiter, encoding=encoding)
    assert [row for _, row in parse_csv(content, "t").rows()] == named


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_one_refusal(content):
    with suppress(InputError):
        header = parse_csv(content, "t").header
        assert header
        for _, row in parse_csv(content, "t").rows():
            assert row.keys() == {*header}
