"""Walk the whole command line, and count the lines that end as they should.

::

    python benchmarks/trust_commands.py
    python benchmarks/trust_commands.py --sample 100        some of them, for a trial

On two idle cores it takes some 40 minutes.

Every verb is given every kind of bad value for each of its arguments and options, without
privileges (``tests/tools/command_walk.py``). A line ends well without a traceback, without
hanging, with the exit code 0, 1 or 2, and never with 0 where nothing can have been done.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from curate_duplicates import wilson
from rows import Row, emit

COMMAND = "python benchmarks/trust_commands.py"
PARTS = 16
WALK = Path(__file__).parents[1] / "tests" / "tools" / "command_walk.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=0)
    sample = parser.parse_args().sample
    words = ["--sample", str(sample)] if sample else []
    parts = [words] if sample else [["--part", str(p), "--parts", str(PARTS)] for p in range(PARTS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        walked = list(pool.map(walk, parts))
    tried = sum(each["tried"] for each in walked)
    bad = sum(len(each["bad"]) for each in walked)
    low, high = wilson(tried - bad, tried)
    what = "command lines without a traceback of tried"
    command = " ".join([COMMAND, *words])
    emit([Row(what, (tried - bad) / tried, low, high, tried, "share", 1.0, command=command)])


def walk(words: list[str]) -> dict[str, Any]:
    """One part of the walk, in a process of its own: how many lines, and which ended badly."""
    done = subprocess.run(
        [sys.executable, str(WALK), *words], check=True, stdout=subprocess.PIPE, text=True
    )
    walked: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    sys.stderr.write(f"{' '.join(words)}: {walked['tried']} lines, {len(walked['bad'])} badly\n")
    return walked


if __name__ == "__main__":
    main()
