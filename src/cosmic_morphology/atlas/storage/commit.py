"""The one way into a table: every write is a commit, and every commit is recorded.

Two writers may commit at the same moment, on a disk or in an object store: no lock is taken. A
commit is a file that is put only where none stands yet; the writer that comes second looks at what
the first one wrote, and does its own change again on that. Lance does so for rows by their key
(:data:`~cosmic_morphology.atlas.schema.PRIMARY_KEY`), if no index is used to find them: with one,
the same new key comes in twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import lance
import pyarrow as pa
import stamina

from cosmic_morphology.atlas.schema import table_schema
from cosmic_morphology.atlas.storage.checksums import Written, record_commits, record_tag
from cosmic_morphology.atlas.storage.faults import is_conflict, is_missing, translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.opening import open_table, table_uri
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import AtlasError

# stamina tells each try to a logger; being overtaken by another writer is nothing to tell.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_T = TypeVar("_T")
_PATIENCE_S = 600
# Each try starts from what the others have written: with so many one always gets its turn.
_TRIES = 1000


def commit(
    table: Table,
    change: Callable[[Any], _T],
    *,
    is_simple: bool = True,
    sums: Mapping[str, str] = MappingProxyType({}),
) -> _T:
    """Change a table, and record a SHA-256 of each file that the change has written.

    Parameters
    ----------
    table : Table
        Any version; afterwards it is at the one that the change has made.
    change : callable
        Gets the ``lance.LanceDataset`` and commits to it once, or not at all. It is called again,
        with the newest version, as long as other writers are faster.
    is_simple : bool
        False for changes that commit several times, or write other files than rows and deletions.
    sums : mapping of str to str
        SHA-256 of data files that were written before, by their paths.

    Raises
    ------
    AtlasFullError
        The disk is full; the last commit stands.
    AtlasStoreError
        Other processes have been faster for ten minutes.
    """
    with table.translate_errors():
        for attempt in stamina.retry_context(
            on=is_conflict,
            attempts=None,
            timeout=_PATIENCE_S,
            wait_initial=0.05,
            wait_jitter=0.2,
            wait_max=2.0,
        ):
            with attempt:
                if attempt.num > 1:
                    table.dataset.checkout_latest()
                if attempt.num == 1 or is_simple:
                    # A try that failed at its last commit may have left those before it.
                    before = Written.of(table.dataset)
                done = change(table.dataset)
        if not is_simple:
            table.dataset.checkout_latest()
        record_commits(
            table.store,
            table.name,
            table.dataset,
            before,
            is_simple=is_simple,
            sums=sums,
            read=table.blocks,
        )
    return done


def create_table(store: Store, name: str) -> Table:
    """Create one empty table, or open it when another process was faster."""
    with translate_errors(store.uri, name):
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
        record_commits(store, name, dataset, Written())
    return Table(store, name, dataset)


@contextmanager
def creation_lock(uri: str) -> Iterator[None]:
    """Only one process at a time makes the tables of a local atlas, or finishes them.

    What a killed creation has left half is removed, which must not be another's work.

    Raises
    ------
    AtlasError
        Another process has been at it for ten minutes.
    """
    if not is_local(uri):
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(str(Path(uri) / ".creation.lock"), timeout=_PATIENCE_S)
    with translate_errors(uri):
        try:
            lock.acquire()
        except Timeout as error:
            raise AtlasError(
                f"another process has been making this atlas for {_PATIENCE_S} s",
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
                _merge(dataset, key)
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(rows)
            ),
        )


def upsert_combined(table: Table, key: str, combine: Callable[[Table], pa.Table]) -> None:
    """Upsert rows that depend on what stands there, in one commit.

    Parameters
    ----------
    table : Table
        Any version.
    key : str
        The table's key.
    combine : callable
        Gets the table, not to be refreshed, and returns the rows to write. When another writer
        has touched one of them in between it is called again: nothing that stood there is lost.
    """

    def change(dataset: Any) -> None:
        rows = combine(table)
        if rows.num_rows:
            merge = _merge(dataset, key).conflict_retries(0)
            merge.when_matched_update_all().when_not_matched_insert_all().execute(rows)

    commit(table, change)


def update(table: Table, rows: pa.Table, key: str) -> None:
    """Update the given columns of rows that exist, in one commit; other columns are not touched."""
    if rows.num_rows:
        commit(
            table,
            lambda dataset: (
                _merge(dataset, key)
                .when_matched_update_all()
                .write_mode("rewrite_columns")
                .execute(rows)
            ),
        )


def insert_new(table: Table, rows: pa.Table, key: str) -> int:
    """Insert the rows whose key is new, in one commit; return how many."""
    if not rows.num_rows:
        return 0
    done = commit(
        table, lambda dataset: _merge(dataset, key).when_not_matched_insert_all().execute(rows)
    )
    return int(done["num_inserted_rows"])


def delete(table: Table, where: str) -> None:
    """Take rows out of the newest version, in one commit."""
    commit(table, lambda dataset: dataset.delete(where))


def remake_columns(
    table: Table, fields: list[pa.Field], is_current: Callable[[pa.Schema], bool]
) -> bool:
    """Make columns empty, those of the same name included, unless they are current.

    Parameters
    ----------
    table : Table
        Any version.
    fields : list of pyarrow.Field
        The columns.
    is_current : callable
        Whether the columns of a schema are to be kept; asked again when another writer was faster.

    Returns
    -------
    bool
        Whether they are empty now.
    """

    def add(dataset: Any) -> None:
        lacking = [field for field in fields if field.name not in dataset.schema.names]
        if lacking:
            dataset.add_columns(pa.schema(lacking))

    if is_current(table.schema):
        return False
    made = drop_columns(table, [each.name for each in fields], unless=is_current)
    if made:
        commit(table, add)
    return made


def drop_columns(
    table: Table,
    names: Sequence[str],
    unless: Callable[[pa.Schema], bool] = lambda _: False,
) -> bool:
    """Take columns out of the newest version, those that are there; False where ``unless`` holds.

    Older versions keep them. Where none is there nothing is committed.
    """

    def drop(dataset: Any) -> bool:
        if unless(dataset.schema):
            return False
        there = [each for each in names if each in dataset.schema.names]
        if there:
            dataset.drop_columns(there)
        return True

    return commit(table, drop)


def stamp_columns(table: Table, stamps: Mapping[str, Mapping[str, str]]) -> None:
    """Set the metadata of columns."""
    commit(
        table,
        lambda dataset: dataset.update_field_metadata({k: dict(v) for k, v in stamps.items()}),
    )


def note(table: Table, notes: Mapping[str, str]) -> None:
    """Set metadata of the table."""
    commit(table, lambda dataset: dataset.update_metadata(dict(notes)))


def _merge(dataset: Any, key: str) -> Any:
    patience = timedelta(seconds=_PATIENCE_S)
    return (
        dataset.merge_insert(key).use_index(False).conflict_retries(_TRIES).retry_timeout(patience)
    )


def tag(table: Table, name: str) -> None:
    """Pin the table's version under a name."""
    with table.translate_errors():
        table.dataset.tags.create(name, table.version)
        record_tag(table.store, table.name, name)


def untag(table: Table, name: str) -> None:
    """Take a name back that was given a moment ago; silent when it is not there."""
    with table.translate_errors():
        try:
            table.dataset.tags.delete(name)
        except (OSError, ValueError) as error:
            if not is_missing(error):
                raise
        for path in table.store.names(f"checksums/{table.name}"):
            if path.endswith(f"/tag-{name}.json"):
                table.store.remove(path)
