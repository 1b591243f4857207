"""``cosmic atlas query`` and ``search``: what they print, and what they refuse."""

from __future__ import annotations

import json
import shlex

import pytest
from drawn_images import make_arrival
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.cli import app
from cosmic_morphology.errors import UsageError


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> str:
    atlas = Atlas.create(tmp_path_factory.mktemp("atlas") / "atlas")
    long = "Dust lane. " + "word " * 100
    atlas.add([make_arrival(n, description=long if n == 3 else "") for n in range(10)])
    return atlas.uri


def answer(*words: object) -> dict:
    done = CliRunner().invoke(app, ["atlas", *map(str, words), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def printed(*words: object) -> str:
    done = CliRunner().invoke(app, ["atlas", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_page_ends_with_the_command_of_the_next_one(place):
    shown = printed("query", "source = 'nasa'", "--order", "title", "--limit", 4, "--atlas", place)
    seen = [f"image {n}" for n in range(10) if f"image {n}" in shown]
    assert "4 rows, and more." in shown
    for _ in range(2):
        line = next(each for each in shown.splitlines() if each.startswith("Next: cosmic atlas "))
        shown = printed(*shlex.split(line)[3:])
        seen += [f"image {n}" for n in range(10) if f"image {n}" in shown]
    assert seen == [f"image {n}" for n in range(10)]
    assert "Next" not in shown


def test_rows_as_one_object_with_columns_of_both_tables(place):
    given = answer("query", "--columns", "id,width", "--descending", "--limit", 1, "--atlas", place)
    assert given["rows"] == [{"id": "nasa:x009", "width": 48}]
    further = answer("query", "--columns", "id", "--descending", "--limit", 20, "--atlas", place,
                     "--after", given["next"])  # fmt: skip
    assert [row["id"] for row in further["rows"]] == [f"nasa:x{n:03d}" for n in range(8, -1, -1)]
    assert further["next"] is None


def test_counts_of_any_table(place):
    given = answer("query", "--count-by", "media_type", "--table", "images", "--atlas", place)
    assert given["counts"] == [{"value": "image/jpeg", "rows": 10}]
    assert "(none)" in printed("query", "--count-by", "label", "--atlas", place)


def test_a_search_prints_titles_and_says_that_there_is_no_index(place):
    shown = printed("search", "IMAGE 3", "--atlas", place)
    assert "nasa:x003" in shown
    assert "1 row with" in shown
    assert "cosmic atlas index" in shown
    assert "--in description" in printed("search", "dust lane", "--atlas", place)
    given = answer("search", "lane dust", "--in", "description", "--atlas", place)
    assert [row["id"] for row in given["rows"]] == ["nasa:x003"]


def test_a_long_text_is_cut_off_on_a_terminal_and_whole_in_json(place):
    asked = ("query", "id = 'nasa:x003'", "--columns", "description", "--atlas", place)
    assert "…" in printed(*asked)
    assert len(answer(*asked)["rows"][0]["description"]) > 300


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("query", "sorce = 'nasa'"), "Did you mean 'source'"),
        (("query", "width > 3"), "--table images"),
        (("query", "--order", "titel"), "Did you mean 'title'"),
        (("query", "--columns", "id,,title"), "commas"),
        (("query", "--count-by", "titel"), "Did you mean 'title'"),
        (("query", "--table", "image"), "Did you mean 'images'"),
        (("query", "--after", "abc"), "no token"),
        (("search", "--", "-"), "no word"),
        (("search", "dust", "--in", "titel"), "--in: words cannot be searched in 'titel'"),
        (("search", "dust", "--in", "titel"), "title, description, credit"),
        (("search", "dust", "--where", "title LIKE"), "its end"),
    ],
)
def test_wrong_words_are_wrong_usage_and_say_what_was_meant(place, words, says):
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(
            app, ["atlas", words[0], "--atlas", place, *words[1:]], catch_exceptions=False
        )
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
