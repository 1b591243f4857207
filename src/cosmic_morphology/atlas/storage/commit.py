"""The one way into a table: every write is a commit, and every commit is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lance
import pyarrow as pa

from cosmic_morphology.atlas.schema import table_schema
from cosmic_morphology.atlas.storage.checksums import record_commits, record_tag
from cosmic_morphology.atlas.storage.faults import is_missing, told
from cosmic_morphology.atlas.storage.lance_tables import Table, open_table, table_uri
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import AtlasError

_T = TypeVar("_T")
_PATIENCE_S = 600


def commit(table: Table, change: Callable[[Any], _T]) -> _T:
    """Change a table, and record a SHA-256 of each file that the change has written.

    Parameters
    ----------
    table : Table
        At the version that the change starts from; afterwards at the newest.
    change : callable
        Gets the ``lance.LanceDataset`` and commits to it once.

    Raises
    ------
    AtlasFullError
        The disk is full; the last commit stands.
    """
    with told(table.store.uri, table.name):
        before = table.version
        done = change(table.dataset)
        table.dataset.checkout_latest()
        record_commits(table.store, table.name, table.dataset, before)
    return done


def create_table(store: Store, name: str) -> Table:
    """Create one empty table, or open it when another process was faster."""
    with told(store.uri, name):
        try:
            dataset = lance.write_dataset(
                table_schema(name).empty_table(),
                table_uri(store.uri, name),
                storage_options=store.storage_options,
                data_storage_version="2.1",
            )
        except OSError as error:
            if "already exists" not in str(error).lower():
                raise
            return open_table(store, name)
        record_commits(store, name, dataset, 0)
    return Table(store, name, dataset)


@contextmanager
def writer_lock(uri: str) -> Iterator[None]:
    """Writers of a local atlas go one after the other.

    Lance detects conflicting updates, but two inserts of one new key would both succeed.

    Raises
    ------
    AtlasError
        Another process has been writing for ten minutes.
    """
    if not is_local(uri):
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(str(Path(uri) / ".writer.lock"), timeout=_PATIENCE_S)
    with told(uri):
        try:
            lock.acquire()
        except Timeout as error:
            raise AtlasError(
                f"another process has been writing here for {_PATIENCE_S} s",
                where=uri,
                todo="Wait for it, and run the same command again.",
            ) from error
    try:
        yield
    finally:
        lock.release()


def upsert(table: Table, rows: pa.Table, key: str) -> None:
    """Insert new rows and update the given columns of the others, in one commit."""
    if rows.num_rows:
        commit(
            table,
            lambda dataset: (
                dataset.merge_insert(key)
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(rows)
            ),
        )


def update(table: Table, rows: pa.Table, key: str) -> None:
    """Update the given columns of rows that exist, in one commit."""
    if rows.num_rows:
        commit(
            table,
            lambda dataset: dataset.merge_insert(key).when_matched_update_all().execute(rows),
        )


def insert_new(table: Table, rows: pa.Table, key: str) -> int:
    """Insert the rows whose key is new, in one commit; return how many."""
    if not rows.num_rows:
        return 0
    done = commit(
        table,
        lambda dataset: dataset.merge_insert(key).when_not_matched_insert_all().execute(rows),
    )
    return int(done["num_inserted_rows"])


def delete(table: Table, where: str) -> None:
    """Take rows out of the newest version, in one commit."""
    commit(table, lambda dataset: dataset.delete(where))


def remake_columns(table: Table, fields: list[pa.Field]) -> None:
    """Add empty columns; those of the same name are dropped first."""
    there = [field.name for field in fields if field.name in table.schema.names]
    if there:
        commit(table, lambda dataset: dataset.drop_columns(there))
    commit(table, lambda dataset: dataset.add_columns(pa.schema(fields)))


def stamp_columns(table: Table, stamps: Mapping[str, Mapping[str, str]]) -> None:
    """Set the metadata of columns."""
    commit(
        table,
        lambda dataset: dataset.update_field_metadata({k: dict(v) for k, v in stamps.items()}),
    )


def note(table: Table, notes: Mapping[str, str]) -> None:
    """Set metadata of the table."""
    commit(table, lambda dataset: dataset.update_metadata(dict(notes)))


def compact(table: Table) -> None:
    """Merge small files; no row and no version is lost."""
    commit(table, lambda dataset: dataset.optimize.compact_files())


def tag(table: Table, name: str) -> None:
    """Pin the table's version under a name."""
    with told(table.store.uri, table.name):
        table.dataset.tags.create(name, table.version)
        record_tag(table.store, table.name, name)


def untag(table: Table, name: str) -> None:
    """Take a name back that was given a moment ago; silent when it is not there."""
    with told(table.store.uri, table.name):
        try:
            table.dataset.tags.delete(name)
        except (OSError, ValueError) as error:
            if not is_missing(error):
                raise
        for path in table.store.names(f"checksums/{table.name}"):
            if path.endswith(f"/tag-{name}.json"):
                table.store.remove(path)
