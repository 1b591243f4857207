"""Verbs that are killed at the n-th call into the atlas, and what is left of an atlas afterwards.

Run as a program it has the command line imported, and forks once for each line of its input, which
is a verb as JSON. The fork counts the calls of functions of the atlas room; at the chosen one it
kills itself with SIGKILL, a moment later, so that the kill also comes while Lance writes. No clock
of the test is involved: a busy machine changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drawn_images import draw_jpeg

from cosmic_morphology import atlas as room
from cosmic_morphology.atlas import TABLES, Atlas, verify_atlas

# When something was done, and how often it was tried: a run that was killed did it later and again.
TIMES = ("fetched_at", "updated_at", "at", "attempts")
READ_AT = re.compile(r'"read_at": "[^"]*"')
LONGEST_DELAY_S = 0.02
KILLS_A_ROUND = 2


@dataclass(frozen=True)
class Round:
    """One verb that was killed until it was let through to its end."""

    verb: str
    kills: int
    is_same: bool
    problems: tuple[str, ...]


def make_images(folder: Path) -> Path:
    """A folder of labelled images for ``import``."""
    for kind in ("galaxy", "nebula", "star"):
        (folder / kind).mkdir(parents=True)
        for number in range(8):
            seed = hash_of(f"{kind}{number}")
            (folder / kind / f"{kind}-{number}.jpg").write_bytes(draw_jpeg(seed, (64, 56)))
    return folder


def hash_of(text: str) -> int:
    """A seed."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def verbs(images: Path, root: str) -> list[tuple[str, ...]]:
    """The verbs in the order in which they are run; ``{out}`` is a folder of the round."""
    collect = [("collect", "galaxy", "--root", root, "--limit", "12")] if root else []
    return [
        ("import", str(images)),
        *collect,
        ("curate",),
        ("split",),
        ("atlas", "tag", "done"),
        ("atlas", "export", "{out}/folder"),
        ("atlas", "export", "{out}/table.parquet"),
        ("atlas", "export", "{out}/shards", "--format", "webdataset"),
    ]


def run_rounds(work: Path, kills: int, root: str = "", seed: int = 1) -> list[Round]:
    """Kill every verb in turn, until ``kills`` processes were killed.

    Parameters
    ----------
    work : Path
        An empty folder.
    kills : int
        How many at least.
    root : str
        Address of a replica, for ``collect``; without it, that verb is left out.
    seed : int
        Of the instants.
    """
    chances = random.Random(seed)
    given = verbs(make_images(work / "images"), root)
    runner = Runner()
    states = [work / "state-0"]
    states[0].mkdir()
    counts = []
    for number, verb in enumerate(given, 1):
        state = work / f"state-{number}"
        shutil.copytree(states[-1], state)
        counts.append(runner.run(state, verb))
        states.append(state)
    done: list[Round] = []
    number = 0
    while sum(each.kills for each in done) < kills:
        at = number % len(given)
        place = work / "killed"
        shutil.copytree(states[at], place)
        done.append(_round(runner, place, given[at], counts[at], states[at + 1], chances))
        shutil.rmtree(place)
        number += 1
    runner.close()
    return done


def _round(
    runner: Runner,
    place: Path,
    verb: tuple[str, ...],
    calls: int,
    expected: Path,
    chances: random.Random,
) -> Round:
    killed = 0
    for _ in range(KILLS_A_ROUND):
        delay = chances.choice((0.0, chances.uniform(0, LONGEST_DELAY_S)))
        killed += runner.run(place, verb, chances.randrange(1, calls + 1), delay) < 0
    try:
        runner.run(place, verb)
    except AssertionError as error:
        return Round(verb[0], killed, is_same=False, problems=(str(error),))
    found = verify_atlas(place / "atlas")
    problems = [str(each) for each in found.problems]
    return Round(verb[0], killed, contents(place) == contents(expected), tuple(problems))


def contents(place: Path) -> dict[str, Any]:
    """All rows of all tables, the tags, and the files that were written, but times and tries."""
    atlas = Atlas.open(place / "atlas")
    found: dict[str, Any] = {}
    for name in TABLES:
        rows = atlas.read(table=name)
        rows = rows.drop_columns([each for each in TIMES if each in rows.schema.names])
        found[name] = sorted(READ_AT.sub("", repr(row)) for row in rows.to_pylist())
        found[f"tags of {name}"] = sorted(atlas.table(name).tags())
    for file in sorted((place / "out").rglob("*")) if (place / "out").is_dir() else ():
        if file.is_file():
            found[str(file.relative_to(place))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


class Runner:
    """The process that forks for each verb."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, place: Path, verb: Sequence[str], kill_at: int = 0, delay_s: float = 0.0) -> int:
        """Calls into the atlas that a verb made, or -1 if it was killed."""
        words = [each.format(out=place / "out") for each in verb]
        words += ["--atlas", str(place / "atlas")]
        asked = {"place": str(place), "words": words, "kill_at": kill_at, "delay_s": delay_s}
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        status = int(self._child.stdout.readline())
        if kill_at and status == -signal.SIGKILL:
            return -1
        said = (place / "stderr").read_text("utf-8")
        # What was finished before the kill is refused the second time.
        is_done = verb[:2] in (("atlas", "export"), ("atlas", "tag")) and "exists" in said
        assert status == 0 or is_done, f"{words}: {status} {said[-2000:]}"
        return int((place / "calls").read_text())

    def close(self) -> None:
        """End the process."""
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait()


def _serve() -> None:
    from cosmic_morphology.cli import main

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _verb(main, **asked)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _verb(
    main: Callable[[], None], place: str, words: list[str], kill_at: int, delay_s: float
) -> None:
    calls, inside, code = 0, str(Path(room.__file__).parent), 0

    def count(frame: Any, event: str, _: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(inside):
            calls += 1
            if calls == kill_at:
                threading.Thread(target=kill, daemon=True).start()

    def kill() -> None:
        time.sleep(delay_s)
        os.kill(os.getpid(), signal.SIGKILL)

    os.chdir(place)
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for number, to in ((0, nothing), (1, nothing), (2, errors)):
        os.dup2(to, number)
    sys.argv = ["cosmic", *words]
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    sys.setprofile(None)
    Path("calls").write_text(str(calls))
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
