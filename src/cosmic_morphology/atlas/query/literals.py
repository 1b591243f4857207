"""Values as literals of Lance's SQL, and conditions put together."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from typing import Any

from cosmic_morphology.atlas.storage.lance_tables import sql_literal


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
