"""Every verb that writes results, onto a disk that fills up: a program for ``test_full_disk.py``.

``python fill_disk.py FOLDER`` works in a folder with an atlas, settings and a finished run, in
which ``disk`` is small. It prints one JSON object a line: what was asked for, and how it ended.
One process for all of them, so that torch is imported once.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from pathlib import Path

from cosmic_morphology.cli import main

DISK = Path("disk")
RUN = "out/runs/one"
# Bytes that are left, and what then has to be too much: the first file, or one in the middle.
LINES = (
    (0, "train new --recipe quick.toml --out disk/out"),
    (20_000, "train new --recipe quick.toml --out disk/out"),
    (400_000, "train new --recipe quick.toml --out disk/out"),
    (400_000, "train new --recipe whole.toml --out disk/out"),
    (400_000, "train new --recipe rest.toml --out disk/out"),
    (0, f"report {RUN} --out disk"),
    (20_000, f"report {RUN} --out disk"),
    (0, f"evaluate {RUN} --leaderboard disk/board"),
    (0, f"predict {RUN} --out disk/predictions.csv"),
    (0, f"predict {RUN} --out disk/predictions.json"),
    (0, f"predict {RUN} --out disk/predictions.parquet"),
    (20_000, f"export {RUN} --onnx disk/model.onnx"),
    (0, "atlas export disk/table.csv"),
    (0, "atlas export disk/table.parquet --original"),
    (4_096, "atlas export disk/folder --original"),
)


def leave(free: int) -> None:
    """Empty the disk, then fill it up to so many bytes."""
    for each in DISK.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    room = os.statvfs(DISK)
    (DISK / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - free))


def called(words: str) -> tuple[int, str]:
    """Exit code and standard error of a command line."""
    sys.argv = ["cosmic", *words.split(), "--config", "cosmic.toml", "--atlas", "atlas"]
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), said.getvalue()
    return 0, said.getvalue()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    for free, words in LINES:
        leave(free)
        code, said = called(words)
        files = sorted(str(each) for each in DISK.rglob("*") if each.is_file())
        files.remove("disk/filler")
        told = {"words": words, "free": free, "code": code, "said": said, "files": files}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
