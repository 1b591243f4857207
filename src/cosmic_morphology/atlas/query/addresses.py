"""From ids to row addresses: by the index on ids, or by a sorted array of 16 bytes a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.sql import literal
from cosmic_morphology.atlas.storage.column_versions import column_versions
from cosmic_morphology.atlas.storage.key_places import hashes_of
from cosmic_morphology.atlas.storage.lance_tables import Table

ADDRESS = "_rowaddr"
# Ids in one question to the index.
_AT_ONCE = 4096
_BATCH = 65_536
# Rows that the index does not cover are scanned at each question.
_FEW_ROWS = 10_000


class AddressBook:
    """Row addresses of the ids of one table at one version.

    With an index on the key it is asked, and nothing is held; without one the keys are read once
    into hashes: 16 bytes a row.

    Parameters
    ----------
    table : Table
        At the version that is looked up. A book holds as long as the keys' files are the same.
    """

    def __init__(self, table: Table) -> None:
        self._key = KEYS[table.name]
        self._version, self._files = table.version, column_versions(table, [self._key])
        index = table.indexes().get(self._key)
        self._is_indexed = (
            index is not None and table.count_rows() - index.num_rows_indexed <= _FEW_ROWS
        )
        if not self._is_indexed:
            self._hashes, self._addresses = _read_all(table, self._key)

    def is_current(self, table: Table) -> bool:
        """Whether no row has come or gone since, and none has moved."""
        if table.version != self._version:
            if column_versions(table, [self._key]) != self._files:
                return False
            self._version = table.version
        return True

    def find(self, table: Table, ids: Sequence[str]) -> list[int | None]:
        """The row address of each id; None for one that is not there.

        Parameters
        ----------
        table : Table
            The same table, with the same rows.
        ids : sequence of str
            Each may be asked twice.
        """
        found = self._by_index(table, ids) if self._is_indexed else self._by_hash(table, ids)
        return [found.get(each) for each in ids]

    def _by_index(self, table: Table, ids: Sequence[str]) -> dict[str, int]:
        unique = list(dict.fromkeys(ids))
        found: dict[str, int] = {}
        for start in range(0, len(unique), _AT_ONCE):
            part = ", ".join(map(literal, unique[start : start + _AT_ONCE]))
            rows = table.to_table([self._key], f"{self._key} IN ({part})", with_row_address=True)
            found |= _pairs(rows, self._key)
        return found

    def _by_hash(self, table: Table, ids: Sequence[str]) -> dict[str, int]:
        unique = list(dict.fromkeys(ids))
        asked = hashes_of(unique)
        at = np.searchsorted(self._hashes, asked)
        # Where two ids share a hash, the first of them stands there; both are asked for by name.
        after = np.searchsorted(self._hashes, asked, side="right")
        alone = (after - at) == 1
        rows = table.take_addresses(pa.array(self._addresses[at[alone]]), [self._key])
        addresses = self._addresses[at[alone]].tolist()
        names = rows.column(self._key).to_pylist()
        wanted = set(unique)
        found = {name: a for name, a in zip(names, addresses, strict=True) if name in wanted}
        shared = [name for name, n in zip(unique, after - at, strict=True) if n > 1]
        return found | (self._by_index(table, shared) if shared else {})


def take_ids(
    table: Table, book: AddressBook, ids: Sequence[str], columns: Sequence[str]
) -> tuple[pa.Table, list[bool]]:
    """Rows of those ids that are there, in their order, and for each id whether it is."""
    addresses = book.find(table, ids)
    there = [each for each in addresses if each is not None]
    rows = table.take_addresses(pa.array(there, pa.uint64()), columns)
    return rows, [each is not None for each in addresses]


def _read_all(table: Table, key: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    hashes, addresses = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for batch in table.to_batches([key], _BATCH, with_row_address=True):
        hashes.append(hashes_of(batch.column(key).to_pylist()))
        addresses.append(batch.column(ADDRESS).to_numpy())
    all_hashes, all_addresses = np.concatenate(hashes), np.concatenate(addresses)
    order = np.argsort(all_hashes, kind="stable")
    return all_hashes[order], all_addresses[order]


def _pairs(rows: pa.Table, key: str) -> dict[Any, int]:
    return dict(zip(rows.column(key).to_pylist(), rows.column(ADDRESS).to_pylist(), strict=True))
