"""All measured numbers, misses first; fails on numbers that are more than a release old."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from rows import RESULTS, Row, read

from cosmic_morphology._version import __version__

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def releases() -> list[str]:
    """Released versions, newest first, as the changelog has them; then the one being made."""
    listed = re.findall(r"^## (\d+\.\d+\.\d+)", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    return list(dict.fromkeys([__version__, *listed]))


def is_stale(version: str, known: list[str]) -> bool:
    """Whether a number was measured more than one release ago."""
    return version not in known[:2]


def show(topic: str, row: Row, note: dict[str, str]) -> str:
    mark = {True: "ok  ", False: "MISS", None: "    "}[row.hits]
    spread = f" [{row.low:.4g}, {row.high:.4g}]" if row.low is not None else ""
    number = f" n={row.n}" if row.n is not None else ""
    goal = ""
    if row.target is not None:
        goal = f"  target {'>=' if row.better == 'higher' else '<='} {row.target:g}"
    where = f"  ({note.get('commit', '?')}, {note.get('date', '?')})"
    return f"{mark} {topic:<10} {row.what}: {row.value:.4g}{spread} {row.unit}{number}{goal}{where}"


def main() -> int:
    known = releases()
    lines, stale, machines = [], [], set()
    for file in sorted(RESULTS.glob("*.csv")):
        topic = file.stem
        notes_file = file.with_suffix(".json")
        notes = json.loads(notes_file.read_text("utf-8")) if notes_file.is_file() else {}
        if not notes:
            continue
        for row in read(topic):
            note = notes.get(row.what, {})
            machines.add(note.get("machine", "an unknown machine"))
            order = {False: 0, None: 2, True: 1}[row.hits]
            lines.append((order, topic, row.what, show(topic, row, note)))
            if is_stale(note.get("version", "none"), known):
                stale.append(f"{topic}: {row.what} (measured with {note.get('version')})")
    for *_, line in sorted(lines):
        print(line)
    print("\nmeasured on: " + "; ".join(sorted(machines)))
    misses = sum(1 for order, *_ in lines if order == 0)
    print(f"{len(lines)} numbers, {misses} missed, {len(stale)} too old")
    for each in stale:
        print(f"too old, measure again: {each}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
