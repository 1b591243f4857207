"""Making an atlas, so that a kill at any instant leaves what the same command can finish.

The last act of creation writes a marker that lists the tables. Before it, whatever is missing is
made again: nothing was stored yet. After it, a table that is missing is damage, and is never
replaced by an empty one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cosmic_morphology.atlas.schema import SCHEMA_VERSION, TABLES
from cosmic_morphology.atlas.storage.checksums import Written, has_records, record_commits
from cosmic_morphology.atlas.storage.commit import create_table, creation_lock
from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.opening import open_table, refuse_schema
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import AtlasDamagedError, AtlasNotFoundError, AtlasPlaceError
from cosmic_morphology.freed_memory import share_freed_memory
from cosmic_morphology.safe_text import without_secrets

MARKER = "atlas.json"
_RESTORE = "Put it back from a copy; `cosmic atlas verify` says more."


def create_tables(store: Store) -> dict[str, Table]:
    """Make the tables that are missing, and the marker; all tables, opened."""
    if has_marker(store):
        return open_tables(store, dict.fromkeys(TABLES), is_marked=True)
    with translate_errors(store.uri):
        if is_local(store.uri):
            try:
                Path(store.uri).mkdir(parents=True, exist_ok=True)
            except FileNotFoundError as error:
                raise AtlasPlaceError(
                    "this folder cannot be made",
                    where=without_secrets(store.uri),
                    todo="Give another --atlas.",
                ) from error
        with creation_lock(store.uri):
            return _finish(store)


def open_tables(
    store: Store, versions: Mapping[str, int | str | None], *, is_marked: bool | None = None
) -> dict[str, Table]:
    """Open all tables of an atlas; whether it has its marker is looked up unless it is known.

    Raises
    ------
    AtlasNotFoundError
        There is no atlas here, or only what an interrupted creation left.
    AtlasDamagedError
        A table is missing or cannot be read.
    """
    share_freed_memory()
    marked = has_marker(store) if is_marked is None else is_marked
    opened: dict[str, Table] = {}
    missing: dict[str, AtlasNotFoundError] = {}
    for name in TABLES:
        try:
            opened[name] = open_table(store, name, versions[name])
        except AtlasNotFoundError as error:
            missing[name] = error
    if not missing:
        return opened
    first = next(iter(missing))
    if marked or holds_something(store, opened):
        raise missing_table(store, first)
    raise missing[first]


def missing_table(store: Store, name: str) -> AtlasDamagedError:
    """The error of a table that must be there."""
    return AtlasDamagedError(
        f"the table {name!r} is missing, and the others are there",
        where=without_secrets(store.uri),
        todo=_RESTORE,
    )


def has_marker(store: Store) -> bool:
    """Whether the creation was finished.

    Raises
    ------
    AtlasDamagedError
        The marker cannot be read, or lists other tables.
    AtlasTooNewError, AtlasTooOldError
        The atlas has another schema.
    """
    data = store.read(MARKER)
    if data is None:
        return False
    if data == marker():
        return True
    if found := re.match(rb'\{"schema": (\d{1,9}),', data):
        refuse_schema(int(found[1]), store.uri)
    raise AtlasDamagedError(
        f"the file {MARKER!r}, which lists the tables, is damaged",
        where=without_secrets(store.uri),
        todo=f"Put it back from a copy, or write into it: {marker().decode().strip()}",
    )


def marker() -> bytes:
    """What the marker holds."""
    content = {"schema": SCHEMA_VERSION, "tables": list(TABLES)}
    return (json.dumps(content) + "\n").encode()


def _finish(store: Store) -> dict[str, Table]:
    is_new = store.is_empty()  # then no table need be looked for
    opened, lacking = ({}, list(TABLES)) if is_new else _look(store)
    if lacking and not is_new and holds_something(store, opened):
        raise missing_table(store, lacking[0])
    made = dict(opened)
    for name in lacking:
        if is_local(store.uri):
            # A machine that lost its power may have kept a manifest's name without its bytes. In
            # an object store this might be the work of another creation, at this moment.
            for path in store.names(f"{name}.lance"):
                store.remove(path)
        made[name] = create_table(store, name)
    for name, table in opened.items():
        if table.version == 1 and not has_records(store, name):
            record_commits(store, name, table.dataset, Written())
    store.write(MARKER, marker())
    return made


def _look(store: Store) -> tuple[dict[str, Table], list[str]]:
    """The tables that can be opened, and those that are to be made (again)."""
    opened: dict[str, Table] = {}
    lacking: list[str] = []
    for name in TABLES:
        try:
            opened[name] = open_table(store, name)
        except AtlasNotFoundError:
            lacking.append(name)
        except AtlasDamagedError:
            if _has_data(store, name):
                raise
            lacking.append(name)
    return opened, lacking


def holds_something(store: Store, opened: dict[str, Table]) -> bool:
    """Whether anything was ever stored here: then a missing table is damage."""
    return any(table.version > 1 for table in opened.values()) or any(
        _has_data(store, name) for name in TABLES
    )


def _has_data(store: Store, name: str) -> bool:
    return bool(store.names(f"{name}.lance/data"))
