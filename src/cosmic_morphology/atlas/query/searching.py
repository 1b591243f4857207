"""Words in titles and texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from lance.query import FullTextOperator, MatchQuery

from cosmic_morphology.atlas.query.addresses import ADDRESS
from cosmic_morphology.atlas.query.columns import split_columns
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.query.joining import take_columns
from cosmic_morphology.atlas.query.paging import MAX_ROWS
from cosmic_morphology.atlas.query.text_index import with_empty_text_index
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

TEXTS = ("title", "description", "credit")
"""Columns that can be searched for words."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Rows that hold the words, the best first.

    Attributes
    ----------
    rows : pyarrow.Table
        The columns asked for, and ``score`` (BM25, higher = better), in the order of the score,
        and of ids where it is equal.
    is_indexed : bool
        Whether a full-text index answered; without one every text was read.
    """

    rows: pa.Table
    is_indexed: bool


def search(
    atlas: Atlas,
    words: str,
    *,
    within: str = "title",
    where: str | None = None,
    columns: Sequence[str] = ("id", "title"),
    limit: int = 100,
) -> SearchResult:
    """Rows of the catalogue whose title (or another text) holds all of the words.

    Capitals, accents and English endings make no difference: ``galaxies`` finds ``galaxy``. Words
    such as ``the`` are passed over. With a full-text index (``cosmic atlas index``) few rows are
    read; without one the result is the same and every text is read.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    words : str
        Words, in any order.
    within : str
        ``title``, ``description`` or ``credit``.
    where : str, optional
        A filter on the catalogue in Lance's SQL, besides.
    columns : sequence of str
        Columns to show, of the catalogue and of the images.
    limit : int
        Rows at most, from 1 to 10,000.

    Raises
    ------
    UsageError
        There are no words, no such column, or the filter cannot be used.

    Examples
    --------
    >>> found = search(atlas, "pia10001")
    >>> found.rows.column("id").to_pylist(), found.is_indexed
    (['folder:sky/galaxy/0.jpg'], False)
    """
    if not any(each.isalnum() for each in words):
        raise UsageError("there is no word to search for", where=words, todo='Write: "dust lane".')
    if within not in TEXTS:
        raise UsageError(
            f"words cannot be searched in {within!r}",
            where="within",
            todo=f"Give one of: {', '.join(TEXTS)}.",
        )
    if not 1 <= limit <= MAX_ROWS:
        raise UsageError(
            f"1 to {MAX_ROWS} rows can be shown, not {limit}", where="limit", todo="Ask for fewer."
        )
    table = atlas.table("catalogue")
    check_filter(table, where)
    split_columns(atlas, table, columns)
    is_indexed = within in _text_indexes(table)
    holder = nullcontext(table) if is_indexed else with_empty_text_index(table, within)
    with holder as read:
        found = read.to_table(
            ["id", "_score"],
            where,
            full_text_query=MatchQuery(words, within, operator=FullTextOperator.AND),
            limit=limit,
            with_row_address=True,
            prefilter=where is not None,
        )
    found = found.sort_by([("_score", "descending"), ("id", "ascending")])
    rows = take_columns(atlas, table, found.column(ADDRESS).combine_chunks(), columns)
    return SearchResult(rows.append_column("score", found.column("_score")), is_indexed)


def _text_indexes(table: Table) -> set[str]:
    return {name for name, each in table.indexes().items() if "Inverted" in each.type_url}
