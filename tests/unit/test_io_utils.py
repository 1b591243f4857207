"""Outputs are there whole or not at all, and nothing is followed out of their folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cosmic_morphology.errors import InputError, OutputError
from cosmic_morphology.io_utils import (
    whole_file,
    whole_folder,
    whole_text,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_an_error_while_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.csv"
    write_text(path, "before")
    with pytest.raises(ZeroDivisionError), whole_text(path) as file:
        file.write(f"half{1 / 0}")
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.csv"]


def test_every_way_of_writing_gives_what_it_was_given(tmp_path):
    write_json(tmp_path / "below" / "a.json", {"a": "é"})
    write_csv(tmp_path / "a.csv", ["x", "y"], [{"x": 1}, {"x": 2, "y": "a,b"}])
    write_bytes(tmp_path / "a.bin", b"\r\n")
    with whole_folder(tmp_path / "folder") as beside:
        (beside / "x").write_text("1")
    assert (tmp_path / "below" / "a.json").read_text("utf-8") == '{\n "a": "é"\n}\n'
    assert (tmp_path / "a.csv").read_bytes() == b'x,y\n1,\n2,"a,b"\n'
    assert (tmp_path / "a.bin").read_bytes() == b"\r\n"
    assert names(tmp_path) == ["a.bin", "a.csv", "below", "folder"]


def test_half_a_surrogate_pair_does_not_stop_an_output(tmp_path):
    write_json(tmp_path / "a.json", {"name": "\udc80"})
    write_text(tmp_path / "a.txt", "\ud800")
    with whole_text(tmp_path / "b.txt") as file:
        file.write("\ud800")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"name": "\udc80"}
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes() == b"\\ud800"


def test_a_kill_while_writing_leaves_what_was_there_and_the_next_write_tidies_up(tmp_path):
    path = tmp_path / "a.csv"
    write_text(path, "before")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from cosmic_morphology.io_utils import whole_text\n"
        "with whole_text(Path(sys.argv[1])) as file:\n"
        "    file.write('half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "before"
    assert len(names(tmp_path)) == 2
    write_text(path, "after")
    assert path.read_text() == "after"
    assert names(tmp_path) == ["a.csv"]


def fail(error):
    raise error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path):
    # What a full disk answers, from the kernel itself.
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(OutputError, match="full") as told,
        whole_file(tmp_path / "a"),
    ):
        full.write(b"x")
    assert told.value.exit_code == 1
    assert names(tmp_path) == []


def test_a_full_disk_in_the_words_of_another_language_is_the_same_line(tmp_path):
    with pytest.raises(OutputError), whole_file(tmp_path / "a"):
        fail(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_wrong_usage(tmp_path):
    (tmp_path / "folder").mkdir()
    write_text(tmp_path / "file", "x")
    for place in (tmp_path / "folder", tmp_path / "file" / "below", tmp_path / ("n" * 300)):
        with pytest.raises(InputError) as told:
            write_text(place, "x")
        assert told.value.exit_code == 2
    with pytest.raises(InputError), whole_folder(tmp_path):
        pass
    assert names(tmp_path) == ["file", "folder"]


def test_an_error_of_another_file_stays_what_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a"):
        (tmp_path / "input").read_text()


def test_links_that_somebody_put_there_are_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.json").symlink_to(precious)
    (out / f".a.json.{os.getpid()}.unfinished.json").symlink_to(precious)
    write_text(out / "a.json", "new")
    assert precious.read_text() == "mine"
    assert (out / "a.json").read_text() == "new"
    assert names(out) == ["a.json"]


def test_a_device_is_written_to_directly():
    write_text(Path("/dev/null"), "x")
    assert Path("/dev/null").is_char_device()


def test_two_processes_that_write_one_file_leave_one_of_the_two(tmp_path):
    path = tmp_path / "a"
    script = (
        "import sys; from pathlib import Path; from cosmic_morphology.io_utils import write_text\n"
        "for _ in range(50): write_text(Path(sys.argv[1]), sys.argv[2] * 100_000)\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(path), c]) for c in "ab"]
    assert [each.wait(1800) for each in both] == [0, 0]
    assert path.read_text() in ("a" * 100_000, "b" * 100_000)
    assert names(tmp_path) == ["a"]
