"""What is still to do in a table: the rows of each fragment that lack a column, as tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.schema import table_of
from cosmic_morphology.atlas.storage.column_files import ADDRESS
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.store import is_local
from cosmic_morphology.engine.task import FragmentTask
from cosmic_morphology.engine.work import ColumnWork

# An address is the number of the fragment and, in the lower half, the place in it.
_FRAGMENT_BITS = np.uint64(32)
_BATCH = 65_536
# With so many fragments for each slot nobody waits for the last ones, and each can be one task...
_FRAGMENTS_PER_SLOT = 4
# ...of so many rows at most: minutes of work, that a kill costs.
_MOST_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows that lack a column.

    Attributes
    ----------
    version : str
        Of the atlas.
    addresses : dict of int to array of uint64
        By fragment, sorted.
    where : str
        A filter that they fit, in Lance's SQL.
    """

    version: str
    addresses: dict[int, npt.NDArray[np.uint64]]
    where: str = ""

    @property
    def rows(self) -> int:
        """Rows to do."""
        return sum(map(len, self.addresses.values()))

    def tasks(
        self,
        atlas: Atlas,
        table: str,
        work: ColumnWork,
        pickled: bytes,
        slots: int,
        *,
        fills: bool = True,
    ) -> Iterator[FragmentTask]:
        """The tasks, fragment by fragment."""
        uri = address_everywhere(atlas)
        many = fills and len(self.addresses) >= _FRAGMENTS_PER_SLOT * slots
        for fragment, addresses in self.addresses.items():
            whole = many and len(addresses) <= _MOST_ROWS
            step = len(addresses) if whole else work.task_rows
            for start in range(0, len(addresses), step):
                part = addresses[start : start + step]
                yield FragmentTask(
                    work=pickled,
                    uri=uri,
                    storage_options=atlas.store.storage_options,
                    table=table,
                    version=self.version,
                    fragment=fragment,
                    first=int(part[0]),
                    end=int(part[-1]) + 1,
                    rows=len(part),
                    writes_file=whole,
                    where=self.where,
                    fills=fills,
                )


def address_everywhere(atlas: Atlas) -> str:
    """The address of an atlas, whatever the working folder is."""
    return str(Path(atlas.uri).resolve()) if is_local(atlas.uri) else atlas.uri


def plan(atlas: Atlas, column: str, where: str = "") -> Plan:
    """The rows of an atlas that lack a column, and fit a filter on its table."""
    table = atlas.table(table_of(column))
    # A column that is not there yet is lacked by all rows.
    lacking = f"`{column}` IS NULL" if column in table.schema.names else ""
    which = " AND ".join(f"({each})" for each in (where, lacking) if each)
    return Plan(str(atlas.version), _addresses(table, which), where)


def plan_all(atlas: Atlas, table: str) -> Plan:
    """All rows of a table."""
    return Plan(str(atlas.version), _addresses(atlas.table(table), ""))


def _addresses(table: Table, which: str) -> dict[int, npt.NDArray[np.uint64]]:
    found: dict[int, list[npt.NDArray[np.uint64]]] = {}
    batches = table.to_batches([], _BATCH, which or None, with_row_address=True, scan_in_order=True)
    for batch in batches:
        addresses = batch.column(ADDRESS).to_numpy()
        fragments = addresses >> _FRAGMENT_BITS
        for fragment in np.unique(fragments):
            found.setdefault(int(fragment), []).append(addresses[fragments == fragment])
    return {each: np.sort(np.concatenate(parts)) for each, parts in found.items()}
