"""Whatever an archive answers ends in a record, a counted refusal, or an error with a reason."""

from __future__ import annotations

import itertools
import json
import random

import fuzz_answers
import pytest
from fuzz_answers import (
    ANSWERS,
    HEADERS,
    ROOT,
    TAXONOMY,
    ending,
    many_changes,
    one_change_each,
    plug_in_ending,
    table_ending,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosmic_morphology.collect import SkippedRecord, Slice, SourceRequest, find_source
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.collect.sources.apod import read_archive
from cosmic_morphology.collect.sources.options import Options
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import CollectJob

ENDS = {"read", "SourceError", "Trouble", "UsageError", "InputError"}
ANY_JSON = st.recursive(
    st.sampled_from([each for each in fuzz_answers.NASTY if not isinstance(each, list | dict)])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("source", ANSWERS)
def test_valid_answers_become_records(source):
    assert ending(source, ANSWERS[source]) == "read"


@pytest.mark.parametrize("source", ANSWERS)
def test_anything_in_any_place_of_an_answer_is_no_traceback(source):
    # Another part of all changes for each source, and the same in every run.
    for answer in itertools.islice(one_change_each(source), 3, None, 11):
        assert ending(source, answer) in ENDS


@pytest.mark.long
@pytest.mark.parametrize("source", ANSWERS)
def test_every_change_of_an_answer_and_many_at_once_are_no_traceback(source):
    for answer in one_change_each(source):
        assert ending(source, answer) in ENDS
    chances = random.Random(20261122)
    for _ in range(2_000):
        assert ending(source, many_changes(source, chances)) in ENDS


@pytest.mark.parametrize("source", ANSWERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_generated_json_in_any_place_is_no_traceback(source, data):
    valid = ANSWERS[source]
    at = data.draw(st.sampled_from(list(fuzz_answers.places(valid))))
    assert ending(source, fuzz_answers.put(valid, at, data.draw(ANY_JSON))) in ENDS


@pytest.mark.parametrize("said", HEADERS)
def test_a_count_in_a_header_may_be_anything(said):
    assert ending("apod", ANSWERS["apod"], {"x-wp-total": said}) in ENDS


@pytest.mark.parametrize("at", range(0, 400, 13))
def test_an_archive_file_may_hold_anything(tmp_path, at):
    answer = next(itertools.islice(one_change_each("apod"), at, None))
    data = json.dumps(answer).encode()
    assert table_ending(read_archive, tmp_path / "a.json", data) in ENDS


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b", b"[" * 100_000, b"\xff\xfe", b"1" * 5_000, b"\x1f\x8b\x08\0" * 9]
)
@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_a_broken_archive_file_is_named(tmp_path, name, data):
    assert table_ending(read_archive, tmp_path / name, data) == "InputError"


OPTIONS = {
    "nasa": ("rendition", "center"),
    "apod": ("archive", "width_px"),
    "djangoplicity": ("artwork", "original"),
    "commons": ("width_px",),
    "cutouts": ("table", "columns", "size_px", "scale_arcsec", "layer", "release"),
}
TEXTS = {"center", "archive", "table", "columns", "layer", "release"}
"""Options that any text may be."""


@pytest.mark.parametrize("source", OPTIONS)
@pytest.mark.parametrize("value", ["ten", "1k", "256px", "ra=ra", "", "../x", "nan", [], {"a": {}}])
def test_an_option_that_is_none_is_named_before_anything_is_asked(source, value):
    for name in OPTIONS[source]:
        if name in TEXTS and isinstance(value, str):
            continue
        job = CollectJob(type=source, options={name: value}, root=ROOT)
        with pytest.raises(UsageError, match=rf"options\.{name}") as caught:
            find_source(SourceRequest(job, TAXONOMY, contact="a@b.org"))
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["layer", "release"])
@pytest.mark.parametrize("value", ["", "../x", "a b", "?", "\ud800"])
def test_an_option_that_goes_into_an_address_is_one_word(name, value):
    job = CollectJob(type="cutouts", options={name: value}, root=ROOT)
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        find_source(SourceRequest(job, TAXONOMY))


@pytest.mark.parametrize("source", OPTIONS)
def test_an_option_that_there_is_not_is_answered_with_those_that_there_are(source):
    job = CollectJob(type=source, options={"witdh_px": "5"}, root=ROOT)
    with pytest.raises(UsageError, match=f"There are: .*{OPTIONS[source][0]}"):
        find_source(SourceRequest(job, TAXONOMY, contact="a@b.org"))


def test_options_of_the_command_line_become_what_they_mean():
    class Mine(Options):
        number: int = 1
        yes: bool = True

    wanted = SourceRequest(
        CollectJob(type="nasa", options={"number": "7", "yes": "false"}), TAXONOMY
    )
    assert wanted.read_options(Mine) == Mine(number=7, yes=False)
    assert wanted.option("number", 1) == 7
    with pytest.raises(UsageError, match=r"options\.yes"):
        wanted.option("yes", 1.5)


@pytest.mark.parametrize("root", ["http://[::1", "galaxy", "http://x:99999", "ftp://x", "http://"])
def test_a_root_that_is_no_address_is_wrong_usage(root):
    with pytest.raises(UsageError):
        UrlPolicy((), root)


class Fine:
    """A plug-in that works; the others each do one thing wrong."""

    name = "mine"
    hosts = ()
    queries = ("q",)
    given: object = SkippedRecord("1", "no_image")
    part: object = Slice("q", "q")

    def __init__(self, wanted):
        del wanted

    async def slices(self, ask):
        yield self.part

    async def records(self, ask, part):
        yield self.given


class Raising(Fine):
    def __init__(self, wanted):
        raise KeyError("width")


class Refusing(Fine):
    def __init__(self, wanted):
        raise UsageError("give a table")


class Counting(Fine):
    def __init__(self, wanted):
        self.width = wanted.option("width", 5)


class NoWord(Fine):
    name = "../x"


class NoQueries(Fine):
    queries = None


class NoSlices(Fine):
    part = ("q", "q")


class Negative(Fine):
    part = Slice("q", "q", -1)


class NoList(Fine):
    def slices(self, ask):
        return 5


class Breaking(Fine):
    async def records(self, ask, part):
        yield self.given
        raise RuntimeError("broken")


class Leaving(Fine):
    given = 7


@pytest.mark.parametrize(
    ("plug_in", "end"),
    [
        *((Fine, "read"), (Raising, "SourceError"), (Refusing, "UsageError"), (Counting, "read")),
        *((NoWord, "SourceError"), (NoQueries, "SourceError"), (NoSlices, "SourceError")),
        *((Negative, "SourceError"), (NoList, "SourceError"), (Breaking, "SourceError")),
        (Leaving, "read"),
    ],
)
def test_a_plug_in_that_does_something_wrong_is_named(monkeypatch, plug_in, end):
    assert plug_in_ending(plug_in, monkeypatch) == end


@pytest.mark.parametrize("nasty", fuzz_answers.NASTY, ids=range(len(fuzz_answers.NASTY)))
def test_a_plug_in_may_give_anything(monkeypatch, nasty):
    from cosmic_morphology.atlas import Record

    made = [nasty, SkippedRecord(nasty, nasty, nasty)]
    made += [Record("mine", "1", **{name: nasty}) for name in ("title", "keywords", "image_url")]
    made += [Record(nasty, "1"), Record("mine", nasty), Record("mine", "1", fetched_at=nasty)]
    for given_ in made:
        monkeypatch.setattr(Fine, "given", given_)
        assert plug_in_ending(Fine, monkeypatch) == "read"
    for part in (nasty, Slice(nasty, "q"), Slice("q", "q", nasty), Slice("q", "q", 1, nasty)):
        monkeypatch.setattr(Fine, "part", part)
        assert plug_in_ending(Fine, monkeypatch) in ENDS


@pytest.mark.parametrize("columns", ["ten", "ra=ra=ra", "x=ra", "ra", {"x": "ra"}, "ra=nowhere"])
def test_columns_that_are_none_are_named(tmp_path, columns):
    table = tmp_path / "t.csv"
    table.write_text("ra,dec\n10,20\n11,21\n")
    job = CollectJob(type="cutouts", options={"table": table, "columns": columns}, root=ROOT)
    with pytest.raises(UsageError):
        find_source(SourceRequest(job, TAXONOMY))
