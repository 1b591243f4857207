"""Derived columns of an atlas: made ready, filled, changed, or replaced as a whole."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import pyarrow as pa

from cosmic_morphology.atlas.interface.tables import AtlasTables
from cosmic_morphology.atlas.maintenance.upkeep import after_stage
from cosmic_morphology.atlas.provenance import ColumnProvenance
from cosmic_morphology.atlas.schema import KEYS, table_of
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.whole_columns import change_columns, write_whole_columns


class ColumnWriter(AtlasTables):
    """What writes derived columns of an :class:`~cosmic_morphology.Atlas`."""

    def prepare_columns(self, fields: Sequence[pa.Field], stamp: ColumnProvenance) -> bool:
        """Make derived columns ready to be filled; True when all rows are now empty.

        Columns that another recipe wrote are replaced by empty ones (older versions keep them).
        """
        self.need_writable()
        made = [self._prepare(name, own, stamp) for name, own in _by_table(fields).items()]
        return any(made)

    def _prepare(self, table: str, fields: Sequence[pa.Field], stamp: ColumnProvenance) -> bool:
        stamped = [pa.field(f.name, f.type, metadata=stamp.metadata()) for f in fields]
        is_current = functools.partial(_are_of, [each.name for each in fields], stamp)
        return commit.remake_columns(self.table(table), stamped, is_current)

    def fill_columns(self, rows: pa.Table) -> None:
        """Write derived columns of existing rows (``id`` and the columns), a commit a table."""
        self.need_writable()
        for table, own in _by_table(_derived(rows)).items():
            part = rows.select(["id", *(each.name for each in own)])
            commit.update(self.table(table), part, KEYS[table])

    def change_columns(
        self, columns: Sequence[str], changed: Callable[[pa.Table], pa.Table]
    ) -> None:
        """Write the values of the catalogue that a function changes, in one commit.

        Parameters
        ----------
        columns : sequence of str
            Columns to read and write; where one is not there yet, nothing changes.
        changed : callable
            Gets some rows, with ``id``, the columns and an address; returns those that change.
            It is called again for rows that others move meanwhile.
        """
        self.need_writable()
        catalogue = self.table("catalogue")
        if set(columns) <= set(catalogue.schema.names):
            change_columns(catalogue, columns, changed)

    def replace_columns(self, rows: pa.Table, stamp: ColumnProvenance) -> None:
        """Write derived columns that a whole-table stage computed, and stamp them.

        Parameters
        ----------
        rows : pyarrow.Table
            ``id`` and one or more derived columns; rows left out become null.
        stamp : ColumnProvenance
            Goes into the metadata of each column, not before its values: a kill leaves it stale.
        """
        self.need_writable()
        for name, own in _by_table(_derived(rows)).items():
            names = [each.name for each in own]
            written = rows.select([KEYS[name], *names])
            is_current = functools.partial(_are_of, names, stamp)
            write_whole_columns(self.table(name), written, stamp.metadata(), is_current)
        self.tend()

    def tend(self) -> None:
        """What a stage ends with: indexes hold what it wrote, and small files are merged.

        Cheap where nothing is to do, and where the atlas has no index.
        """
        for name in ("images", "catalogue"):
            after_stage(self._tables[name])


def _are_of(names: Sequence[str], stamp: ColumnProvenance, schema: pa.Schema) -> bool:
    """Whether these columns are there, and were written by this code with these parameters."""
    return all(
        name in schema.names and stamp.same_code_and_parameters(schema.field(name).metadata)
        for name in names
    )


def _derived(rows: pa.Table) -> list[pa.Field]:
    return [field for field in rows.schema if field.name != "id"]


def _by_table(fields: Sequence[pa.Field]) -> dict[str, list[pa.Field]]:
    found: dict[str, list[pa.Field]] = {}
    for field in fields:
        found.setdefault(table_of(field.name), []).append(field)
    return found
