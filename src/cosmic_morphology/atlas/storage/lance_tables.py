"""Opening and reading Lance tables, with errors that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import lance
import pyarrow as pa

from cosmic_morphology.atlas.schema import SCHEMA_KEY, SCHEMA_VERSION, table_schema
from cosmic_morphology.atlas.sql import with_quoted_columns
from cosmic_morphology.atlas.storage.column_cache import ColumnCache
from cosmic_morphology.atlas.storage.faults import is_missing, translate_errors
from cosmic_morphology.atlas.storage.originals import with_originals, with_thumbnail
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import (
    AtlasDamagedError,
    AtlasGoneError,
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
# What Lance says of a version, a tag and a text that can be no tag's name.
_NO_VERSION = ("does not exist", "ref is invalid", "name too long")


class Table:
    """One table of an atlas, for reading; :mod:`~cosmic_morphology.atlas.storage.commit` writes.

    Every error that Lance raises in here becomes one line that names the table: there is no other
    way to a table's rows.

    Parameters
    ----------
    store : Store
        The atlas.
    name : str
        One of ``images``, ``catalogue``, ``decisions``, ``ledger``.
    dataset : lance.LanceDataset
        Opened by :func:`open_table`.
    """

    def __init__(self, store: Store, name: str, dataset: Any) -> None:
        self.store = store
        self.name = name
        self.dataset = dataset
        self._cache = None if is_local(store.uri) else ColumnCache()

    @contextmanager
    def translate_errors(self, *, user_filter: object = None) -> Iterator[None]:
        """Turn every error into one line; a table that is no longer there is reported as that.

        Raises
        ------
        AtlasGoneError
            Somebody has moved or deleted the table since it was opened.
        """
        try:
            with translate_errors(self.store.uri, self.name, user_filter=user_filter):
                yield
        except AtlasDamagedError as error:
            if self.store.names(f"{self.name}.lance/_versions"):
                raise
            raise AtlasGoneError(
                f"the table {self.name!r} was here when the atlas was opened, and has gone",
                where=without_secrets(self.store.uri),
                todo="Put it back, or give another --atlas.",
            ) from error

    def refresh(self) -> None:
        """Go to the newest version.

        Raises
        ------
        AtlasDamagedError
            The newest version is older than the one that was read before.
        """
        before = self.dataset.version
        with self.translate_errors():
            self.dataset.checkout_latest()
        if self.dataset.version < before:
            raise lost_version(self.store, self.name, before)

    @property
    def schema(self) -> pa.Schema:
        """Names, types and stamps of the columns."""
        with self.translate_errors():
            return self.dataset.schema

    @property
    def version(self) -> int:
        """Number of the version that is read."""
        return int(self.dataset.version)

    @property
    def metadata(self) -> dict[str, str]:
        """What stages have noted about the table."""
        with self.translate_errors():
            return dict(self.dataset.metadata)

    def count_rows(self, where: str | None = None) -> int:
        """Number of rows, of those that fit a filter if there is one."""
        with self.translate_errors(user_filter=where):
            return int(self.dataset.count_rows(self._filter(where)))

    def to_table(
        self,
        columns: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - Lance's name
        **scan: Any,
    ) -> pa.Table:
        """Rows in memory; ``scan`` are further words of Lance's scanner, such as ``limit``."""
        with self.translate_errors(user_filter=filter):
            if filter is None and not scan and (kept := self._kept(columns)) is not None:
                return kept
            scan |= {"columns": with_thumbnail(columns), "filter": self._filter(filter)}
            return with_originals(self.dataset.scanner(**scan).to_table(), columns)

    def _kept(self, columns: Sequence[str] | None) -> pa.Table | None:
        return self._cache.read(self.dataset, columns) if self._cache and columns else None

    def to_batches(
        self,
        columns: Sequence[str],
        batch_size: int,
        filter: str | None = None,  # noqa: A002 - Lance's name
        **scan: Any,
    ) -> Iterator[pa.RecordBatch]:
        """Rows, a batch at a time."""
        with self.translate_errors(user_filter=filter):
            if filter is None and not scan and (kept := self._kept(columns)) is not None:
                yield from kept.to_batches(max_chunksize=batch_size)
                return
            scan |= {"columns": with_thumbnail(columns), "filter": self._filter(filter)}
            batches = iter(self.dataset.scanner(batch_size=batch_size, **scan).to_batches())
        while True:
            with self.translate_errors(user_filter=filter):
                batch = next(batches, None)
            if batch is None:
                return
            yield with_originals(batch, columns)

    def _filter(self, where: str | None) -> str | None:
        # Lance reads a filter up to the end of an expression and passes over what follows.
        return where and f"({with_quoted_columns(where, self.dataset.schema.names)})"

    def check_filter(self, where: str) -> None:
        """Raise :class:`ValueError` with Lance's words where a filter cannot be used.

        Nothing is read: the filter is only planned.
        """
        with self.translate_errors(user_filter=where):
            self.dataset.scanner(
                columns=[], filter=self._filter(where), with_row_id=True
            ).explain_plan()

    def take(self, positions: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Rows at these positions, in their order."""
        with self.translate_errors():
            taken = self.dataset.take(list(positions), columns=with_thumbnail(columns))
        return with_originals(_as_table(taken), columns)

    def take_addresses(self, addresses: pa.Array, columns: Sequence[str]) -> pa.Table:
        """Rows at these row addresses, in their order.

        A row address is the number of the fragment and the place in it. It holds for one version
        of the table, and is not disturbed by deleted rows, as positions are.
        """
        with self.translate_errors():
            # Lance has no public name for it; what it has is three times slower, or by position.
            taken = self.dataset._take_rows(  # noqa: SLF001
                addresses, columns=with_thumbnail(columns)
            )
        return with_originals(_as_table(taken), columns)

    def indexes(self) -> dict[str, Any]:
        """Index of each column that has one: ``lance.IndexDescription`` by the column's name."""
        with self.translate_errors():
            return {each.field_names[0]: each for each in self.dataset.describe_indices()}

    def get_fragments(self) -> list[Any]:
        """The fragments of the version that is read."""
        with self.translate_errors():
            return list(self.dataset.get_fragments())

    def versions(self) -> list[dict[str, Any]]:
        """Number and time of each version."""
        with self.translate_errors():
            return list(self.dataset.versions())

    def tags(self) -> dict[str, int]:
        """Names and the versions that they pin."""
        with self.translate_errors():
            return {name: int(tag["version"]) for name, tag in self.dataset.tags.list().items()}


def _as_table(rows: pa.Table | pa.RecordBatch) -> pa.Table:
    return rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])


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


def lost_version(store: Store, name: str, version: int) -> AtlasDamagedError:
    """The error of a table whose newest version has gone: an older one must not pass for it."""
    return AtlasDamagedError(
        f"the table {name!r} has lost its version {version}",
        where=without_secrets(store.uri),
        todo="`cosmic atlas verify` says what can be done.",
    )


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
