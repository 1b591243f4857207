"""What an atlas does by itself after a write, so that nobody has to think of it."""

from __future__ import annotations

from cosmic_morphology.atlas.maintenance.compaction import compact_table, is_due
from cosmic_morphology.atlas.maintenance.indexing import reindex
from cosmic_morphology.atlas.storage.lance_tables import Table

# New rows wait until there are so many: until then a query scans them.
_ROWS_WAIT = 10_000


def after_rows(table: Table) -> None:
    """After rows were added or changed: compact and index where enough has come together.

    Cheap where nothing is to do: only the manifest is looked at, which is in memory.
    """
    if is_due(table):
        compact_table(table)
        reindex(table)
    else:
        reindex(table, at_least=_ROWS_WAIT)


def after_stage(table: Table) -> None:
    """After a stage has written its columns: bring the indexes up to date, if there are any.

    A patch of a column empties its index without a word, and a column that was made again has none.
    """
    if is_due(table):
        compact_table(table)
    reindex(table)
