"""Commits that change no row: indexes, compaction, removal of old versions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from lance.optimize import Compaction, CompactionOptions

from cosmic_morphology.atlas.storage.checksums import forget
from cosmic_morphology.atlas.storage.commit import commit
from cosmic_morphology.atlas.storage.faults import told
from cosmic_morphology.atlas.storage.lance_tables import Table


def build_index(table: Table, column: str, kind: str) -> None:
    """Build the index of one column, in one commit; one that is there is replaced."""
    commit(
        table,
        lambda dataset: dataset.create_scalar_index(column, kind, replace=True),
        is_simple=False,
    )


def update_indexes(table: Table, names: Sequence[str]) -> None:
    """Bring indexes up to date with the rows, in one commit."""
    commit(
        table,
        lambda dataset: dataset.optimize.optimize_indices(index_names=list(names)),
        is_simple=False,
    )


def plan_compaction(table: Table, options: CompactionOptions) -> tuple[int, int]:
    """How many fragments a compaction would write again, and into how many, about."""
    with told(table.store.uri, table.name):
        tasks = Compaction.plan(table.dataset, options).tasks
        merged = [sum(f.num_rows for f in task.fragments) for task in tasks]
    wanted = options["target_rows_per_fragment"] or 1
    into = sum(max(1, -(-rows // wanted)) for rows in merged)
    return sum(len(task.fragments) for task in tasks), into


def compact(table: Table, options: CompactionOptions) -> int:
    """Merge small fragments; return how many were written again.

    Each group of neighbours is a commit of its own: a kill, or another writer's commit to the same
    fragments, costs one of them, which is planned again.
    """

    def merge_one(dataset: Any) -> int:
        tasks = Compaction.plan(dataset, options).tasks
        if not tasks:
            return 0
        Compaction.commit(dataset, [tasks[0].execute(dataset)])
        return len(tasks[0].fragments)

    with told(table.store.uri, table.name):
        rounds = Compaction.plan(table.dataset, options).num_tasks()
    merged = 0
    # Not until nothing is left: beside a busy writer that would never be.
    for _ in range(rounds):
        merged += commit(table, merge_one, is_simple=False)
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
    with told(table.store.uri, table.name):
        stats = table.dataset.cleanup_old_versions(
            older_than=timedelta(0), versions=list(versions), error_if_tagged_old_versions=False
        )
    return int(stats.bytes_removed)
