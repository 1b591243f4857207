"""Column work for tests of engines: it notes which process has done which images."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
from drawn_images import DrawnIntake

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.engine import ApplyResult, ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.engine.processes import Processes

COLUMN = "embedding_length"
FIELD = pa.field(COLUMN, pa.list_(pa.float32(), 2))
STAMP = ColumnProvenance("lengths", {"v": 1})


def thumbnail(number: int) -> bytes:
    return b"x" * (number + 1)


def make_atlas(
    place: Path | str, fragments: int, rows: int, storage_options: dict[str, str] | None = None
) -> Atlas:
    """An atlas of so many fragments; image ``n`` has a "thumbnail" of ``n + 1`` bytes."""
    atlas = Atlas.create(place, storage_options=storage_options)
    for start in range(0, fragments * rows, rows):
        arrivals = []
        for number in range(start, start + rows):
            data = thumbnail(number)
            record = Record("made", f"{number:06d}", title=f"image {number}")
            intake = DrawnIntake(hashlib.sha256(data).hexdigest(), data)
            arrivals.append(NewImage(record, intake, data))
        atlas.add(arrivals)
    return atlas


class OneProcess(Engine):
    """One process beside this one, whatever there is to do."""

    def open(self, stage, *, is_worth=True):
        return Processes(1)


def lengths_work(
    log: Path, *, task_rows: int = 8, worth: int = 0, pause_s: float = 0.0, trap: str = "", **more
) -> ColumnWork:
    """Fill the lengths of thumbnails; ``trap`` names what goes wrong with some images."""
    log.mkdir(exist_ok=True)
    return ColumnWork(
        "lengths", lengths_function, reads=("thumbnail",), writes=(FIELD,),
        arguments=(str(log), pause_s, trap), batch_size=4, task_rows=task_rows,
        worth_processes=worth, count=count_even, **more,
    )  # fmt: skip


def lengths_function(log: str, pause_s: float, trap: str) -> ColumnFunction:
    folder = Path(log)
    (folder / f"made-{os.getpid()}-{time.time_ns()}").touch()

    def lengths(batch: pa.Table) -> pa.Table:
        sizes = [len(each) for each in batch.column("thumbnail").to_pylist()]
        with (folder / f"did-{os.getpid()}").open("a") as file:
            file.writelines(f"{each}\n" for each in batch.column("id").to_pylist())
        time.sleep(pause_s)
        _trapped(folder, trap, sizes, batch)
        values = [[float(size), float(os.getpid())] for size in sizes]
        return pa.table({COLUMN: pa.array(values, FIELD.type)})

    return lengths


def _trapped(folder: Path, trap: str, sizes: list[int], batch: pa.Table) -> None:
    if trap == "large task" and "made:000010" in batch.column("id").to_pylist():
        # As if the first task of these images had taken all memory, and smaller ones had not.
        marks = len(list(folder.glob("died-*")))
        if marks < 2:
            (folder / f"died-{marks}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if trap == "large task" and 31 in sizes and len(list(folder.glob("full-*"))) < 1:
        (folder / "full-0").touch()
        raise MemoryError
    if trap == "deadly" and 11 in sizes:
        os.kill(os.getpid(), signal.SIGKILL)
    if trap == "fault" and 11 in sizes:
        msg = "this is a fault of the function"
        raise ZeroDivisionError(msg)


def fill(
    atlas: Atlas, function, *, reads, writes, stamp, checkpoint_rows=2048, where=None, **how
) -> ApplyResult:
    """Fill columns in this process with a function of a test."""
    work = ColumnWork("test", lambda: function, tuple(reads), tuple(writes), **how)
    return apply(atlas, work, stamp=stamp, where=where, checkpoint_rows=checkpoint_rows)


def count_even(filled: pa.Table) -> int:
    return sum(each[0] % 2 == 0 for each in filled.column(0).to_pylist())


def done_by(log: Path) -> Counter[str]:
    """How often each image was computed."""
    return Counter(line for file in log.glob("did-*") for line in file.read_text().split())


def processes(log: Path) -> set[str]:
    """Processes that have computed something."""
    return {file.name for file in log.glob("did-*")}


def check_whole(atlas: Atlas, rows: int) -> None:
    """Every image is there once, with the right value."""
    found = atlas.read(["id", COLUMN], table="images").to_pylist()
    assert len(found) == len({row["id"] for row in found}) == rows
    for row in found:
        number = int(row["id"].partition(":")[2])
        assert row[COLUMN] is not None, row["id"]
        assert row[COLUMN][0] == number + 1
