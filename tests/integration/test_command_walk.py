"""The whole command line, walked by machine: see ``tests/tools/command_walk.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import command_walk
import pytest

TOOLS = Path(__file__).parents[1] / "tools"

pytest_plugins = ["small_disk"]
COSMIC = str(Path(sys.executable).parent / "cosmic")
SEED = 20261127


def walked(*words):
    done = subprocess.run(
        [sys.executable, str(TOOLS / "command_walk.py"), *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_sample_of_the_command_line_ends_well():
    cheap = "missing,file,folder,unreadable,read-only,empty,empty file,negative,non-UTF-8,binary"
    found = walked("--sample", "20", "--seed", str(SEED), "--kinds", cheap)
    assert found["tried"] == 20
    assert found["bad"] == []


# In parts, since a time limit is for what hangs: beside other work the whole takes an hour.
@pytest.mark.long
@pytest.mark.parametrize("part", range(16))
def test_the_whole_command_line_ends_well(part):
    found = walked("--part", str(part), "--parts", "16")
    assert found["tried"] > 100
    assert found["bad"] == []


def test_the_walk_reaches_every_verb_and_every_word_of_it():
    import typer

    from cosmic_morphology.cli import app

    reached = {(line.verb, line.parameter) for line in command_walk.lines()}
    for verb, command in command_walk.leaves(typer.main.get_command(app)):
        for parameter in command.params:
            if parameter.name != "help":
                assert (verb, command_walk._name(parameter)) in reached


@pytest.mark.parametrize(
    ("code", "said", "must_fail", "fault"),
    [
        (0, "done", False, ""),
        (2, "cosmic: it is wrong", True, ""),
        (1, "Traceback (most recent call last):", False, "traceback"),
        (1, "thread 'x' panicked at lib.rs", False, "traceback"),
        (1, "cosmic: this is a fault of the program, not yours", False, "a fault of the program"),
        (0, "done", True, "ends with 0 where nothing was done"),
        (1, "", False, "fails without a word"),
        (-11, "", False, "exit code -11"),
        (3, "x", False, "exit code 3"),
    ],
)
def test_the_walk_can_fail(code, said, must_fail, fault):
    line = command_walk.Line("cosmic x", "y", "missing", ("x",), must_fail)
    assert command_walk._fault(line, code, said, hung=False) == fault


@pytest.mark.parametrize(
    "words",
    [
        "atlas export disk/out.parquet --atlas atlas --original",
        "atlas export disk/out.csv --atlas atlas",
        "synthesize --archive disk/archive --per-class 3",
        "atlas tag one --atlas disk/copy",
    ],
)
def test_a_full_disk_is_one_line_that_names_the_place(filled, tmp_path, small_disk, words):
    fill = "head -c 4000000 /dev/zero > disk/filler 2>/dev/null"
    copy = "cp -r atlas disk/copy && " if "disk/copy" in words else ""
    done = small_disk(f"{copy}{fill}; {COSMIC} {words}", size="2m")
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert "full" in last
    assert "disk" in last.partition(": ")[2]
    left = [each for each in tmp_path.rglob("*unfinished*") if os.path.lexists(each)]
    assert left == []


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("import more --name more --atlas disk/copy", "2m"),
        ("curate --no-embed --atlas disk/copy", "2m"),
        ("split --atlas disk/copy", "2m"),
        ("synthesize --per-class 4 --class star --size-px 64 --atlas disk/copy", "2m"),
        ("explore --atlas atlas --out disk/explored", "2m"),
    ],
)
def test_after_a_full_disk_the_same_command_works(filled, tmp_path, small_disk, words, size):
    from PIL import Image

    (tmp_path / "more").mkdir()
    Image.effect_noise((200, 200), 90).save(tmp_path / "more" / "one.png")
    again = "rm disk/filler; mount -o remount,size=200m none disk"
    script = (
        f"cp -r atlas disk/copy; head -c 4000000 /dev/zero > disk/filler 2>/dev/null; "
        f"{COSMIC} {words} 2>first; echo $? >code; {again}; {COSMIC} {words}"
    )
    if words.startswith("split"):
        script = f"{COSMIC} curate --no-embed --atlas atlas && {script}"
    done = small_disk(script, size=size)
    said = (tmp_path / "first").read_text("utf-8")
    assert "fault of the program" not in said
    assert "full" in said.strip().splitlines()[-1]
    assert (tmp_path / "code").read_text().strip() == "1"
    assert done.returncode == 0, done.stdout + done.stderr
