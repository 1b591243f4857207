"""The command line: exit codes, one clear line, one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import ColumnProvenance

COSMIC = str(Path(sys.executable).parent / "cosmic")


def cosmic(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COSMIC, *map(str, words)], capture_output=True, text=True, check=False, cwd=cwd
    )


def refused(*words: object, cwd: Path | None = None) -> str:
    done = cosmic(*words, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_missing_atlas_is_one_clear_line(tmp_path):
    line = refused("atlas", "info", "--atlas", tmp_path / "none")
    assert len(line.splitlines()) == 1
    assert "there is no atlas here" in line
    assert "Collect or import" in line


def test_a_newer_atlas_is_one_clear_line(filled):
    lance.dataset(f"{filled.uri}/catalogue.lance").update_schema_metadata({"cosmic_schema": "7"})
    line = refused("atlas", "info", "--atlas", filled.uri)
    assert "schema 7" in line
    assert "newest version" in line


def test_an_unknown_key_of_the_settings_is_named(tmp_path):
    config = tmp_path / "cosmic.toml"
    config.write_text("[learn]\nbackbon = 'resnet50'\n")
    line = refused("run", "--config", config)
    assert "learn.backbon" in line
    assert "backbone" in line


def test_an_unknown_verb_or_option_is_wrong_usage():
    assert cosmic("colect").returncode == 2
    assert cosmic("collect", "--no-such-option").returncode == 2


def test_an_import_with_missing_columns_says_which(tmp_path):
    (tmp_path / "images").mkdir()
    table = tmp_path / "images.csv"
    table.write_text("name,title\na.jpg,x\n")
    line = refused("import", tmp_path / "images", "--csv", table, "--atlas", tmp_path / "atlas")
    assert "file" in line
    assert "images.csv" in line


def test_atlas_verbs_print_one_json_object(filled, tmp_path):
    ids = filled.ids()
    filled.replace_columns(
        pa.table({"id": ids, "label": ["comet"] * 10, "label_kind": ["computed"] * 10}),
        ColumnProvenance("labels"),
    )
    filled.replace_columns(
        pa.table({"id": ids, "split": ["train"] * 10}), ColumnProvenance("split")
    )
    place = ("--atlas", filled.uri, "--json")
    info = json.loads(cosmic("atlas", "info", *place).stdout)
    assert info["rows"]["images"] == 10
    assert info["derived_columns"]["label"] == "labels"
    assert json.loads(cosmic("atlas", "tag", "one", *place).stdout)["tag"] == "one"
    commits = json.loads(cosmic("atlas", "versions", *place).stdout)["commits"]
    assert any("one" in commit["tags"] for commit in commits)
    assert json.loads(cosmic("atlas", "verify", *place).stdout)["sound"] is True
    done = json.loads(cosmic("atlas", "export", tmp_path / "x", *place).stdout)
    assert done["images"] == 10
    assert json.loads(cosmic("atlas", "credits", *place).stdout)["credits"][0]["images"] == 10
    old = json.loads(cosmic("atlas", "info", "--version", "one", *place).stdout)
    assert old["rows"]["images"] == 10


def test_verify_fails_the_command_when_bytes_have_changed(filled, arrival):
    stray = arrival(77)
    filled.add([type(stray)(stray.record, stray.intake, b"other bytes")])
    done = cosmic("atlas", "verify", "--atlas", filled.uri)
    assert done.returncode == 1
    assert "bytes_changed" in done.stdout


@pytest.mark.parametrize("name", ["../x", "i1-c1-d1-l1", ""])
def test_a_bad_tag_is_refused(filled, name):
    done = cosmic("atlas", "tag", name, "--atlas", filled.uri)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
