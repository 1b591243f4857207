"""``cosmic review start`` in a terminal: one key is one verdict, whatever the viewer does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cosmic_morphology.atlas import all_decisions
from cosmic_morphology.cli import app
from cosmic_morphology.cli.common import show
from cosmic_morphology.taxonomy import load_taxonomy

COSMIC = str(Path(sys.executable).parent / "cosmic")
PATIENCE_S = 120


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *words: str, path: str) -> None:
        self._fd, screen = pty.openpty()
        self._running = subprocess.Popen(
            [COSMIC, *words],
            env=os.environ | {"PATH": path},
            stdin=screen,
            stdout=screen,
            stderr=screen,
        )
        os.close(screen)
        self.shown = ""

    def read_until(self, text: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            if select.select([self._fd], [], [], 1)[0]:
                self.shown += self._read()

    def press(self, key: str) -> None:
        self.shown = ""
        os.write(self._fd, key.encode())

    def end(self) -> int:
        while more := self._read():
            self.shown += more
        os.close(self._fd)
        return self._running.wait()

    def _read(self) -> str:
        try:
            return os.read(self._fd, 4096).decode(errors="replace")
        except OSError:  # Linux says so of a terminal whose program has ended
            return ""


@pytest.fixture
def noisy_viewer(tmp_path):
    """A folder of programs whose viewer complains, as one does without a screen."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("xdg-open", "open"):
        (folder / name).write_text("#!/bin/sh\necho no screen; echo no screen >&2\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_keys_are_verdicts_and_the_viewer_does_not_disturb(filled, noisy_viewer):
    galaxy = 1 + load_taxonomy().names.index("galaxy")
    terminal = Terminal("review", "start", "--who", "ada", "--atlas", filled.uri, path=noisy_viewer)
    terminal.read_until("q quit")
    terminal.read_until("]: ")
    assert f"{galaxy} galaxy" in terminal.shown
    assert "the image to judge is" in terminal.shown
    whole = terminal.shown
    # Typed at once: no key of a verdict, a verdict, and the end at the next image.
    terminal.press(f"x{galaxy}q")
    assert terminal.end() == 0
    whole += terminal.shown
    assert "no screen" not in whole
    assert "cosmic curate" in whole.splitlines()[-1]
    rows = all_decisions(filled)
    assert [(row.verdict, row.label, row.who) for row in rows] == [("label", "galaxy", "ada")]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_sheet_is_listed_where_no_image_shows_and_one_key_answers_for_all(filled, noisy_viewer):
    words = ("review", "start", "--sheets", "--who", "ada", "--atlas", filled.uri)
    terminal = Terminal(*words, path=noisy_viewer)
    terminal.read_until("what are they?")
    whole = terminal.shown
    assert all(f"[nasa:x{n:03d}]" in whole for n in range(10))
    assert "sheet.png" in whole
    assert "no screen" not in whole
    galaxy = 1 + load_taxonomy().names.index("galaxy")
    terminal.press(f"ec2{galaxy}")
    assert terminal.end() == 0
    assert "actions   2" in terminal.shown
    assert "looked    10" in terminal.shown
    rows = all_decisions(filled)
    assert sorted(row.label for row in rows) == ["comet", *["galaxy"] * 9]


def test_without_a_second_person_the_agreement_is_a_sentence(filled):
    done = CliRunner().invoke(app, ["review", "agreement", "--atlas", filled.uri])
    assert done.exit_code == 0
    assert done.output.strip() == "No two people have reviewed the same images."


def test_what_has_no_name_is_counted_under_none(capsys):
    show({"classes": {"": 3, "comet": 1}}, as_json=False)
    assert "(none) 3, comet 1" in capsys.readouterr().out
