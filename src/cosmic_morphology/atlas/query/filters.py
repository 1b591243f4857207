"""Filters in SQL that people write: which word of one cannot be used, and what was meant."""

from __future__ import annotations

import re

from cosmic_morphology.atlas.schema import TABLES, describe_column, table_schema
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names

EXAMPLE = "Write it as \"label = 'comet' AND source = 'nasa'\"."
_NO_COLUMN = re.compile(r"No field named [\"`]?([^\s\"`]+?)[\"`]?\.(?:\s|$)")
_NO_FUNCTION = re.compile(r"Invalid function '([^']*)'")
_PARSER = re.compile(r"sql parser error: Expected: (.*?), found: (.*?)\)+(?:,|$)", re.DOTALL)
_LITERAL = re.compile(r"Received literal \w+\((.*?)\) and could not convert .*? of type '(\w+)'")
# Texts and quoted names; what is left of a filter without them is words and signs.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`")


def check_filter(table: Table, where: str | None, *, what: str = "the filter") -> None:
    """Refuse a filter that a table cannot use, before anything is read.

    Parameters
    ----------
    table : Table
        The table that is to be filtered.
    where : str or None
        In Lance's SQL; None is no filter.
    what : str
        What the message calls it, such as ``--where``.

    Raises
    ------
    UsageError
        It names a column that is not there, is no SQL, or closes parentheses that it did not
        open; the message says which word.

    Examples
    --------
    >>> check_filter(atlas.table("catalogue"), "labl = 'comet'")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.UsageError: labl = 'comet': the filter cannot be used: the table ...
    """
    if where is None:
        return
    if not _is_balanced(where):
        # Other conditions are put beside a filter, in parentheses, which it could leave.
        raise UsageError(
            f"{what} cannot be used: it closes parentheses that it does not open",
            where=where,
            todo="Write it as one condition.",
        )
    try:
        table.check_filter(where)
    except ValueError as error:
        why, todo = _explain(table, where, str(error))
        raise UsageError(f"{what} cannot be used: {why}", where=where, todo=todo) from error


def no_such_column(table: Table, name: str) -> tuple[str, str]:
    """What is wrong with the name of a column, and what to do: two sentences for an error."""
    known = describe_column(name)
    if table.name == "catalogue" and known is not None:
        todo = f"The stage {known.stage!r} fills it: see `cosmic run` and `cosmic curate`."
        return f"the column {name!r} is still empty", todo
    for other in TABLES:
        if other != table.name and name in table_schema(other).names:
            return f"{name!r} is a column of the table {other!r}", f"Ask that one: --table {other}."
    what = f"the table {table.name!r} has no column {name!r}"
    return what, suggest_names(name, table.schema.names)


def _explain(table: Table, where: str, text: str) -> tuple[str, str]:
    """Which word is wrong, from what Lance says, and what to do."""
    if found := _NO_COLUMN.search(text):
        word = found[1].partition(".")[0]
        why, todo = no_such_column(table, word)
        if re.search(rf"([=<>,(]|like)\s*{re.escape(word)}\b", where, re.IGNORECASE):
            todo = f"Put a text in single quotes: '{word}'. {todo}"
        return why, todo
    return _why(text), EXAMPLE


def _why(text: str) -> str:
    if found := _NO_FUNCTION.search(text):
        return f"there is no function {found[1]!r}"
    if found := _LITERAL.search(text):
        value = found[1].strip('"')
        kind = "text" if found[2] in ("Utf8", "LargeUtf8") else found[2].lower()
        return f"{value!r} cannot be compared with a column of the type {kind}"
    if found := _PARSER.search(text):
        # The filter was put in parentheses: its end is seen as one of them.
        at = "its end" if found[2].strip() in (")", "EOF", "") else repr(found[2].strip())
        return f"it cannot be read at {at}"
    for sign, why in (
        ("Unterminated string", "a quote is opened and not closed"),
        ("does not return a boolean", "it is no condition that is true or false"),
    ):
        if sign in text:
            return why
    return text.removeprefix("Invalid user input: ").partition(", /")[0]


def _is_balanced(where: str) -> bool:
    depth = 0
    for sign in re.findall(r"[()]", _QUOTED.sub("", where)):
        depth += 1 if sign == "(" else -1
        if depth < 0:
            return False
    return True
