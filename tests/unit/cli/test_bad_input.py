"""Bad input ends with 2 and one line: tags, versions, places of an atlas, filters that go on."""

from __future__ import annotations

import sys

import pytest

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.versions import AtlasVersion
from cosmic_morphology.cli import main
from cosmic_morphology.cli.common import check_filter
from cosmic_morphology.errors import CosmicError, UsageError

TAGS = ["../x", "a/b", "", ".", "..", "a..b", ".a", "a.", "a.lock", "ü", "i1-c1-d1-l1", "x" * 300,
        "a\n", "a b", "²"]  # fmt: skip
VERSIONS = ["99", "nope", "../x", "a/b", "i99-c99-d99-l99", "i0-c0-d0-l0", "i1-c1-d1",
            f"i{10**30}-c1-d1-l1", f"i{2**63}-c1-d1-l1", "i²-c1-d1-l1", "x" * 300, "\u00fc",
            "i" + "9" * 5000 + "-c1-d1-l1"]  # fmt: skip
GOES_ON = ["true; DROP TABLE x", "true;", "true) OR (true", "true true", "true, false", "true x",
           "true AS x", "true ORDER BY id", "true LIMIT 1", "true GROUP BY id", "true -- x",
           "true THEN true ELSE false END OR CASE WHEN true", "true UNION SELECT 1",
           "true) OR upper(id) IN ('A'", "id = 'a;b' ; true",
           "'a') = ('a') OR ('a' = 'a'"]  # fmt: skip
WHOLE = ["true", "id IN ('a', 'b') OR (source = 'nasa' AND NOT title = 'x')", "(true)",
         "title = 'a; b) OR (c' OR true", "title = 'it''s' OR true",
         "`id` IS NOT NULL"]  # fmt: skip


def code_of(monkeypatch, capsys, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cosmic", *words])
    with pytest.raises(SystemExit) as done:
        main()
    said = capsys.readouterr()
    if done.value.code:
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
    return int(done.value.code or 0)


@pytest.mark.parametrize("name", TAGS)
def test_a_name_that_can_be_no_tag_is_bad_input(filled, name):
    with pytest.raises(CosmicError) as told:
        filled.tag(name)
    assert told.value.exit_code == 2


def test_a_plain_name_is_a_tag_once(filled):
    for name in ("a", "v1.2.3", "-x", "paper_2026-11", "x" * 100):
        filled.tag(name)
        assert Atlas.open(filled.uri, version=name).count() == 10
        with pytest.raises(CosmicError, match="exists") as told:
            filled.tag(name)
        assert told.value.exit_code == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_that_is_not_there_is_bad_input(filled, version):
    with pytest.raises(CosmicError) as told:
        Atlas.open(filled.uri, version=version)
    assert told.value.exit_code == 2
    parsed = AtlasVersion.parse(version)
    assert parsed is None or str(parsed) == version


def test_the_command_line_ends_with_2(filled, tmp_path, monkeypatch, capsys):
    a_file = tmp_path / "file"
    a_file.write_text("x")
    at = ["--atlas", filled.uri]
    out = str(tmp_path / "out.csv")
    for words in (
        ["atlas", "tag", "../x", *at],
        ["atlas", "info", "--version", "99", *at],
        ["atlas", "export", out, "--version", "nope", *at],
        ["atlas", "export", out, "--where", "true; DROP TABLE x", *at],
    ):
        assert code_of(monkeypatch, capsys, *words) == 2
    for verb in (["atlas", "info"], ["atlas", "versions"], ["atlas", "tag", "x"], ["curate"],
                 ["atlas", "verify"], ["atlas", "compact"], ["atlas", "credits"], ["status"],
                 ["split"], ["atlas", "export", out], ["import", str(tmp_path)]):  # fmt: skip
        for place in (str(a_file), str(a_file / "in")):
            assert code_of(monkeypatch, capsys, *verb, "--atlas", place) == 2
    assert code_of(monkeypatch, capsys, "atlas", "info", "--atlas", "foo://x") == 2


@pytest.mark.parametrize("where", GOES_ON)
def test_a_filter_that_goes_on_after_its_end_is_refused(filled, where):
    with pytest.raises(UsageError):
        check_filter(filled, where, option="--where")


@pytest.mark.parametrize("where", GOES_ON[:2])
def test_the_atlas_itself_reads_no_such_filter(filled, where):
    with pytest.raises(ValueError, match="Error parsing"):
        filled.ids(where)
    with pytest.raises(UsageError, match="cannot be read at ';'"):
        filled.count("catalogue", where)


@pytest.mark.parametrize("where", WHOLE)
def test_a_whole_condition_is_taken(filled, where):
    check_filter(filled, where, option="--where")
