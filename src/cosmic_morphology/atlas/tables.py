"""Opening and writing Lance tables, with errors that a person can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from cosmic_morphology.atlas.schema import SCHEMA_KEY, SCHEMA_VERSION, table_schema
from cosmic_morphology.errors import (
    AtlasDamagedError,
    AtlasError,
    AtlasFullError,
    AtlasNotFoundError,
    AtlasTooNewError,
    how_to_update,
)

_FULL_SIGNS = ("no space left", "disk quota", "quotaexceeded", "enospc")


def table_uri(uri: str, name: str) -> str:
    """Address of one table inside an atlas."""
    return f"{uri.rstrip('/')}/{name}.lance"


def is_local(uri: str) -> bool:
    """Whether the atlas is a folder on this machine."""
    return "://" not in uri


def create_table(uri: str, name: str, storage_options: dict[str, str] | None) -> Any:
    """Create one empty table, or open it when another process was faster."""
    with writing(table_uri(uri, name)):
        try:
            return lance.write_dataset(
                table_schema(name).empty_table(),
                table_uri(uri, name),
                storage_options=storage_options,
                data_storage_version="2.1",
            )
        except OSError as error:
            if "already exists" not in str(error).lower():
                raise
            return open_table(uri, name, storage_options)


def open_table(
    uri: str, name: str, storage_options: dict[str, str] | None, version: int | str | None = None
) -> Any:
    """Open one table, at its newest or at a given version.

    Raises
    ------
    AtlasNotFoundError
        There is no such table.
    AtlasTooNewError
        The table was written with a newer schema than this program knows.
    AtlasDamagedError
        The table is there and cannot be read.
    """
    place = table_uri(uri, name)
    if is_local(uri) and not Path(place).is_dir():
        raise AtlasNotFoundError(
            f"there is no atlas here (the table {name!r} is missing)",
            where=uri,
            todo="Collect or import pictures into it first, or give another --atlas.",
        )
    try:
        dataset = lance.dataset(place, version=version, storage_options=storage_options)
    except (OSError, ValueError) as error:
        if version is not None:
            raise AtlasError(
                f"there is no version {version!r} of the table {name!r}",
                where=uri,
                todo="`cosmic atlas versions` lists what there is.",
            ) from error
        if "not found" in str(error).lower():
            raise AtlasNotFoundError(
                f"there is no table {name!r} here",
                where=uri,
                todo="Collect or import pictures into it first, or give another --atlas.",
            ) from error
        raise AtlasDamagedError(
            f"the table {name!r} cannot be read ({error})",
            where=uri,
            todo="`cosmic atlas verify` says more.",
        ) from error
    _refuse_newer(dataset, uri)
    return dataset


def _refuse_newer(dataset: Any, uri: str) -> None:
    found = (dataset.schema.metadata or {}).get(SCHEMA_KEY, b"0")
    if int(found) > SCHEMA_VERSION:
        raise AtlasTooNewError(
            f"this atlas has schema {int(found)}, this program knows up to {SCHEMA_VERSION}",
            where=uri,
            todo=how_to_update(),
        )


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Turn a full disk into an error that says so; the last commit stands."""
    try:
        yield
    except OSError as error:
        text = str(error).lower()
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or any(s in text for s in _FULL_SIGNS):
            raise AtlasFullError(
                "the disk is full; everything up to the last commit is kept",
                where=where,
                todo="Make room and run the same command again: it goes on where it stopped.",
            ) from error
        raise


def one_writer(uri: str) -> AbstractContextManager[Any]:
    """Writers of a local atlas go one after the other.

    Lance detects conflicting updates, but two inserts of one new key would both succeed.
    """
    if not is_local(uri):
        return nullcontext()
    from filelock import FileLock

    return FileLock(str(Path(uri) / ".writer.lock"), timeout=600)


def upsert(dataset: Any, rows: pa.Table, key: str) -> None:
    """Insert new rows and update the given columns of the others, in one commit."""
    if rows.num_rows:
        with writing(dataset.uri):
            (
                dataset.merge_insert(key)
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(rows)
            )


def update(dataset: Any, rows: pa.Table, key: str) -> None:
    """Update the given columns of rows that exist, in one commit."""
    if rows.num_rows:
        with writing(dataset.uri):
            dataset.merge_insert(key).when_matched_update_all().execute(rows)


def insert_new(dataset: Any, rows: pa.Table, key: str) -> int:
    """Insert the rows whose key is new, in one commit; return how many."""
    if not rows.num_rows:
        return 0
    with writing(dataset.uri):
        done = dataset.merge_insert(key).when_not_matched_insert_all().execute(rows)
    return int(done["num_inserted_rows"])


def sql_text(text: str) -> str:
    """A text as a literal of Lance's SQL: ids come from outside and may hold quotes."""
    return "'" + text.replace("'", "''") + "'"


def with_left_out(rows: pa.Table, ids: Sequence[str]) -> pa.Table:
    """The rows, and empty ones for the ids that they leave out."""
    given = set(rows.column("id").to_pylist())
    rest = [each for each in ids if each not in given]
    if not rest:
        return rows
    empty = {
        f.name: pa.nulls(len(rest), f.type) if f.name != "id" else pa.array(rest, f.type)
        for f in rows.schema
    }
    return pa.concat_tables([rows, pa.table(empty, schema=rows.schema)])
