"""Kill import, collect, curate, split, tag and export at random instants, and count what is lost.

::

    python benchmarks/trust_kills.py
    python benchmarks/trust_kills.py --kills 6        small, for a trial

Each verb is killed with SIGKILL at a random call into the atlas, twice, and then run to its end. A
kill is survived when all rows, tags and files are those of an undisturbed run, and `atlas verify`
finds no problem. `collect` asks a replica on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from curate_duplicates import wilson
from rows import Row, emit

from cosmic_morphology.replica import ArchiveCatalogue, Replica

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
from kill_tools import run_rounds

COMMAND = "python benchmarks/trust_kills.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60, help="at least")
    kills = parser.parse_args().kills
    with (
        tempfile.TemporaryDirectory() as folder,
        Replica(ArchiveCatalogue.numbered(12, side_px=32)) as replica,
    ):
        rounds = run_rounds(Path(folder), kills, replica.nasa_url)
    for each in rounds:
        if not each.is_same or each.problems:
            sys.stderr.write(f"{each}\n")
    killed = sum(each.kills for each in rounds)
    survived = sum(each.kills for each in rounds if each.is_same and not each.problems)
    low, high = wilson(survived, killed)
    share = survived / killed
    emit([Row("kills survived", share, low, high, killed, "share", 1.0, command=COMMAND)])


if __name__ == "__main__":
    main()
