"""A creation that stopped anywhere is finished by the same command; nothing is ever replaced."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from drawn_images import draw_jpeg, make_arrival
from typer.testing import CliRunner

from cosmic_morphology import errors
from cosmic_morphology.atlas import TABLES, Atlas, verify_atlas
from cosmic_morphology.cli import app

CREATE = "import sys; from cosmic_morphology.atlas import Atlas; Atlas.create(sys.argv[1])"


def steps(whole: Path) -> Iterator[tuple[str, str, bytes]]:
    """What a creation does, one file-system step at a time, in the order that it was done in.

    A folder is made with its first file; a file is begun under a passing name (as Lance and
    io_utils do), is half written, and takes its name.
    """
    files = sorted(
        (each for each in whole.rglob("*") if each.is_file() and each.name[0] != "."),
        key=lambda each: each.stat().st_mtime_ns,
    )
    made: set[str] = set()
    for file in files:
        path = file.relative_to(whole)
        for folder in reversed(path.parents[:-1]):
            if str(folder) not in made:
                made.add(str(folder))
                yield "folder", str(folder), b""
        data = file.read_bytes()
        passing = f"{path}#1" if path.suffix == ".manifest" else f"{path.parent}/.tmp{path.name}"
        yield "half", passing, data[: len(data) // 2]
        yield "file", str(path), data


def replay(done: list[tuple[str, str, bytes]], place: Path) -> None:
    place.mkdir()
    for kind, path, data in done:
        if kind == "folder":
            (place / path).mkdir()
        else:
            (place / path).write_bytes(data)


def without_manifest(place: Path) -> set[str]:
    """Tables whose folder is there and holds no manifest."""
    return {
        name
        for name in TABLES
        if (place / f"{name}.lance").is_dir()
        and not list((place / f"{name}.lance").glob("_versions/*.manifest"))
    }


def assert_usable(place: Path) -> None:
    atlas = Atlas.create(place)
    assert atlas.add([make_arrival(1)]) == 1
    found = verify_atlas(place)
    assert (found.problems, found.not_checked) == ((), ())
    assert found.is_sound


def test_a_creation_that_stopped_after_any_step_is_finished_by_the_same_command(tmp_path):
    Atlas.create(tmp_path / "whole")
    everything = list(steps(tmp_path / "whole"))
    assert everything[-1][1] == "atlas.json"  # the marker is the last act
    met: set[str] = set()
    for count in range(len(everything) + 1):
        place = tmp_path / "stopped"
        replay(everything[:count], place)
        met |= without_manifest(place)
        if count < len(everything):
            with pytest.raises(errors.AtlasNotFoundError) if lacks(place) else nullcontext():
                Atlas.open(place)
        assert_usable(place)
        shutil.rmtree(place)
    assert met == set(TABLES)


def lacks(place: Path) -> bool:
    return any(not list(place.glob(f"{name}.lance/_versions/*.manifest")) for name in TABLES)


@pytest.mark.long
def test_a_creation_that_is_killed_at_any_call_of_the_system_is_finished(tmp_path):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    met: set[str] = set()
    for call in ("mkdir", "rename", "renameat", "linkat", "unlink"):
        for number in range(1, 40):
            place = tmp_path / f"{call}{number}"
            hook = f"inject={call}:signal=SIGKILL:when={number}"
            command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", hook]
            done = subprocess.run([*command, sys.executable, "-c", CREATE, str(place)], check=False)
            if done.returncode == 0:
                break
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
            met |= without_manifest(place)
            assert_usable(place)
    assert met  # which tables differs: strace counts the calls of each thread by itself


def test_two_processes_that_create_at_once_make_one_atlas(tmp_path):
    place = tmp_path / "atlas"
    two = [subprocess.Popen([sys.executable, "-c", CREATE, str(place)]) for _ in range(2)]
    assert [each.wait() for each in two] == [0, 0]
    assert_usable(place)


def test_an_import_goes_on_where_the_folder_of_a_table_is_all_that_there_is(tmp_path):
    images = tmp_path / "set" / "galaxy"
    images.mkdir(parents=True)
    for number in range(3):
        (images / f"{number}.jpg").write_bytes(draw_jpeg(number, (64, 64)))
    place = tmp_path / "atlas"
    (place / "images.lance").mkdir(parents=True)
    done = CliRunner().invoke(app, ["import", str(tmp_path / "set"), "--atlas", str(place)])
    assert done.exit_code == 0, done.output
    assert Atlas.open(place).count() == 3
    assert verify_atlas(place).is_sound


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_missing_after_the_creation_is_damage_and_never_made_anew(filled, name):
    place = Path(filled.uri)
    shutil.rmtree(place / f"{name}.lance")
    for opening in (Atlas.open, Atlas.create):
        with pytest.raises(errors.AtlasDamagedError, match=f"{name!r} is missing"):
            opening(place)
    assert not (place / f"{name}.lance").exists()
    found = verify_atlas(place)
    assert [each.kind for each in found.problems if each.table == name] == ["table_missing"]
    assert found.is_damaged


def test_a_table_that_is_missing_is_damage_without_the_marker_too(filled):
    place = Path(filled.uri)
    (place / "atlas.json").unlink()
    shutil.rmtree(place / "decisions.lance")
    with pytest.raises(errors.AtlasDamagedError, match="'decisions' is missing"):
        Atlas.create(place)


def test_a_lost_marker_is_told_and_written_again(filled):
    place = Path(filled.uri)
    (place / "atlas.json").unlink()
    assert [each.kind for each in verify_atlas(place).problems] == ["marker_missing"]
    assert Atlas.create(place).count() == 10
    assert verify_atlas(place).problems == ()


def test_a_damaged_marker_is_damage(filled):
    (Path(filled.uri) / "atlas.json").write_bytes(b"{")
    with pytest.raises(errors.AtlasDamagedError, match=r"atlas\.json"):
        Atlas.create(filled.uri)
    assert verify_atlas(filled.uri).is_damaged


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_where_the_atlas_should_be_is_told_in_one_line(tmp_path, below):
    (tmp_path / "file").write_text("x")
    for opening in (Atlas.open, Atlas.create):
        with pytest.raises(errors.AtlasStoreError, match="a file stands where a folder"):
            opening(tmp_path / "file" / below)


def test_a_folder_that_cannot_be_made_is_told_in_one_line():
    with pytest.raises(errors.AtlasStoreError, match="cannot be made"):
        Atlas.create("/proc/nothing/atlas")
