"""Merging small files: each commit of rows leaves a fragment, and many of them make all slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lance.optimize import CompactionOptions

from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.storage import upkeep
from cosmic_morphology.atlas.storage.lance_tables import Table

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

# Rows of a fragment: light rows are read a column at a time; of images a fragment is the unit that
# one worker takes, and must not be larger than what is written again at once.
_LIGHT_ROWS = 262_144
_MOST_IMAGES, _FEWEST_IMAGES, _IMAGE_BYTES = 65_536, 1_024, 512 * 2**20
# A fragment is small below this share of the wanted rows.
_SMALL = 0.5
FRAGMENTS_AT_MOST = 32
"""With more small fragments than this a table is compacted by itself, after a write."""
_THREADS = 2


@dataclass(frozen=True, slots=True)
class CompactResult:
    """What was, or would be, done with one table.

    Attributes
    ----------
    table : str
        Its name.
    rows : int
        Rows that are there; none is lost.
    fragments : int
        Fragments before.
    merged : int
        Fragments that are written again, into fewer.
    fragments_after : int
        Fragments afterwards; with a dry run an estimate.
    """

    table: str
    rows: int
    fragments: int
    merged: int
    fragments_after: int


def compact_tables(
    atlas: Atlas,
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[CompactResult]:
    """Merge small fragments, and take deleted rows out of the files, in all tables.

    No row is lost, and every version can still be read; the old files go with ``cleanup``.
    Readers and writers may go on: a few merges at a time are one commit, and those that meet a
    write to the same fragments are planned again.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    dry_run : bool
        Whether to say only what would be done.
    progress : callable, optional
        Called with tables done and tables in all.

    Returns
    -------
    list of CompactResult
        One for each table.

    Examples
    --------
    >>> [each.table for each in compact_tables(atlas, dry_run=True)]
    ['images', 'catalogue', 'decisions', 'ledger']
    >>> sum(each.rows for each in compact_tables(atlas) if each.table == "images")
    24
    """
    if not dry_run:
        atlas.need_writable()
    results = []
    for done, name in enumerate(TABLES, start=1):
        results.append(compact_table(atlas.table(name), dry_run=dry_run))
        if progress:
            progress(done, len(TABLES))
    return results


def compact_table(table: Table, *, dry_run: bool = False) -> CompactResult:
    """Merge the small fragments of one table."""
    fragments = table.get_fragments()
    wanted = _wanted_rows(table, fragments)
    options = CompactionOptions(target_rows_per_fragment=wanted, num_threads=_THREADS)
    rows = table.count_rows()
    if dry_run:
        merged, made = upkeep.plan_compaction(table, options)
        after = len(fragments) - merged + made
        return CompactResult(table.name, rows, len(fragments), merged, after)
    merged = upkeep.compact(table, options)
    return CompactResult(table.name, rows, len(fragments), merged, len(table.get_fragments()))


def is_due(table: Table) -> bool:
    """Whether a table has so many small fragments that it is compacted by itself."""
    fragments = table.get_fragments()
    if len(fragments) <= FRAGMENTS_AT_MOST:
        return False
    small = _SMALL * _wanted_rows(table, fragments)
    n_small = sum(int(each.physical_rows) < small for each in fragments)
    return n_small > FRAGMENTS_AT_MOST


def _wanted_rows(table: Table, fragments: list[Any]) -> int:
    """Rows of a fragment: of images so many that their bytes can be written again at once."""
    if table.name != "images":
        return _LIGHT_ROWS
    rows = sum(each.physical_rows for each in fragments)
    n_bytes = sum(file.file_size_bytes or 0 for each in fragments for file in each.data_files())
    wanted = _MOST_IMAGES
    # By halves, so that an image more or less does not change it.
    while wanted > _FEWEST_IMAGES and rows and wanted * n_bytes / rows > _IMAGE_BYTES:
        wanted //= 2
    return wanted
