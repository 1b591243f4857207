"""Reading a Lance table, with errors that a person can act on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.sql import with_quoted_columns
from cosmic_morphology.atlas.storage.checksums import digest
from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.atlas.storage.local_copy import LocalCopy
from cosmic_morphology.atlas.storage.originals import with_originals, with_thumbnail
from cosmic_morphology.atlas.storage.store import Store, is_local
from cosmic_morphology.errors import (
    AtlasDamagedError,
    AtlasGoneError,
)
from cosmic_morphology.safe_text import without_secrets


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
        self.copy = None if is_local(dataset.uri) else LocalCopy(store, name)

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
            return int(self.reading().count_rows(self._filter(where)))

    def to_table(
        self,
        columns: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - Lance's name
        **scan: Any,
    ) -> pa.Table:
        """Rows in memory; ``scan`` are further words of Lance's scanner, such as ``limit``."""
        with self.translate_errors(user_filter=filter):
            return with_originals(self._scanner(columns, filter, scan).to_table(), columns)

    def to_batches(
        self,
        columns: Sequence[str],
        batch_size: int,
        filter: str | None = None,  # noqa: A002 - Lance's name
        **scan: Any,
    ) -> Iterator[pa.RecordBatch]:
        """Rows, a batch at a time."""
        with self.translate_errors(user_filter=filter):
            scan["batch_size"] = batch_size
            batches = iter(self._scanner(columns, filter, scan).to_batches())
        while True:
            with self.translate_errors(user_filter=filter):
                batch = next(batches, None)
            if batch is None:
                return
            yield with_originals(batch, columns)

    def _scanner(self, columns: Sequence[str] | None, where: str | None, scan: Any) -> Any:
        read = self.reading()
        if read is not self.dataset:
            # The indexes are not here, and a small table is soon looked through.
            scan["use_scalar_index"] = False
            if "fragments" in scan:
                numbers = [each.fragment_id for each in scan["fragments"]]
                scan["fragments"] = [read.get_fragment(each) for each in numbers]
        return read.scanner(columns=with_thumbnail(columns), filter=self._filter(where), **scan)

    def reading(self) -> Any:
        """What rows are read from: the copy on this machine, or the table itself."""
        copied = self.copy.of(self.dataset) if self.copy else None
        return self.dataset if copied is None else copied

    def keep(self, path: str) -> str:
        """Put a file that was written for :meth:`reading` into the table; its SHA-256."""
        whole = f"{self.name}.lance/{path}"
        if self.copy is None or not self.copy.path(path).exists():
            return digest(self.store, whole)[0]
        self.store.send(self.copy.path(path), whole)
        with self.copy.path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def blocks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file of the version that is read."""
        if self.copy:
            return self.copy.blocks(self.dataset, path)
        return self.store.blocks(f"{self.name}.lance/{path}")

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
            taken = self.reading().take(list(positions), columns=with_thumbnail(columns))
        return with_originals(_as_table(taken), columns)

    def take_addresses(self, addresses: pa.Array, columns: Sequence[str]) -> pa.Table:
        """Rows at these row addresses, in their order.

        A row address is the number of the fragment and the place in it. It holds for one version
        of the table, and is not disturbed by deleted rows, as positions are.
        """
        with self.translate_errors():
            # Lance has no public name for it; what it has is three times slower, or by position.
            taken = self.reading()._take_rows(  # noqa: SLF001
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


def lost_version(store: Store, name: str, version: int) -> AtlasDamagedError:
    """The error of a table whose newest version has gone: an older one must not pass for it."""
    return AtlasDamagedError(
        f"the table {name!r} has lost its version {version}",
        where=without_secrets(store.uri),
        todo="`cosmic atlas verify` says what can be done.",
    )
