"""Damage is told: which table, which fragment, how many rows, and what can be done."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest
from damage_tools import BYTES, damage, write_of_every_kind
from drawn_images import make_arrival
from typer.testing import CliRunner

from cosmic_morphology import atlas as room
from cosmic_morphology import errors
from cosmic_morphology.atlas import TABLES, Atlas, ColumnProvenance, verify_atlas
from cosmic_morphology.atlas.storage import checksums, commit
from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.cli import app

SAMPLE, ALL = 12, 240

# What changes a Lance dataset; each may be called in the one module that records what it wrote.
WRITERS = {
    "write_dataset",
    "merge_insert",
    "insert",
    "delete",
    "update",
    "add_columns",
    "drop_columns",
    "alter_columns",
    "update_metadata",
    "update_field_metadata",
    "update_schema_metadata",
    "update_config",
    "compact_files",
    "create_index",
    "create_scalar_index",
    "drop_index",
    "restore",
    "commit",
    "cleanup_old_versions",
}


def planted(tmp_path: Path, count: int, seed: int) -> None:
    write_of_every_kind(tmp_path / "whole")
    assert verify_atlas(tmp_path / "whole").is_sound
    all_ = list(damage(tmp_path / "whole", tmp_path / "work", count, seed))
    assert [each for each in all_ if not each.found] == []
    assert [each for each in all_ if each.reading.startswith("raw")] == []
    decoding = [each for each in all_ if each.how in BYTES and each.reading == "read"]
    assert len(decoding) >= count // 2
    told_ = [each for each in all_ if each.reading not in ("read", "died")]
    assert [each for each in told_ if each.file.partition(".")[0] not in each.reading] == []


def test_damaged_files_are_found_and_named(tmp_path):
    planted(tmp_path, SAMPLE, seed=1)


@pytest.mark.long
def test_damaged_files_are_found_and_named_in_every_table_and_kind(tmp_path):
    planted(tmp_path, ALL, seed=2)


@pytest.mark.parametrize("name", TABLES)
def test_verify_names_fragment_rows_and_what_can_be_done_and_ends_with_1(tmp_path, name):
    atlas = write_of_every_kind(tmp_path / "atlas")
    fragment = atlas.table(name).get_fragments()[0]
    file = tmp_path / f"atlas/{name}.lance/data" / fragment.data_files()[0].path
    file.write_bytes(file.read_bytes()[:100])
    done = CliRunner().invoke(app, ["atlas", "verify", "--atlas", str(tmp_path / "atlas")])
    assert done.exit_code == 1
    where = f"{name}, fragment {fragment.fragment_id}, {fragment.physical_rows} rows"
    (line,) = [each for each in done.output.splitlines() if file.name in each]
    assert line.startswith(f"file_changed: {where}: the data file data/")
    assert "has 100 bytes instead of" in line
    assert "Put it back from a copy (sha256 " in line
    with pytest.raises(errors.AtlasDamagedError, match=f"the table {name!r} cannot be read"):
        Atlas.open(tmp_path / "atlas").read(table=name)


def test_an_older_version_does_not_pass_for_a_newest_one_that_was_lost(filled):
    versions = Path(filled.uri) / "catalogue.lance/_versions"
    min(versions.glob("*.manifest")).unlink()
    with pytest.raises(errors.AtlasDamagedError, match="'catalogue' has lost its version"):
        Atlas.open(filled.uri)
    with pytest.raises(errors.AtlasDamagedError, match="'catalogue' has lost its version"):
        filled.read()
    assert "file_missing" in {each.kind for each in verify_atlas(filled.uri).problems}


def test_files_of_a_writer_that_was_killed_before_its_record_are_not_checked(filled, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as kill:
        kill.setattr(commit, "record_commits", killed)
        with pytest.raises(Killed):
            filled.add([make_arrival(30)])
    filled.add([make_arrival(30), make_arrival(31)])
    found = verify_atlas(filled.uri)
    assert found.problems == ()
    kinds = {each.split("/")[1] for each in found.not_checked}
    assert kinds == {"data", "_versions", "_transactions"}
    assert all(each.startswith("images.lance/") for each in found.not_checked)
    assert not found.is_sound
    assert not found.is_damaged
    (Path(filled.uri) / next(e for e in found.not_checked if "/data/" in e)).unlink()
    assert "file_missing" in {each.kind for each in verify_atlas(filled.uri).problems}


def test_a_damaged_record_is_told_and_its_files_are_not_checked(filled):
    record = max((Path(filled.uri) / "checksums/images").iterdir())
    record.write_bytes(record.read_bytes().replace(b'"sha256": "', b'"sha256": "0', 1))
    found = verify_atlas(filled.uri)
    assert [each.kind for each in found.problems] == ["record_damaged"]
    assert any(each.startswith("images.lance/data/") for each in found.not_checked)


def test_two_writers_at_once_lose_no_record(filled):
    script = textwrap.dedent("""
        import sys
        from cosmic_morphology.atlas import Atlas
        atlas = Atlas.open(sys.argv[1])
        for n in range(6):
            if sys.argv[2] == "a":
                atlas.upsert_ledger([{"url": f"http://x/{n}", "state": "stored"}])
            atlas.set_note(sys.argv[2], str(n))
    """)
    two = [subprocess.Popen([sys.executable, "-c", script, filled.uri, name]) for name in "ab"]
    assert [each.wait() for each in two] == [0, 0]
    found = verify_atlas(filled.uri)
    assert found.not_checked == ()
    assert found.is_sound


def test_only_new_files_are_read_for_their_checksum(filled, monkeypatch):
    read: list[str] = []
    plain = checksums.digest
    monkeypatch.setattr(checksums, "digest", lambda s, p: read.append(p) or plain(s, p))
    filled.upsert_ledger([{"url": "http://x/1", "state": "stored"}])
    filled.upsert_ledger([{"url": "http://x/2", "state": "stored"}])
    assert len(read) == len(set(read))
    assert not [each for each in read if not each.startswith("ledger.lance/")]


def test_nothing_writes_to_a_table_but_the_module_that_records_it():
    # The last hands its change to the first.
    writers = ("commit.py", "upkeep.py", "column_files.py")
    for file in Path(room.__file__).parent.rglob("*.py"):
        if file.name in writers and file.parent.name == "storage":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func.value)
                # A clone is a manifest in a temporary folder, and no part of the atlas.
                if of not in ("commit", "running", "self", "found", "by_version", "clone"):
                    assert node.func.attr not in WRITERS, f"{file.name}: {of}.{node.func.attr}"


def test_a_tag_on_a_full_disk_is_on_all_tables_or_on_none(filled, monkeypatch):
    plain = commit.tag
    tagged: list[str] = []

    def full(table, name):
        with translate_errors(table.store.uri, table.name):
            plain(table, name)
            tagged.append(table.name)
            if len(tagged) == 3:
                raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(commit, "tag", full)
        with pytest.raises(errors.AtlasFullError, match="Make room"):
            filled.tag("mine")
    assert verify_atlas(filled.uri).problems == ()
    filled.tag("mine")
    found = verify_atlas(filled.uri)
    assert found.is_sound
    assert Atlas.open(filled.uri, version="mine").count() == 10


def test_passwords_in_an_address_are_in_no_message():
    with (
        pytest.raises(errors.AtlasDamagedError) as caught,
        translate_errors("s3://ada:hunter2@sky/atlas", "images"),
    ):
        raise ValueError("cannot read https://ada:hunter2@host/x?list=1 <Error>hunter2</Error>")
    assert "hunter2" not in str(caught.value)


def test_passwords_and_storage_options_are_not_stored(tmp_path, arrival):
    secret = "hunter2-of-the-store"
    address = f"https://ada:{secret}@host/images"
    atlas = Atlas.create(tmp_path / "atlas", storage_options={"aws_secret_access_key": secret})
    atlas.add([arrival(1)])
    stamp = ColumnProvenance("predict", {"model": address, "key": secret})
    rows = pa.table({"id": atlas.ids(), "label": ["star"]})
    atlas.replace_columns(rows, stamp)
    atlas.upsert_ledger([{"url": "http://x/1", "state": "failed", "error": f"{address}: {secret}"}])
    assert stamp.same_code_and_parameters(atlas.table("catalogue").schema.field("label").metadata)
    for file in (tmp_path / "atlas").rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file
