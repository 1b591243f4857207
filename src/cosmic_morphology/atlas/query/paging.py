"""A page of sorted rows, and the token of the next one.

By keyset: a page starts after the last row of the one before, not at a row number, so that it costs
the same wherever it is, and rows that come or go between two pages disturb nothing. In two steps:
first the values to sort by and the row addresses, then the columns of the few rows that are shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from lance.dataset import ColumnOrdering

from cosmic_morphology.atlas.query.addresses import ADDRESS
from cosmic_morphology.atlas.query.columns import field_to_sort_by, open_table, split_columns
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.query.joining import take_columns
from cosmic_morphology.atlas.query.narrowing import narrow
from cosmic_morphology.atlas.query.page_token import LastRow, question, read_token, write_token
from cosmic_morphology.atlas.schema import KEYS
from cosmic_morphology.atlas.sql import both, literal
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

MAX_ROWS = 10_000
# NaN sorts above or below all numbers, by its sign: rows outside of this have no value.
_LARGEST = repr(sys.float_info.max)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in their order.

    Attributes
    ----------
    rows : pyarrow.Table
        At most as many as were asked for.
    next : str or None
        What gives the next page as ``after``; None on the last one.
    """

    rows: pa.Table
    next: str | None


@dataclass(frozen=True, slots=True)
class _PageRow:
    """A row that is on the page: its value, its key and where it stands."""

    value: Any
    key: str
    address: int


def page(
    atlas: Atlas,
    where: str | None = None,
    *,
    columns: Sequence[str] = ("id",),
    order: str = "id",
    descending: bool = False,
    after: str | None = None,
    limit: int = 100,
    table: str = "catalogue",
) -> Page:
    """The first rows that fit a filter, sorted by a column, or those after an earlier page.

    Rows with equal values are in the order of their ids; rows without a value (null or NaN) come
    last in both directions.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    where : str, optional
        A filter in Lance's SQL on the table.
    columns : sequence of str
        Columns to show: those of the table and, of ``images`` and ``catalogue``, those of the
        other for the same ids (null where it has no such row).
    order : str
        A column of the table: numbers, texts, times, or true and false.
    descending : bool
        Whether the largest values come first.
    after : str, optional
        :attr:`Page.next` of the page before, of the same filter, order and table. It holds in
        another process, too.
    limit : int
        Rows on a page, from 1 to 10,000.
    table : str
        One of ``images``, ``catalogue``, ``decisions``, ``ledger``.

    Returns
    -------
    Page
        Its rows and the token of the next one.

    Raises
    ------
    UsageError
        There is no such table or column, the filter cannot be used, or the token is none.

    Examples
    --------
    >>> first = page(atlas, "label = 'star'", columns=["id", "width"], limit=5)
    >>> first.rows.num_rows, first.rows.column("width")[0].as_py()
    (5, 64)
    >>> last = page(atlas, "label = 'star'", after=first.next, limit=5)
    >>> last.rows.num_rows, last.next
    (3, None)
    """
    if not 1 <= limit <= MAX_ROWS:
        raise UsageError(
            f"a page has 1 to {MAX_ROWS} rows, not {limit}", where="limit", todo="Ask for fewer."
        )
    opened = open_table(atlas, table)
    check_filter(opened, where)
    key = KEYS[table] if order == "id" and table not in ("images", "catalogue") else order
    order = key if order == "id" else order
    field = field_to_sort_by(atlas, opened, order, verb="sorted")
    split_columns(atlas, opened, columns)
    asked = question(table=table, where=where, order=order, descending=descending)
    last = read_token(after, asked) if after is not None else None
    sorting = _Sorting(opened, field, where, descending=descending)
    found = sorting.rows_after(last, limit + 1)
    shown = found[:limit]
    token = None
    if len(found) > limit:
        token = write_token(LastRow(shown[-1].value, shown[-1].key), asked)
    addresses = pa.array([each.address for each in shown], pa.uint64())
    return Page(take_columns(atlas, opened, addresses, columns), token)


class _Sorting:
    """One question to one version of a table."""

    def __init__(
        self, table: Table, field: pa.Field, where: str | None, *, descending: bool
    ) -> None:
        self._table = table
        self._where = where
        self._key = KEYS[table.name]
        self._name = field.name
        self._descending = descending
        quoted = f"`{field.name}`"
        if pa.types.is_floating(field.type):
            self._has_value = f"{quoted} >= -{_LARGEST} AND {quoted} <= {_LARGEST}"
            self._has_none = f"{quoted} > {_LARGEST} OR {quoted} < -{_LARGEST} OR {quoted} IS NULL"
        else:
            self._has_value, self._has_none = f"{quoted} IS NOT NULL", f"{quoted} IS NULL"

    def rows_after(self, last: LastRow | None, n: int) -> list[_PageRow]:
        """The first ``n`` rows after a row, or of all."""
        found: list[_PageRow] = []
        for part in self._parts(last, n):
            found += part
            if len(found) >= n:
                break
        return found[:n]

    def _parts(self, last: LastRow | None, n: int) -> Iterator[list[_PageRow]]:
        """Rows in their order: ties of the last row, further values, and rows without any."""
        if self._name == self._key:
            yield self._by_key(None, last.key if last else None, n, descending=self._descending)
            return
        if last is None:
            yield self._by_value(self._has_value, n)
        elif last.value is not None:
            value = literal(last.value)
            yield self._by_key(f"`{self._name}` = {value}", last.key, n, value=last.value)
            sign = "<" if self._descending else ">"
            yield self._by_value(f"`{self._name}` {sign} {value} AND {self._has_value}", n)
        without_value_after = last.key if last is not None and last.value is None else None
        yield self._by_key(self._has_none, without_value_after, n)

    def _by_value(self, condition: str, n: int) -> list[_PageRow]:
        """The first rows by the column, and by key where values are equal."""
        values, addresses = self._top(self._name, condition, n + 1, descending=self._descending)
        tie = values[n - 1] if len(values) > n and values[n] == values[n - 1] else None
        if tie is None:
            return self._sorted(values[:n], addresses[:n])
        # More rows than fit share the last value: which of them come first, their keys say.
        before = sum(value != tie for value in values[:n])
        found = self._sorted(values[:before], addresses[:before])
        equal = f"`{self._name}` = {literal(tie)}"
        return found + self._by_key(equal, None, n - before, value=tie)

    def _sorted(self, values: list[Any], addresses: list[int]) -> list[_PageRow]:
        keys = self._table.take_addresses(pa.array(addresses, pa.uint64()), [self._key])
        rows = zip(values, keys.column(0).to_pylist(), addresses, strict=True)
        found = [_PageRow(*row) for row in rows]
        found.sort(key=lambda each: each.key)
        found.sort(key=lambda each: each.value, reverse=self._descending)
        return found

    def _by_key(
        self,
        condition: str | None,
        after: str | None,
        n: int,
        *,
        value: Any = None,
        descending: bool = False,
    ) -> list[_PageRow]:
        """The first rows by key, all of one value."""
        if after is not None:
            sign = "<" if descending else ">"
            condition = both(condition, f"`{self._key}` {sign} {literal(after)}")
        keys, addresses = self._top(self._key, condition, n, descending=descending)
        return [_PageRow(value, key, at) for key, at in zip(keys, addresses, strict=True)]

    def _top(
        self, column: str, condition: str | None, n: int, *, descending: bool
    ) -> tuple[list[Any], list[int]]:
        """Values and addresses of the first rows by one column."""
        where = both(self._where, condition)
        rows = self._table.to_table(
            [column],
            narrow(self._table, column, where, n=n, descending=descending),
            order_by=[ColumnOrdering(column, ascending=not descending, nulls_first=False)],
            limit=n,
            with_row_address=True,
        )
        return rows.column(column).to_pylist(), rows.column(ADDRESS).to_pylist()
