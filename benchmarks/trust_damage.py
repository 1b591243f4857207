"""Damage the files of an atlas in every way, and count how many of them `atlas verify` finds.

::

    python benchmarks/trust_damage.py
    python benchmarks/trust_damage.py --count 40        small, for a trial

An atlas that every kind of writer has written to is copied for each damage; a file of it is
deleted, cut, emptied, zeroed, or has bits, bytes or runs of bytes changed. A damage is found when
`verify` says that the atlas is damaged and names the file. Every damage is also read by the other
verbs' way: all rows of all tables; whatever is raised must be an error of this project.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from curate_duplicates import wilson
from rows import Row, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
from damage_tools import BYTES, damage, write_of_every_kind

COMMAND = "python benchmarks/trust_damage.py"
SEED = 20261127


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=400, help="damages")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        write_of_every_kind(whole)
        planted = list(damage(whole, Path(folder) / "work", count, SEED))
    for each in planted:
        if not each.found or each.reading == "died":
            sys.stderr.write(f"{each}\n")
    rows = []
    for what, chosen in (
        ("damaged files found of planted", planted),
        (
            "changed bytes that still decode, found of planted",
            [each for each in planted if each.how in BYTES and each.reading == "read"],
        ),
    ):
        found = sum(each.found for each in chosen)
        low, high = wilson(found, len(chosen))
        rows.append(
            Row(what, found / len(chosen), low, high, len(chosen), "share", 1.0, command=COMMAND)
        )
    told = [each for each in planted if each.reading != "died" and each.reading[:3] != "raw"]
    low, high = wilson(len(told), len(planted))
    rows.append(
        Row(
            "damaged atlases that are read to the end or refused in one line",
            len(told) / len(planted),
            low,
            high,
            len(planted),
            "share",
            0.99,
            command=COMMAND,
        )
    )
    emit(rows)


if __name__ == "__main__":
    main()
