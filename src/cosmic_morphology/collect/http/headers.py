"""Headers of HTTP: how the collector introduces itself, and what servers ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cosmic_morphology.settings import CollectSettings

OPT_OUT = frozenset({"noai", "noimageai", "noindex", "noimageindex"})


def user_agent(settings: CollectSettings) -> str:
    """How this collector introduces itself: name, version, whom to write to."""
    from cosmic_morphology._version import __version__

    contact = "".join(c for c in settings.contact if c.isprintable() and c.isascii())
    return f"cosmic-morphology/{__version__}" + (f" ({contact})" if contact else "")


def opts_out(headers: Mapping[str, str]) -> bool:
    """Whether ``X-Robots-Tag`` opts out for every agent (a directive for one bot does not).

    Examples
    --------
    >>> opts_out({"x-robots-tag": "noai"}), opts_out({"x-robots-tag": "somebot: noai"})
    (True, False)
    """
    said = headers.get("x-robots-tag", "").lower().split(",")
    return any(part.strip() in OPT_OUT for part in said)


def retry_after_s(value: str) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as a date (RFC 9110, 10.2.3).

    Examples
    --------
    >>> retry_after_s("120"), retry_after_s("soon")
    (120.0, None)
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until = parsedate_to_datetime(value)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        # No date, or one of a year or zone that there is not.
        return None
