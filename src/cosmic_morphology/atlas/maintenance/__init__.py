"""Keeping an atlas fast and small: merge small files, build indexes, remove old versions."""

from cosmic_morphology.atlas.maintenance.cleanup import KEPT_DAYS, CleanupResult, clean_up
from cosmic_morphology.atlas.maintenance.compaction import (
    FRAGMENTS_AT_MOST,
    CompactResult,
    compact_tables,
)
from cosmic_morphology.atlas.maintenance.indexing import INDEXED, IndexResult, index_columns

__all__ = [
    "FRAGMENTS_AT_MOST",
    "INDEXED",
    "KEPT_DAYS",
    "CleanupResult",
    "CompactResult",
    "IndexResult",
    "clean_up",
    "compact_tables",
    "index_columns",
]
