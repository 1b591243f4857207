"""What a newcomer meets first: version, help, completion, near names, and errors for scripts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cosmic_morphology import __version__, cli
from cosmic_morphology.cli import app
from cosmic_morphology.suggest import nearest_name, suggest_names

COSMIC = str(Path(sys.executable).parent / "cosmic")


@pytest.fixture
def ran(monkeypatch, capfd, tmp_path):
    """``main()`` in this process, in a folder of its own: code, standard output, standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cosmic", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return ended.value.code or 0, out, err

    return run


def verbs(command=None, path=()):
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        return [path]
    return [
        each for name, child in command.commands.items() for each in verbs(child, (*path, name))
    ]


def test_the_version_is_that_of_the_package(ran):
    assert ran("--version") == (0, f"cosmic {__version__}\n", "")


@pytest.mark.parametrize("words", [(), ("atlas",), ("review",)])
def test_without_a_verb_the_help_is_shown_and_nothing_has_failed(ran, words):
    code, out, err = ran(*words)
    assert (code, err) == (0, "")
    assert " ".join(["Usage: cosmic", *words]) in out


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("evaluat",), "evaluate"),
        (("atlas", "inf"), "info"),
        (("split", "--hold_out", "x"), "--hold-out"),
        (("train", "--recpie", "scratch"), "--recipe"),
        (("collect", "--lmit=3"), "--limit"),
        (("study", "reallism", "--config", "x"), "realism"),
        (("--versoin",), "--version"),
    ],
)
def test_a_mistyped_word_gets_the_one_that_was_meant(ran, words, meant):
    code, out, err = ran(*words)
    assert (code, out) == (2, "")
    assert f"Did you mean '{meant}'?" in err
    assert len(err.splitlines()) == 1


def test_a_word_like_no_other_gets_no_guess(ran):
    for words in (("qqq",), ("train", "--qqq")):
        assert "Did you mean" not in ran(*words)[2]


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_no_word_of_a_help_is_taken_for_markup_and_hidden(ran, verb):
    command = typer.main.get_command(app)
    for name in verb:
        command = command.commands[name]
    _, shown, _ = ran(*verb, "--help")
    words = set(re.sub(r"[^\w.\[\]<>/-]", " ", shown).split())
    told = re.sub(r"[^\w.\[\]<>/-]", " ", command.help).split()
    assert [word for word in told if word not in words] == []


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_with_json_wrong_usage_of_every_verb_is_one_object(ran, verb):
    code, out, err = ran(*verb, "--no-such-option", "--json")
    error = json.loads(out)["error"]
    assert code == error["exit_code"] == 2
    assert error["kind"] == "UsageError"
    assert f"{error['what']}. {error['todo']}" in err


def test_with_json_an_error_says_what_where_and_what_to_do(ran):
    code, out, err = ran("status", "--atlas", "nowhere", "--json")
    assert code == 2
    assert list(json.loads(out)) == ["error"]
    error = json.loads(out)["error"]
    assert error["kind"] == "AtlasNotFoundError"
    assert error["where"] == "nowhere"
    assert error["todo"]
    assert len(err.splitlines()) == 1


def test_without_json_standard_output_stays_empty(ran):
    assert ran("status", "--atlas", "nowhere")[1] == ""
    assert ran("predict", "x", "--", "--json")[1] == ""  # the name of a target, not the option


def test_a_verb_that_has_printed_its_object_adds_no_second_one(ran, filled, tmp_path):
    table = tmp_path / "verdicts.csv"
    table.write_text("id,verdict,label\nno:such,label,star\n")
    code, out, err = ran("review", "import", table, "--atlas", filled.uri, "--json")
    assert code == 2
    assert json.loads(out)["unknown"] == 1
    assert "no:such" in err


def test_a_fault_and_an_interrupt_are_objects_too(ran, monkeypatch):
    for error, kind, code in ((KeyError("x"), "ProgramFault", 1), (KeyboardInterrupt, None, 130)):

        def fail(*_args, error=error, **_kwargs):
            raise error

        monkeypatch.setattr("cosmic_morphology.cli.status.settings_for", fail)
        ended, out, _ = ran("status", "--json")
        told = json.loads(out)["error"]
        assert ended == told["exit_code"] == code
        assert told["kind"] == (kind or "CosmicError")


def test_near_names_pass_over_capitals_and_joints():
    assert nearest_name("GALAXY", ["galaxy", "star"]) == "galaxy"
    assert nearest_name("class_weight", ["class-weights", "patience"]) == "class-weights"
    assert nearest_name("--json", ["--version"]) is None


def test_of_many_names_only_the_one_that_was_meant_is_told():
    many = [f"column_{n}" for n in range(40)]
    assert suggest_names("colum_7", many) == "Did you mean 'column_7'?"
    assert suggest_names("zzz", many).endswith("column_39.")


def completed(line, cwd):
    """What bash would be offered at the end of a command line."""
    environment = os.environ | {
        "_COSMIC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(
        [COSMIC], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_tab_key_offers_verbs_options_and_names(tmp_path):
    for name in ("mine", "minor"):
        folder = tmp_path / "out" / "runs" / name
        folder.mkdir(parents=True)
        (folder / "FINISHED").touch()
    (tmp_path / "out" / "runs" / "mistake").mkdir()
    (tmp_path / "cosmic.toml").write_text("out = 'out'\n")
    assert completed("cosmic explo", tmp_path) == ["explore"]
    assert completed("cosmic split --hold", tmp_path) == ["--hold-out"]
    assert completed("cosmic predict mi", tmp_path) == ["mine", "minor"]
    assert completed("cosmic train --recipe scr", tmp_path) == ["scratch"]
    assert completed("cosmic synthesize --class gal", tmp_path) == ["galaxy"]
    assert completed("cosmic collect --source ap", tmp_path) == ["apod"]
    assert completed("cosmic atlas query --table led", tmp_path) == ["ledger"]
    assert completed("cosmic atlas export x --format p", tmp_path) == ["parquet"]


def test_settings_that_are_not_valid_leave_the_tab_key_silent(tmp_path):
    (tmp_path / "cosmic.toml").write_text("no_such = 1\n")
    assert completed("cosmic predict mi", tmp_path) == []


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("collect", "comet", "--source", "nassa"), "nasa"),
        (("collect", "comet", "--retry", "pendin"), "pending"),
        (("collect", "legacysurvey", "--source", "cutouts", "--option", "size_pix=64"), "size_px"),
        (("synthesize", "--class", "galxy"), "galaxy"),
        (("train", "--recipe", "scrach"), "scratch"),
        (("sweep", "s", "--recipe", "finetune", "--recipe", "scrach"), "scratch"),
        (("atlas", "export", "x", "--format", "imagefoldr"), "imagefolder"),
        (("atlas", "export", "y", "--where", "lisence = 'x'"), "licence"),
    ],
)
def test_a_mistyped_name_gets_the_one_that_was_meant(ran, filled, words, meant):
    code, _, err = ran(*words, "--atlas", filled.uri)
    assert code == 2
    assert f"Did you mean '{meant}'?" in err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[collect]\nattemps = 3\n", "attempts"),
        ("[learn]\nbackbon = 'x'\n", "backbone"),
        ("sed = 3\n", "seed"),
    ],
)
def test_a_mistyped_setting_gets_the_one_that_was_meant(ran, tmp_path, text, meant):
    (tmp_path / "cosmic.toml").write_text(text)
    code, _, err = ran("status")
    assert code == 2
    assert f"Did you mean '{meant}'?" in err


def test_mistyped_keys_of_a_recipe_get_those_that_were_meant(tmp_path):
    from cosmic_morphology.errors import SettingsError
    from cosmic_morphology.learn import load_recipe

    for text, meant in (("lerning_rate = 1", "learning_rate"), ("[augment]\nflipp = true", "flip")):
        file = tmp_path / "mine.toml"
        file.write_text(text)
        with pytest.raises(SettingsError, match=f"no such key.*Did you mean '{meant}'"):
            load_recipe(str(file))


def test_a_mistyped_run_gets_the_one_that_was_meant(ran, tmp_path):
    for name in ("mine", "other"):
        folder = tmp_path / "cosmic-out" / "runs" / name
        folder.mkdir(parents=True)
        (folder / "FINISHED").touch()
    assert "Did you mean 'mine'?" in ran("predict", "mien", "x.jpg")[2]


def test_a_mistyped_column_of_a_table_gets_the_one_that_was_meant(ran, filled, tmp_path):
    table = tmp_path / "verdicts.csv"
    table.write_text("idd,verdict,label\nnasa:x001,label,star\n")
    code, _, err = ran("review", "import", table, "--atlas", filled.uri)
    assert code == 2
    assert "Did you mean 'idd'?" in err
    code, _, err = ran("review", "import", table, "--atlas", filled.uri, "--column", "idx=idd")
    assert code == 2
    assert "Did you mean 'id'?" in err


def test_a_mistyped_tag_gets_the_one_that_was_meant(ran, filled):
    filled.tag("first-look")
    code, _, err = ran("atlas", "info", "--version", "frist-look", "--atlas", filled.uri)
    assert code == 2
    assert "Did you mean 'first-look'?" in err


def test_a_help_text_breaks_where_the_terminal_ends_and_not_where_the_source_did():
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["report", "--help"]).output
    lines = [line.strip() for line in shown.splitlines()]
    first = next(at for at, line in enumerate(lines) if line.startswith("Runs that have not"))
    # The next word would not have fitted.
    assert len(f"{lines[first]} {lines[first + 1].split()[0]}") > 78
    assert len(f"{lines[first + 1]} {lines[first + 2].split()[0]}") > 78
