"""Rows of ``benchmarks/results/<topic>.csv``: one row for each number, with its target."""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One measured number; ``low`` and ``high``: the 95 % interval or the spread of the runs."""

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""
    target: float | None = None
    better: str = "higher"
    command: str = ""

    @property
    def hits(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


COLUMNS = [field.name for field in fields(Row)]


def parse(lines: Iterable[str]) -> list[Row]:
    """Rows among the lines that a benchmark prints (other lines are passed over)."""
    found = []
    for cells in csv.reader(lines):
        if len(cells) != len(COLUMNS) or cells[0] == "what" or cells[7] not in ("higher", "lower"):
            continue
        numbers = [float(cell) if cell else None for cell in (*cells[1:4], cells[6])]
        value, low, high, target = numbers
        n = int(float(cells[4])) if cells[4] else None
        found.append(Row(cells[0], value, low, high, n, cells[5], target, cells[7], cells[8]))
    return found


def emit(rows: Iterable[Row]) -> None:
    """Print rows as CSV, for :func:`parse`."""
    table = csv.writer(sys.stdout)
    for row in rows:
        table.writerow(["" if cell is None else cell for cell in asdict(row).values()])
    sys.stdout.flush()


def read(topic: str) -> list[Row]:
    """The committed rows of a topic."""
    file = RESULTS / f"{topic}.csv"
    return parse(file.read_text("utf-8").splitlines()) if file.is_file() else []


BOARD = "board, "


def record(topic: str, rows: Iterable[Row]) -> None:
    """Put rows in place of those of the same name, and note machine, commit and version."""
    from cosmic_morphology._version import __version__

    kept = {row.what: row for row in read(topic)}
    stamp = {
        "version": __version__,
        "commit": _commit(),
        "machine": machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    notes_file = RESULTS / f"{topic}.json"
    notes = json.loads(notes_file.read_text("utf-8")) if notes_file.is_file() else {}
    rows = list(rows)
    if any(row.what.startswith(BOARD) for row in rows):
        # Ranks stand in the names: rows of an earlier board would stay beside those of this one.
        kept = {what: row for what, row in kept.items() if not what.startswith(BOARD)}
    kept |= {row.what: row for row in rows}
    notes = {what: note for what, note in notes.items() if what in kept}
    notes |= {row.what: stamp for row in rows}
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{topic}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in kept.values():
            table.writerow(["" if cell is None else cell for cell in asdict(row).values()])
    notes_file.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", "utf-8")


def machine() -> str:
    """The machine in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
