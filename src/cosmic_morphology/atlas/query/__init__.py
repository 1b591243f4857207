"""Many rows of an atlas: count them, page through them, take, search and stream them.

The one way in which commands, reports and pages read many rows: nothing here holds a whole table.
"""

from cosmic_morphology.atlas.query.counting import count_by
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.query.paging import MAX_ROWS, Page, page
from cosmic_morphology.atlas.query.searching import TEXTS, SearchResult, search
from cosmic_morphology.atlas.query.similar import nearest
from cosmic_morphology.atlas.query.streaming import stream
from cosmic_morphology.atlas.query.taking import take

__all__ = [
    "MAX_ROWS",
    "TEXTS",
    "Page",
    "SearchResult",
    "check_filter",
    "count_by",
    "nearest",
    "page",
    "search",
    "stream",
    "take",
]
