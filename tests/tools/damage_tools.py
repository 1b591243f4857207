"""Atlases that every kind of writer has written to, and damage planted into their files."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from drawn_images import make_arrival

from cosmic_morphology.atlas import TABLES, Atlas, ColumnProvenance, verify_atlas, withdraw
from cosmic_morphology.atlas.maintenance import compact_tables
from cosmic_morphology.errors import CosmicError

ENDS = ("delete", "cut", "empty", "zero")
"""Damage that hits a whole file; the others change bytes that may still decode."""

BYTES = ("bit", "byte", "run", "swap")
_TRIES = 30


@dataclass(frozen=True)
class Planted:
    """One damaged file, and what the program said of it."""

    file: str
    how: str
    reading: str
    found: bool
    said: str


def write_of_every_kind(place: Path) -> Atlas:
    """An atlas after appends, upserts, merges, new columns, deletions, a tag and a compaction."""
    atlas = Atlas.create(place)
    atlas.add([make_arrival(n) for n in range(12)])
    atlas.add([make_arrival(n) for n in range(8, 20)])
    atlas.upsert_records([make_arrival(2, title="says something else").record])
    ids = atlas.ids()
    for name, value in (("label", "star"), ("split", "train")):
        atlas.replace_columns(
            pa.table({"id": ids, name: [value] * len(ids)}), ColumnProvenance(name)
        )
    for state, first in (("stored", 0), ("gone", 5)):
        rows = [{"url": f"http://x/{n}", "state": state} for n in range(first, first + 30)]
        atlas.upsert_ledger(rows)
    said = {"id": ids[3], "verdict": "label", "label": "comet", "who": "ada", "why": ""}
    for hour in (1, 2):
        atlas.append_decisions([{**said, "at": datetime(2026, 1, 1, hour, tzinfo=UTC)}])
    withdraw(atlas, {ids[0]})
    atlas.tag("whole")
    compact_tables(atlas)
    withdraw(atlas, {ids[1]})
    atlas.set_note("votes", "of these inputs")
    return atlas


def table_files(place: Path) -> list[Path]:
    """Files of the tables; Lance's hint of the newest version is left out: it holds nothing."""
    return sorted(
        each.relative_to(place)
        for name in TABLES
        for each in (place / f"{name}.lance").rglob("*")
        if each.is_file() and each.name != "latest_version_hint.json"
    )


def plant(file: Path, how: str, rng: random.Random, share: float = 1.0) -> None:
    """Damage one file in its first ``share`` so that its bytes are not what they were."""
    if how == "delete":
        file.unlink()
        return
    before = file.read_bytes()
    data = bytearray(before)
    at = rng.randrange(max(1, int(len(data) * share)))
    if how == "cut":
        del data[at:]
    elif how == "empty":
        data.clear()
    elif how == "zero":
        data = bytearray(len(data))
    elif how == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif how == "byte":
        data[at] = (data[at] + rng.randrange(1, 256)) % 256
    elif how == "run":
        data[at : at + 16] = rng.randbytes(len(data[at : at + 16]))
    elif how == "swap":
        other = rng.randrange(max(1, int(len(data) * share)))
        data[at], data[other] = data[other], data[at]
    if data == before:
        data[at] ^= 1
    file.write_bytes(data)


def damage(whole: Path, work: Path, count: int, seed: int) -> Iterator[Planted]:
    """Plant ``count`` damages, each into a fresh copy of an atlas, every file in turn.

    Parameters
    ----------
    whole : Path
        An atlas without damage.
    work : Path
        Where the copies are made; it must not exist.
    count : int
        How many at least: one of any kind into any file, then two into values in the data files
        that the newest version needs, each again until it decodes, and so on.
    seed : int
        Of the places.
    """
    rng = random.Random(seed)
    files_of_all = table_files(whole)
    rng.shuffle(files_of_all)
    all_, newest = itertools.cycle(files_of_all), itertools.cycle(_newest_data(whole))
    # Values come first in a data file: most changes there still decode.
    values = 1 / 3
    turns = ((all_, ENDS + BYTES, 1.0, 1), *(2 * [(newest, BYTES, values, _TRIES)]))
    reader = Reader()
    for number in range(count):
        files, ways, share, tries = turns[number % len(turns)]
        file = next(files)
        for _ in range(tries):
            how = rng.choice(ways)
            shutil.copytree(whole, work)
            plant(work / file, how, rng, share)
            reading = reader.outcome(work)
            found = verify_atlas(work)
            named = [str(each) for each in found.problems if file.name in each.what]
            is_found = found.is_damaged and bool(named)
            yield Planted(str(file), how, reading, is_found, "; ".join(named))
            shutil.rmtree(work)
            if reading == "read":
                break
    reader.close()


def _newest_data(place: Path) -> list[Path]:
    """Data files that the newest version of a table needs: every table, every column."""
    opened = Atlas.open(place)
    return [
        Path(f"{name}.lance/data/{file.path}")
        for name in TABLES
        for fragment in opened.table(name).get_fragments()
        for file in fragment.data_files()
    ]


class Reader:
    """Reads damaged atlases in a process of its own: some damage makes Lance's decoder abort."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def outcome(self, place: Path) -> str:
        """``read``, the error's text, ``raw`` and another library's error, or ``died``."""
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        self._child.stdin.write(f"{place}\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline().strip()
        if not answer:
            self.close()
        return answer or "died"

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.stdin.close()
            self._child.stdout.close()
            self._child.wait()
            self._child = None


def _read_all(place: str) -> str:
    try:
        atlas = Atlas.open(place)
        for name in TABLES:
            atlas.read(table=name)
    except CosmicError as error:
        return str(error).replace("\n", " ")
    except BaseException as error:  # noqa: BLE001 - whatever another library raises is the finding
        return f"raw {type(error).__name__}"
    return "read"


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(_read_all(line.strip()) + "\n")
        sys.stdout.flush()
