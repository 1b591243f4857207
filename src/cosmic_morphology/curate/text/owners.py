"""Names that only say whose a thing is: in "Saturn's moon Helene" the image shows no Saturn."""

from __future__ import annotations

import re

# At most two words stand between: "Jupiter's small inner moon".
_BEFORE = re.compile(r"\b[A-Z][\w-]*['\u2019]s?\s+(?=(?:[\w-]+\s+){0,2}?[Mm]oons?\b(?!\s+and\b))")
_BEHIND = re.compile(
    r"\b([Mm]oons?)\s+(?:of|orbiting|around|over)\s+(?:the\s+planet\s+)?"
    r"[A-Z][\w-]*(?=\s*(?:[,.:;)]|$))"
)


def without_owners(title: str) -> str:
    """A title without the planets that it names as those of a moon.

    Parameters
    ----------
    title : str
        As a person wrote it.

    Examples
    --------
    >>> without_owners("Saturn's Moon Helene in Color")
    'Moon Helene in Color'
    >>> without_owners("Charon: Moon of Pluto")
    'Charon: Moon'
    >>> without_owners("Jupiter and its moons")
    'Jupiter and its moons'
    """
    return _BEHIND.sub(r"\1", _BEFORE.sub("", title))
