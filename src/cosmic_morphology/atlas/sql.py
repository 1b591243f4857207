"""Lance's SQL: values as literals, names in quotes, conditions put together."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

# Texts and names that are quoted already.
_QUOTED = r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`"
_PLAIN = re.compile(r"\w+")


def sql_literal(text: str) -> str:
    """A text as a literal of Lance's SQL: ids come from outside and may hold quotes.

    Examples
    --------
    >>> sql_literal("M 31's halo")
    "'M 31''s halo'"
    """
    return "'" + text.replace("'", "''") + "'"


def literal(value: Any) -> str:
    """A text, a number, a time, or true and false, as Lance's SQL has it.

    Examples
    --------
    >>> literal("M 31's halo"), literal(0.25), literal(True)
    ("'M 31''s halo'", '0.25', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"timestamp '{plain.isoformat(sep=' ', timespec='microseconds')}'"
    if isinstance(value, float) and math.isinf(value):
        # SQL has no infinity; in single precision this is one.
        return repr(math.copysign(sys.float_info.max, value))
    if isinstance(value, str):
        return sql_literal(value)
    return repr(value)


def both(one: str | None, other: str | None) -> str | None:
    """A filter that asks for both conditions; None asks for nothing.

    Examples
    --------
    >>> both("a = 1", None), both("a = 1", "b = 2 OR c = 3")
    ('a = 1', '(a = 1) AND (b = 2 OR c = 3)')
    """
    if one is None or other is None:
        return one or other
    return f"({one}) AND ({other})"


def with_quoted_columns(where: str, names: Iterable[str]) -> str:
    """A filter with those names of columns in back-ticks that SQL would take for a difference.

    A run may be called ``linear-probe``; its columns can be named in a filter as they stand.

    Examples
    --------
    >>> with_quoted_columns("prediction_linear-probe = 'a-b'", ["id", "prediction_linear-probe"])
    "`prediction_linear-probe` = 'a-b'"
    """
    odd = sorted((name for name in names if not _PLAIN.fullmatch(name)), key=len, reverse=True)
    if not odd:
        return where
    known = "|".join(map(re.escape, odd))
    return re.sub(
        rf"{_QUOTED}|(?<![\w-])({known})(?![\w-])",
        lambda found: f"`{found[1]}`" if found[1] else found[0],
        where,
    )
