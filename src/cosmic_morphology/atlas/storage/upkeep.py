"""Commits that change no row: indexes, compaction, removal of old versions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from lance.optimize import Compaction, CompactionOptions

from cosmic_morphology.atlas.storage.checksums import forget
from cosmic_morphology.atlas.storage.commit import commit
from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table

# A part of an index that is so many times larger is left alone: of ten million rows there are then
# six parts at most, and a row is written again about as often.
_MUCH_LARGER = 4
# Each commit of a compaction costs what it costs to write all indexes again.
_COMMITS = 8


def build_index(table: Table, column: str, kind: str) -> None:
    """Build the index of one column, in one commit; one that is there is replaced."""
    commit(
        table,
        lambda dataset: dataset.create_scalar_index(column, kind, replace=True),
        is_simple=False,
    )


def update_indexes(table: Table, names: Sequence[str]) -> None:
    """Bring indexes up to date with the rows.

    Rows that an index lacks become a part of their own, together with those parts before that are
    not much larger: an index has few parts, and what it costs to bring it up to date grows with
    the new rows and hardly with the table.
    """

    def change(dataset: Any) -> None:
        rows = {each.fragment_id: each.physical_rows for each in dataset.get_fragments()}
        by_merged: dict[int, list[str]] = {}
        for index in dataset.describe_indices():
            if index.name in names:
                parts = [sum(rows.get(n, 0) for n in part.fragment_ids) for part in index.segments]
                missing = dataset.count_rows() - index.num_rows_indexed
                by_merged.setdefault(parts_to_merge(parts, missing), []).append(index.name)
        for merged, own in by_merged.items():
            dataset.optimize.optimize_indices(index_names=own, num_indices_to_merge=merged)

    commit(table, change, is_simple=False)


def parts_to_merge(parts: Sequence[int], missing: int) -> int:
    """How many of the last parts of an index become one with the rows that it lacks.

    Parameters
    ----------
    parts : sequence of int
        Rows of each part, oldest first.
    missing : int
        Rows that the index lacks.

    Examples
    --------
    >>> parts_to_merge([1_000_000], 10_000), parts_to_merge([1_000_000, 30_000, 5_000], 10_000)
    (0, 2)
    """
    merged = 0
    for rows in reversed(parts):
        if rows > _MUCH_LARGER * missing:
            break
        missing += rows
        merged += 1
    return merged


def plan_compaction(table: Table, options: CompactionOptions) -> tuple[int, int]:
    """How many fragments a compaction would write again, and into how many, about."""
    with translate_errors(table.store.uri, table.name):
        tasks = Compaction.plan(table.dataset, options).tasks
        merged = [sum(f.num_rows for f in task.fragments) for task in tasks]
    wanted = options["target_rows_per_fragment"] or 1
    into = sum(max(1, -(-rows // wanted)) for rows in merged)
    return sum(len(task.fragments) for task in tasks), into


def compact(table: Table, options: CompactionOptions) -> int:
    """Merge small fragments; return how many were written again.

    Some groups of neighbours are a commit each time: a kill, or another writer's commit to the
    same fragments, costs those, which are planned again.
    """
    with translate_errors(table.store.uri, table.name):
        groups = Compaction.plan(table.dataset, options).num_tasks()
    at_once = max(1, -(-groups // _COMMITS))

    def merge_some(dataset: Any) -> int:
        tasks = Compaction.plan(dataset, options).tasks[:at_once]
        if not tasks:
            return 0
        Compaction.commit(dataset, [each.execute(dataset) for each in tasks])
        return sum(len(each.fragments) for each in tasks)

    merged = 0
    # Not until nothing is left: beside a busy writer that would never be.
    for _ in range(-(-groups // at_once)):
        merged += commit(table, merge_some, is_simple=False)
    return merged


def remove_versions(table: Table, versions: Sequence[int], files: Collection[str]) -> int:
    """Remove versions with the files that only they need; the bytes that were freed.

    Parameters
    ----------
    table : Table
        At its newest version.
    versions : sequence of int
        Untagged ones; a tag that comes at the same moment keeps its version.
    files : collection of str
        Paths inside the table's folder.
    """
    # First: a kill in between leaves files without a record, which are no damage.
    forget(table.store, table.name, files)
    with translate_errors(table.store.uri, table.name):
        stats = table.dataset.cleanup_old_versions(
            older_than=timedelta(0), versions=list(versions), error_if_tagged_old_versions=False
        )
    return int(stats.bytes_removed)
