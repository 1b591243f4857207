"""Opening the tables of an atlas: missing, damaged, or of another program's making."""

from __future__ import annotations

import re
from typing import Any

import lance

from cosmic_morphology.atlas.schema import SCHEMA_KEY, SCHEMA_VERSION, table_schema
from cosmic_morphology.atlas.storage.faults import is_missing, translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table, lost_version
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import (
    AtlasDamagedError,
    AtlasNotFoundError,
    AtlasTooNewError,
    AtlasTooOldError,
    AtlasVersionError,
)
from cosmic_morphology.extras import how_to_update
from cosmic_morphology.safe_text import without_secrets
from cosmic_morphology.suggest import nearest_name

# Parts of a file that are closer than this are read by one request to an object store: in the time
# until a first byte arrives a connection brings as many. Lance's own 64 kB asks twice as often.
_REQUEST_BYTES = 1 << 20
# What Lance keeps of the files of a table that it has looked at; by itself it keeps a gigabyte. A
# stage over a million rows left 190 MB of files there whose columns it had written again since.
_FILE_METADATA_BYTES = 64 * 2**20
# What Lance says of a version, a tag and a text that can be no tag's name.
_NO_VERSION = ("does not exist", "ref is invalid", "name too long")


def table_uri(uri: str, name: str) -> str:
    """Address of one table inside an atlas."""
    return f"{uri.rstrip('/')}/{name}.lance"


def open_table(store: Store, name: str, version: int | str | None = None) -> Table:
    """Open one table, at its newest or at a given version.

    Raises
    ------
    AtlasNotFoundError
        There is no such table: no folder, or one without any version.
    AtlasTooNewError, AtlasTooOldError
        The table was written with another schema than this program's.
    AtlasDamagedError
        The table is there and cannot be read.
    AtlasVersionError
        There is no such version.
    """
    store.reach()
    # Before the table is opened: another process may commit in between.
    hinted = _hinted_version(store, name)
    with translate_errors(store.uri, name):
        try:
            dataset = lance.dataset(
                table_uri(store.uri, name),
                storage_options=store.storage_options,
                block_size=None if is_local(store.uri) else _REQUEST_BYTES,
                metadata_cache_size_bytes=_FILE_METADATA_BYTES,
            )
        except (OSError, ValueError) as error:
            if is_missing(error):
                raise AtlasNotFoundError(
                    f"there is no atlas here (the table {name!r} is missing)",
                    where=without_secrets(store.uri),
                    todo="Collect or import images into it first, or give another --atlas.",
                ) from error
            raise
        if dataset.version < hinted:
            raise lost_version(store, name, hinted)
        _refuse_others(dataset, store.uri, name)
        if version is not None:
            dataset = _at(dataset, store.uri, name, version)
    return Table(store, name, dataset)


def _hinted_version(store: Store, name: str) -> int:
    """The newest version by the file that Lance writes after each commit on a disk; 0 without."""
    if not is_local(store.uri):
        return 0
    data = store.read(f"{name}.lance/_versions/latest_version_hint.json") or b""
    found = re.fullmatch(rb'\s*\{\s*"version"\s*:\s*(\d{1,18})\s*\}\s*', data)
    return int(found[1]) if found else 0


def _at(dataset: Any, uri: str, name: str, version: int | str) -> Any:
    try:
        return dataset.checkout_version(version)
    except (OSError, ValueError, OverflowError) as error:
        text = str(error).lower()
        known = isinstance(error, OverflowError) or is_missing(error)
        if not known and not any(sign in text for sign in _NO_VERSION):
            raise
        near = nearest_name(str(version), dataset.tags.list())
        meant = f"Did you mean {near!r}? " if near else ""
        raise AtlasVersionError(
            f"there is no version {version!r} of the table {name!r}",
            where=without_secrets(uri),
            todo=f"{meant}`cosmic atlas versions` lists what there is.",
        ) from error


def _refuse_others(dataset: Any, uri: str, name: str) -> None:
    """Refuse what a newer program wrote, and what is no table of an atlas (any longer)."""
    found = (dataset.schema.metadata or {}).get(SCHEMA_KEY, b"")
    if found.isdigit():
        refuse_schema(int(found), uri)
    lacking = [each for each in table_schema(name).names if each not in dataset.schema.names]
    if not found.isdigit() or lacking:
        what = f"lacks the column {lacking[0]!r}" if lacking else "does not say its schema"
        raise AtlasDamagedError(
            f"the table {name!r} {what}",
            where=without_secrets(uri),
            todo="`cosmic atlas verify` says what can be done.",
        )


def refuse_schema(found: int, uri: str) -> None:
    """Refuse an atlas of another schema than this program's: it is read by the one that wrote it.

    Raises
    ------
    AtlasTooNewError, AtlasTooOldError
        The schema is newer, or older.
    """
    if found > SCHEMA_VERSION:
        raise AtlasTooNewError(
            f"this atlas has schema {found}, this program knows up to {SCHEMA_VERSION}",
            where=without_secrets(uri),
            todo=how_to_update(),
        )
    if found < SCHEMA_VERSION:
        raise AtlasTooOldError(
            f"this atlas has schema {found}, this program reads and writes {SCHEMA_VERSION}",
            where=without_secrets(uri),
            todo="Collect or import its images again, into a new --atlas.",
        )
