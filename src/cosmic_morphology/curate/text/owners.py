"""Names that only say whose a thing is, or where: "Saturn's moon Helene", "N159 in the LMC"."""

from __future__ import annotations

import re

from cosmic_morphology.curate.text.object_names import objects_in
from cosmic_morphology.curate.text.phrases import plain

# At most two words stand between: "Jupiter's small inner moon".
_BEFORE = re.compile(r"\b[A-Z][\w-]*['\u2019]s?\s+(?=(?:[\w-]+\s+){0,2}?[Mm]oons?\b(?!\s+and\b))")
_OWNER = re.compile(r"\b[A-Z][\w-]*['\u2019]s?\s+(?=[A-Z])")
_BEHIND = re.compile(
    r"\b([Mm]oons?(?:\s+[a-zA-Z]+)??)\s+(?:of|orbiting|around|over)\s+(?:the\s+planet\s+)?"
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
    >>> without_owners("Liquid Lakes on Saturn's Titan")
    'Liquid Lakes on Titan'
    >>> without_owners("Jupiter and its moons")
    'Jupiter and its moons'
    """
    named = _OWNER.sub(lambda found: "" if _begins_with_moon(title, found) else found[0], title)
    return _BEHIND.sub(r"\1", _BEFORE.sub("", named))


def _begins_with_moon(title: str, owner: re.Match[str]) -> bool:
    """Whether the words behind an owner begin with the name of a moon: "Saturn's Titan"."""
    found = objects_in(" ".join(title[owner.end() :].split()[:2]))
    return bool(found) and found[0].kind == "1.4" and found[0].start == 0


# What fills an image of its own inside a galaxy. A supernova or a black hole does not: there the
# image shows the galaxy.
_PART = re.compile(
    r"\b(?:nebulae?|nebulas|remnants?|clusters?|globulars?|stellar nursery|star forming|pillars)\b"
)
_BURST = re.compile(r"\b(?:super)?novae?\b(?! remnants?)|\bblack holes?\b|\bbursts?\b")
_INSIDE = re.compile(r"\b(?:in|inside|within|of)\b")


def without_hosts(title: str) -> str:
    """A title without the galaxies that it names as the place of a nebula or cluster.

    Parameters
    ----------
    title : str
        Words; they come back as :func:`~cosmic_morphology.curate.text.phrases.plain` has them
        where a name was taken out.

    Examples
    --------
    >>> without_hosts("N159 in the Large Magellanic Cloud")
    'n159 in the'
    >>> without_hosts("A Supernova in NGC 2525")
    'A Supernova in NGC 2525'
    """
    bare = plain(title)
    inside = _INSIDE.search(bare)
    if inside is None:
        return title
    head, tail = bare[: inside.start()], bare[inside.start() :]
    is_part = any(each.kind.startswith(("4", "3.6.4")) for each in objects_in(head))
    if not (is_part or _PART.search(head)) or _BURST.search(head):
        return title
    hosts = [each for each in objects_in(tail) if each.kind.startswith("5")]
    for each in reversed(hosts):
        tail = tail[: each.start] + tail[each.start + len(each.name) :]
    return f"{head}{tail}".strip() if hosts else title
