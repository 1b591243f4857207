"""The token of the next page: the last row that was shown, and what was asked."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosmic_morphology.atlas.provenance import content_hash
from cosmic_morphology.errors import UsageError

_FIELDS = ("asked", "value", "key", "is_time")


@dataclass(frozen=True, slots=True)
class LastRow:
    """The row that a page ended with.

    Attributes
    ----------
    value : object
        Its value of the column that the page is sorted by; None where it has none.
    key : str
        Its key: rows of the same value are in the order of their keys.
    """

    value: Any
    key: str


def question(*, table: str, where: str | None, order: str, descending: bool) -> str:
    """What was asked, as a short text: a token belongs to one question."""
    return content_hash(table, where, order, descending)


def write_token(last: LastRow, asked: str) -> str:
    """A token of letters, digits, ``-`` and ``_``; it holds in any process, and after writes.

    Examples
    --------
    >>> token = write_token(LastRow(0.25, "nasa:1"), "question")
    >>> read_token(token, "question")
    LastRow(value=0.25, key='nasa:1')
    """
    is_time = isinstance(last.value, datetime)
    value = last.value.isoformat() if is_time else last.value
    content = json.dumps([asked, value, last.key, is_time], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read_token(token: str, asked: str) -> LastRow:
    """The row that a token was made from.

    Raises
    ------
    UsageError
        It is no token, or belongs to another filter, order or table.

    Examples
    --------
    >>> read_token("nothing", "question")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.UsageError: nothing: this is no token of a page. Begin without one.
    """
    content = _unpack(token)
    if content is None:
        raise UsageError("this is no token of a page", where=token[:60], todo="Begin without one.")
    if content["asked"] != asked:
        raise UsageError(
            "this token belongs to another question",
            where=token[:60],
            todo="Give the same filter, order and table as for the page before, or no token.",
        )
    return LastRow(content["value"], content["key"])


def _unpack(token: str) -> dict[str, Any] | None:
    """What a token holds; None where it is none."""
    try:
        padded = token + "=" * (-len(token) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(_FIELDS):
            return None
        content = dict(zip(_FIELDS, values, strict=True))
        if content["is_time"]:
            content["value"] = datetime.fromisoformat(content["value"])
    except (ValueError, TypeError, RecursionError):
        return None
    is_whole = isinstance(content["key"], str) and not isinstance(content["value"], list | dict)
    return content if is_whole else None
