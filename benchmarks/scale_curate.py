"""Curation of a large catalogue: time and peak memory of each stage, and whether results stay.

::

    python benchmarks/scale_curate.py make ATLAS --rows 1000000
    python benchmarks/record.py scale -- python benchmarks/scale_curate.py run SMALL LARGE
    python benchmarks/scale_curate.py dump ATLAS TABLE.parquet
    python benchmarks/scale_curate.py compare ONE.parquet OTHER.parquet

``make`` writes records with texts as archives have them (object names, press numbers, series,
albums, lineage, copies, verdicts, splits of before) and stand-in thumbnails, the same for the same
seed. ``run`` gives each stage a process of its own, notes beside the atlas what it has cost, and
goes on there when it was killed; the stage ``duplicates``, which reads images, is for atlases of
real ones and run when it is named. ``dump`` and ``compare`` show that a change of the code leaves
every cell as it was: dump with the code of before and of after.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measured import Cost, Journal, beside, cpu_now, say_work
from rows import Row, emit
from scale_records import decisions, records

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.curate import (
    check_mislabels,
    check_relevance,
    find_duplicates,
    group_images,
    label,
    review_queue,
    split_images,
    vote,
)
from cosmic_morphology.curate.split.leakage import check_leakage
from cosmic_morphology.settings import CurateSettings, SplitSettings
from cosmic_morphology.taxonomy import load_taxonomy

SEED = 20261128
CURATE, TAXONOMY = CurateSettings(), load_taxonomy()
SPLIT = SplitSettings(folds=5)
# Time and memory of all stages, for a million rows; bytes a row and growth of each.
TARGET_BYTES, TARGET_POWER = 300.0, 1.05
TARGET_S, TARGET_MB, MILLION = 900.0, 2000.0, 1_000_000
COMMAND = "OMP_NUM_THREADS=1 python benchmarks/scale_curate.py"
# Instead of a stage: a process that opens the atlas and ends.
START, ALL = "start", "all of curation"
COLUMNS = (
    *("id", "votes", "group", "group_reason", "label", "label_confidence", "label_kind"),
    *("relevance_score", "relevance_flag", "relevance_reason"),
    *("mislabel_score", "mislabel_flag", "mislabel_reason", "suggested_label"),
    *("split", "split_reason", "fold"),
    *("duplicate_of", "duplicate_flag", "duplicate_score", "duplicate_reason"),
)
_BATCH = 20_000


def _leaks(atlas: Atlas) -> object:
    return check_leakage(atlas, settings=CURATE, raise_on_leak=False, by_keys=True)


STAGES: dict[str, Callable[[Atlas], object]] = {
    "duplicates": lambda atlas: find_duplicates(atlas, settings=CURATE),
    "votes": lambda atlas: vote(atlas, taxonomy=TAXONOMY, settings=CURATE),
    "groups": lambda atlas: group_images(atlas, settings=CURATE),
    "labels": lambda atlas: label(atlas, taxonomy=TAXONOMY, settings=CURATE),
    "relevance": lambda atlas: check_relevance(atlas, taxonomy=TAXONOMY, settings=CURATE),
    "mislabels": lambda atlas: check_mislabels(atlas, taxonomy=TAXONOMY, settings=CURATE),
    "split and folds": lambda atlas: split_images(atlas, settings=SPLIT, seed=7),
    "leakage report by keys": _leaks,
    "review queue": lambda atlas: review_queue(atlas, taxonomy=TAXONOMY, limit=1000),
}
STAGES_OF_ROWS = [name for name in STAGES if name != "duplicates"]


def make(uri: str, n: int, seed: int, *, embedding: int) -> None:
    """Write an atlas of ``n`` records with all that the stages read."""
    atlas = Atlas.create(uri)
    said: dict[str, list[Any]] = {name: [] for name in ("id", "copy_of", *_BEFORE)}
    for start in range(0, n, _BATCH):
        rows = records(start, min(start + _BATCH, n), n, seed)
        catalogue, images = atlas.table("catalogue"), atlas.table("images")
        commit.insert_new(catalogue, _fitted(rows, catalogue.schema), "id")
        pictures = _pictures(rows["id"], rows["copy_of"])
        commit.insert_new(images, _fitted(pictures, images.schema), "id")
        for name in said:
            said[name] += rows[name]
    ids, made = said["id"], ColumnProvenance("made", {}, "1")
    flags = [bool(of) for of in said["copy_of"]]
    originals = [of or each for of, each in zip(said["copy_of"], ids, strict=True)]
    copies = pa.table({"id": ids, "duplicate_of": originals, "duplicate_flag": flags})
    atlas.replace_columns(copies, made)
    had = {name: pa.array(said[name], pa.string()) for name in _BEFORE}
    atlas.replace_columns(pa.table({"id": ids, **had}), made)
    if embedding:
        flat = np.random.default_rng(seed).normal(size=len(ids) * embedding).astype(np.float16)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat), embedding)
        atlas.replace_columns(pa.table({"id": ids, "embedding_made": vectors}), made)
    atlas.append_decisions(
        [{**each, "at": datetime(2026, 1, 1, tzinfo=UTC)} for each in decisions(n, seed)]
    )


_BEFORE = ("split", "split_reason")


def _pictures(ids: list[str], copy_of: list[str | None]) -> dict[str, list[Any]]:
    shas = [
        hashlib.sha256((of or each).encode()).digest()
        for each, of in zip(ids, copy_of, strict=True)
    ]
    # One record in 5,000 has no image.
    kept = [at for at, each in enumerate(ids) if int(each.rpartition("-")[2]) % 5000 != 4999]
    return {
        "id": [ids[at] for at in kept],
        "sha256": [shas[at].hex() for at in kept],
        "phash": [list(shas[at][:8]) for at in kept],
        "width": [512] * len(kept),
        "height": [512] * len(kept),
        "thumbnail": [shas[at] * 6 for at in kept],
    }


def _fitted(rows: dict[str, list[Any]], schema: pa.Schema) -> pa.Table:
    size = len(rows["id"])
    columns = {
        field.name: pa.array(rows[field.name], field.type)
        if field.name in rows
        else pa.nulls(size, field.type)
        for field in schema
        if field.name not in _BEFORE
    }
    return pa.table(columns)


def run(uris: list[str], stages: list[str]) -> None:
    """Each stage in a process of its own, one after the other; emits rows.

    What is done is noted beside the atlas. Between two atlases, the smaller one first, memory and
    time are compared: what a process has before its first row then counts for nothing. Of time
    that is what the stage itself has used: starts differ by more than a small stage takes.
    """
    told: list[tuple[int, dict[str, Cost]]] = []
    for uri in uris:
        journal = Journal(_journal_of(uri))
        for stage in (START, *stages):
            journal.do(stage, [sys.executable, __file__, "stage", uri, stage])
        n = Atlas.open(uri).count("catalogue")
        told.append((n, journal.costs))
        emit(_costs_of(n, journal, stages))
    for (few, small), (many, large) in pairwise(told):
        emit(_differences(few, small, many, large, stages))


def _journal_of(uri: str) -> Path:
    return Path(f"{uri}.costs.jsonl")


def _costs_of(n: int, journal: Journal, stages: list[str]) -> list[Row]:
    rows = []
    costs = {stage: journal.costs[stage] for stage in stages}
    if stages == STAGES_OF_ROWS:
        costs[ALL] = journal.sum_of(stages)
    for stage, cost in costs.items():
        limit_s = TARGET_S if (n, stage) == (MILLION, ALL) else None
        limit_mb = TARGET_MB if n == MILLION else None
        what, command = f"{n:,} rows: {stage}", f"{COMMAND} run ATLAS ({n:,} rows)"
        more: dict[str, Any] = {"n": n, "better": "lower", "command": command}
        timed = more | {"command": command + beside(cost)}
        rows += [
            Row(what, round(cost.seconds, 1), unit="s", target=limit_s, **timed),
            Row(f"{what}, CPU", round(cost.cpu_s, 1), unit="s", target=limit_s, **more),
            Row(f"{what}, peak memory", round(cost.peak_bytes / 1e6), unit="MB", target=limit_mb,
                **more),
        ]  # fmt: skip
    return rows


def _differences(
    few: int, small: dict[str, Cost], many: int, large: dict[str, Cost], stages: list[str]
) -> list[Row]:
    """Bytes that one more row takes, and the power of n that CPU time grows with."""
    more = {"n": many, "better": "lower", "command": f"{COMMAND} run SMALL LARGE"}
    rows, between = [], f"from {few:,} to {many:,} rows"
    for stage in stages:
        grown = (large[stage].peak_bytes - small[stage].peak_bytes) / (many - few)
        cpu = [costs[stage].work_cpu_s for costs in (small, large)]
        rows += [
            Row(f"{between}: {stage}, memory", round(grown), unit="B a row", target=TARGET_BYTES,
                **more),
            Row(f"{between}: {stage}, growth", round(math.log(cpu[1] / cpu[0], many / few), 3),
                unit="power of n", target=TARGET_POWER, **more),
        ]  # fmt: skip
    return rows


def one_stage(uri: str, stage: str) -> None:
    """Run one stage here."""
    atlas = Atlas.open(uri)
    # Readers keep some memory, however few the rows.
    atlas.read(["id"], where="id = ''")
    if stage != START:
        began = cpu_now()
        sys.stderr.write(f"{str(STAGES[stage](atlas))[:2000]}\n")
        say_work(_journal_of(uri), began)


def dump(uri: str, file: Path) -> None:
    """All columns that curation writes, by id, as Parquet."""
    pq.write_table(Atlas.open(uri).read(COLUMNS).sort_by("id"), file)


def compare(one: Path, other: Path) -> int:
    """Print the cells that differ; their number."""
    a, b = pq.read_table(one), pq.read_table(other)
    differing = 0
    for name in COLUMNS:
        pairs = zip(_cells(a, name), _cells(b, name), strict=True)
        found = [(at, x, y) for at, (x, y) in enumerate(pairs) if x != y]
        differing += len(found)
        for at, x, y in found[:3]:
            print(f"{name} of {a['id'][at]}: {x!r} is {y!r}")
    print(f"{a.num_rows:,} rows, {len(COLUMNS)} columns: {differing} cells differ")
    return differing


def _cells(table: pa.Table, name: str) -> Iterator[Any]:
    for batch in table.select([name]).to_batches(max_chunksize=_BATCH):
        for cell in batch.column(0).to_pylist():
            yield "nan" if cell != cell else cell  # noqa: PLR0124 - not a number


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "run", "stage", "dump", "compare"))
    parser.add_argument("given", nargs="+")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--embedding", type=int, default=0, help="width of made-up embeddings")
    parser.add_argument("--stages", nargs="+", default=STAGES_OF_ROWS)
    asked = parser.parse_args()
    first, last = asked.given[0], asked.given[-1]
    if asked.what == "make":
        make(first, asked.rows, asked.seed, embedding=asked.embedding)
    elif asked.what == "run":
        run(asked.given, asked.stages)
    elif asked.what == "stage":
        one_stage(first, last)
    elif asked.what == "dump":
        dump(first, Path(last))
    else:
        sys.exit(bool(compare(Path(first), Path(last))))


if __name__ == "__main__":
    main()
