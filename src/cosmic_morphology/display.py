"""How results look: a few lines in a terminal, a table in a notebook, a data frame where asked.

Texts in results come from archives and files: they are made safe to print, and escaped in HTML.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from cosmic_morphology.io_utils import data_frame
from cosmic_morphology.safe_text import safe_text

_SHOWN = 5
_LONGEST = 160


class Shown:
    """Base of results: fields in lines, in a notebook as a table; empty ones are left out.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, repr=False)
    ... class CountResult(Shown):
    ...     images: int
    ...     classes: dict[str, int]
    ...     notes: tuple[str, ...] = ()
    >>> CountResult(3, {"galaxy": 2, "comet": 1})
    CountResult
      images   3
      classes  galaxy 2, comet 1
    >>> "<td>galaxy 2, comet 1</td>" in CountResult(3, {"galaxy": 2, "comet": 1})._repr_html_()
    True
    """

    __slots__ = ()

    def _shown_facts(self) -> Iterable[tuple[str, Any]]:
        """Names and values, in the order in which they are shown."""
        return facts_of(self)

    def __repr__(self) -> str:
        facts = [(name, in_words(value)) for name, value in self._shown_facts()]
        shown = [(name, words) for name, words in facts if words]
        width = max((len(name) for name, _ in shown), default=0)
        lines = [f"  {name:<{width}}  {words}" for name, words in shown]
        return "\n".join([type(self).__name__, *lines])

    def _repr_html_(self) -> str:
        return facts_html(type(self).__name__, self._shown_facts())


class Tabular(Shown):
    """Base of results that are tables: a notebook shows the rows, pandas gets them.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, repr=False)
    ... class ClassResult(Tabular):
    ...     counts: dict[str, int]
    ...     def rows(self):
    ...         return [{"class": name, "n": n} for name, n in self.counts.items()]
    >>> ClassResult({"galaxy": 2, "comet": 1}).to_pandas()["n"].sum()
    np.int64(3)
    >>> "<th>class</th><th>n</th>" in ClassResult({"galaxy": 2})._repr_html_()
    True
    """

    __slots__ = ()

    def _shown_rows(self) -> Sequence[Mapping[str, Any]]:
        """The table; a class with a field of the name ``rows`` has its own."""
        found: Sequence[Mapping[str, Any]] = self.rows()  # type: ignore[attr-defined]
        return found

    def to_pandas(self) -> Any:
        """The table as a data frame.

        Returns
        -------
        pandas.DataFrame
            One row for each row of the table.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        rows = self._shown_rows()
        return data_frame(rows, columns_of(rows))

    def _repr_html_(self) -> str:
        name = type(self).__name__
        return facts_html(name, self._shown_facts()) + table_html("", self._shown_rows())


def facts_of(result: Any, *, without: str = "") -> Iterable[tuple[str, Any]]:
    """Names and values of a dataclass's fields, but those that are not to be shown.

    Examples
    --------
    >>> from cosmic_morphology.stats.bootstrap import Difference
    >>> gap = Difference(0.1, (0.02, 0.18), p_value=0.01, n=40, n_groups=20)
    >>> dict(facts_of(gap, without="interval"))
    {'value': 0.1, 'p_value': 0.01, 'n': 40, 'n_groups': 20}
    """
    for field in dataclasses.fields(result):
        if field.repr and field.name != without:
            yield field.name, getattr(result, field.name)


def in_words(value: Any) -> str:
    """A value on one short line; empty for nothing.

    Examples
    --------
    >>> in_words({"train": 8, "test": 2})
    'train 8, test 2'
    >>> in_words(["a", "b", "c", "d", "e", "f"])
    'a; b; c; d; e; and 1 more'
    >>> in_words(0.123456), in_words(True), in_words(None)
    ('0.1235', 'yes', '')
    """
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    if isinstance(value, Mapping):
        parts = [f"{safe_text(name)} {in_words(item)}".rstrip() for name, item in value.items()]
        return _cut(", ".join(parts))
    if isinstance(value, list | tuple | set | frozenset):
        parts = [in_words(item) for item in list(value)[:_SHOWN]]
        more = len(value) - _SHOWN
        return _cut("; ".join([*parts, *([f"and {more:,} more"] if more > 0 else [])]))
    if isinstance(value, Shown):
        facts = value._shown_facts()  # noqa: SLF001 - its own class
        return in_words({name: item for name, item in facts if item})
    return f"{value:.4g}" if isinstance(value, float) else _cut(safe_text(value))


def facts_html(title: str, facts: Iterable[tuple[str, Any]]) -> str:
    """Names and values as a table of two columns; everything is escaped.

    Examples
    --------
    >>> facts_html("image", [("title", "<b>")])
    '<table><caption>image</caption><tr><th scope="row">title</th><td>&lt;b&gt;</td></tr></table>'
    """
    cells = ((name, in_words(value)) for name, value in facts)
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(safe_text(name), words)
        for name, words in cells
        if words
    )
    return str(Markup("<table><caption>{}</caption>{}</table>").format(safe_text(title), body))


def table_html(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a table with a head; everything is escaped.

    Examples
    --------
    >>> table_html("runs", [{"run": "a<b"}])
    '<table><caption>runs</caption><tr><th>run</th></tr><tr><td>a&lt;b</td></tr></table>'
    """
    columns = columns_of(rows)
    lines = [_line("th", map(safe_text, columns))]
    lines += [_line("td", [in_words(row.get(name)) for name in columns]) for row in rows]
    return str(
        Markup("<table><caption>{}</caption>{}</table>").format(
            safe_text(title), Markup("").join(lines)
        )
    )


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of all columns, in the order in which they are met.

    Examples
    --------
    >>> columns_of([{"run": "a", "n": 3}, {"run": "b", "why": "no image"}])
    ['run', 'n', 'why']
    """
    return list(dict.fromkeys(name for row in rows for name in row))


def _line(tag: str, cells: Iterable[str]) -> Markup:
    opened, closed = Markup(f"<{tag}>"), Markup(f"</{tag}>")  # noqa: S704 - "th" or "td"
    inside = Markup("").join(opened + escape(cell) + closed for cell in cells)
    return Markup("<tr>{}</tr>").format(inside)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
