"""Indexes in parts: new rows cost what they are, and every answer is that of the rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Record, query
from cosmic_morphology.atlas.maintenance import (
    compact_tables,
    compaction,
    index_columns,
    upkeep,
)
from cosmic_morphology.atlas.storage import upkeep as commits
from cosmic_morphology.atlas.storage.commit import delete

FIELDS = [pa.field("label", pa.string()), pa.field("label_confidence", pa.float32())]
WORDS = ("comet", "galaxy", "dust", "lane", "moon")


def parts(atlas: Atlas, column: str) -> list[int]:
    """Fragments in each part of an index."""
    return [len(each.fragment_ids) for each in atlas.table("catalogue").indexes()[column].segments]


def say(atlas: Atlas, numbers: list[int], random: np.random.Generator) -> None:
    atlas.upsert_records(
        [Record("nasa", f"{n:05d}", title=" ".join(random.choice(WORDS, 3))) for n in numbers]
    )


def label(atlas: Atlas, ids: list[str], random: np.random.Generator) -> None:
    labels, scores = random.choice(WORDS[:2], len(ids)), random.random(len(ids))
    rows = {"id": ids, "label": labels, "label_confidence": scores.astype(np.float32)}
    atlas.fill_columns(pa.table(rows))
    atlas.tend()


def check(atlas: Atlas, n: int) -> None:
    """What indexes answer is what a look at all rows gives."""
    rows = atlas.read(["id", "title", "label", "label_confidence"]).to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == n
    assert query.count_by(atlas, "label") == Counter(row["label"] for row in rows)
    scores = [row["label_confidence"] for row in rows]
    high = [each for each in scores if each is not None and each > 0.5]
    assert atlas.count("catalogue", "label_confidence > 0.5") == len(high)
    with_dust = {row["id"] for row in rows if "dust" in row["title"]}
    found = query.search(atlas, "dust", limit=10_000).rows.column("id").to_pylist()
    assert sorted(found) == sorted(with_dust)
    some = [row["id"] for row in rows[::7]]
    taken = atlas.read(["id"], where=f"id IN ({', '.join(map(repr, some))})")
    assert sorted(taken.column("id").to_pylist()) == sorted(some)


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3, 4))])
def test_after_any_order_of_writes_an_index_in_parts_answers_as_the_rows_do(
    atlas, monkeypatch, seed
):
    monkeypatch.setattr(upkeep, "_ROWS_WAIT", 1)
    monkeypatch.setattr(compaction, "FRAGMENTS_AT_MOST", 12)
    random = np.random.default_rng(seed)
    atlas.prepare_columns(FIELDS, ColumnProvenance("labels"))
    say(atlas, list(range(400)), random)
    index_columns(atlas)
    known, most, gone = 400, 0, set()
    for _ in range(24):
        ids = [f"nasa:{n:05d}" for n in range(known) if n not in gone]
        match random.integers(5):
            case 0 | 1:  # known and new
                again = random.choice(known, 3, replace=False).tolist()
                say(atlas, [*again, *range(known, known + 4)], random)
                gone, known = gone - set(again), known + 4
            case 2:
                label(atlas, random.choice(ids, 5, replace=False).tolist(), random)
            case 3:
                delete(atlas.table("catalogue"), f"id = '{ids[-9]}'")
                gone.add(int(ids[-9].partition(":")[2]))
            case 4:
                compact_tables(atlas)
        most = max(most, len(parts(atlas, "id")))
        check(atlas, known - len(gone))
    assert most > 1, "no index was ever in parts: this test has lost its ground"
    assert most < 9


def test_new_rows_leave_the_large_part_of_an_index_alone_and_small_ones_become_one(
    atlas, monkeypatch
):
    monkeypatch.setattr(upkeep, "_ROWS_WAIT", 1)
    random = np.random.default_rng(0)
    say(atlas, list(range(1000)), random)
    index_columns(atlas)
    large = atlas.table("catalogue").indexes()["id"].segments[0].uuid
    for n in range(20):
        say(atlas, list(range(1000 + 5 * n, 1005 + 5 * n)), random)
        found = atlas.table("catalogue").indexes()["id"]
        assert found.segments[0].uuid == large
        assert found.num_rows_indexed == 1005 + 5 * n
        assert len(found.segments) <= 4
    # As many rows again: all of them become one.
    say(atlas, list(range(2000, 3000)), random)
    assert len(atlas.table("catalogue").indexes()["id"].segments) == 1


def test_a_compaction_of_many_small_files_is_a_few_commits(atlas, monkeypatch):
    monkeypatch.setattr(commits, "_COMMITS", 2)
    # Two files make one that is large enough: nine groups.
    monkeypatch.setattr(compaction, "_LIGHT_ROWS", 4)
    for n in range(18):
        atlas.upsert_records([Record("nasa", f"{2 * n + each}", title="x") for each in range(2)])
    before = atlas.version.catalogue
    compact_tables(atlas)
    assert len(atlas.table("catalogue").get_fragments()) == 9
    # Lance reserves the numbers of fragments first, in a version of its own.
    assert atlas.version.catalogue - before == 2 * 2
    assert atlas.count("catalogue") == 36
