"""Phrases that a person adds to a taxonomy or takes out of it, and a copy with these changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.extras import needs
from cosmic_morphology.reading import toml_of
from cosmic_morphology.taxonomy import Taxonomy, taxonomy_of

IGNORE, SEARCH, RULE = "ignore", "search", "rule"
"""The first word of a place: the phrases to ignore, search words of a class, phrases of a rule."""
_WHERE = "the changed taxonomy"


@dataclass(frozen=True, slots=True)
class PhraseChange:
    """One phrase more, or one less.

    Attributes
    ----------
    place : str
        ``ignore``, ``search:galaxy`` (a class) or ``rule:3`` (the fourth rule of the taxonomy).
    phrase : str
        As it stands in the taxonomy.
    is_added : bool
        Whether it comes in; else it goes.
    """

    place: str
    phrase: str
    is_added: bool


def with_changes(taxonomy: Taxonomy, changes: Sequence[PhraseChange]) -> Taxonomy:
    """The taxonomy with phrases added and taken out.

    Parameters
    ----------
    taxonomy : Taxonomy
        Stays as it is.
    changes : sequence of PhraseChange
        Made one after the other; what is added comes last in its place.

    Raises
    ------
    TaxonomyError
        There is no such place or phrase, a phrase is there already, or the result is not valid.

    Examples
    --------
    >>> changed = with_changes(taxonomy, [PhraseChange("ignore", "dust jacket", True)])
    >>> changed.ignore[-1]
    'dust jacket'
    """
    values = taxonomy.model_dump()
    for each in changes:
        where, name = _list_of(taxonomy, values, each)
        phrases = [*where.get(name, ())]
        _check_there(each, phrases)
        where[name] = (
            [*phrases, each.phrase] if each.is_added else [p for p in phrases if p != each.phrase]
        )
    return taxonomy_of(values, where=_WHERE)


def changed_text(text: str, taxonomy: Taxonomy, changes: Sequence[PhraseChange]) -> str:
    """The text of a taxonomy file with phrases added and taken out; comments stay.

    Parameters
    ----------
    text : str
        TOML that holds ``taxonomy``.
    taxonomy : Taxonomy
        What the changes were made on.
    changes : sequence of PhraseChange
        As for :func:`with_changes`.

    Raises
    ------
    TaxonomyError
        The changes cannot be made, or the text holds another taxonomy by now.
    """
    wanted = with_changes(taxonomy, changes)
    if taxonomy_of(text, where=_WHERE) != taxonomy:
        raise TaxonomyError(
            "the file of the taxonomy has changed since it was read",
            where=_WHERE,
            todo="Start the server again, which reads it anew.",
        )
    with needs("A copy of a taxonomy"):
        import tomlkit

    document: Any = tomlkit.parse(text)
    for each in changes:
        where, name = _list_of(taxonomy, document, each)
        if name not in where:
            where[name] = tomlkit.array()
        (where[name].append if each.is_added else where[name].remove)(each.phrase)
    written = str(tomlkit.dumps(document))
    if taxonomy_of(toml_of(written, _WHERE, TaxonomyError), where=_WHERE) != wanted:
        raise TaxonomyError(
            "these changes cannot be written into the text of the taxonomy",
            where=_WHERE,
            todo="Make them in a copy of the file, with an editor.",
        )
    return written


def _list_of(taxonomy: Taxonomy, values: Any, change: PhraseChange) -> tuple[Any, str]:
    """The table of some values in which the place of a change is, and its name there."""
    kind, _, which = change.place.partition(":")
    if change.place == IGNORE:
        return values, "ignore"
    if kind == SEARCH and which in taxonomy.names:
        return values["classes"][taxonomy.names.index(which)], "search"
    if kind == RULE and which.isdecimal() and int(which) < len(taxonomy.rules):
        return values["rules"][int(which)], "phrases"
    raise TaxonomyError(
        f"there is no place {change.place[:100]!r} for a phrase",
        where=_WHERE,
        todo="Give ignore, search:CLASS, or rule:NUMBER (the first is 0).",
    )


def _check_there(change: PhraseChange, phrases: Sequence[str]) -> None:
    if (change.phrase in phrases) == change.is_added:
        raise TaxonomyError(
            f"the phrase {change.phrase[:100]!r} is {'' if change.is_added else 'not '}there",
            where=change.place,
            todo="Load the page again: it may be an old one.",
        )
