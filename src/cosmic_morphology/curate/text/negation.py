"""Names that say what an image is not: ``not_galaxy``, ``non-galaxy``, ``galaxy_no``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cosmic_morphology.curate.text.phrases import plain, words_of_name

# Of a short name any of these takes it back. In a sentence most have other uses: a galaxy without
# dark matter is a galaxy.
_WORDS = frozenset(
    (
        "not", "non", "no", "none", "never", "without", "isnt", "isn", "aint", "neg", "negative",
        "negatives", "false", "anti", "absent", "except", "excluding", "exclude", "minus", "but",
        "than", "unlike",
        "nicht", "kein", "keine", "keinen", "ohne", "pas", "sans", "sin", "nessun",
        "nessuna", "senza", "nao", "sem", "geen", "niet", "zonder", "inte", "ingen", "ikke",
    )
)  # fmt: skip
# A title of so few words is a name.
_NAME_WORDS = 3
_SIGNS = ("!", "~", "\u00ac", "^")
# These are no negations: a number ("comet no 5"), a way to show an image ("false colour").
_OTHER_USE = re.compile(r"\bnos?[. -]*(?=\d)|\b(?:false|pseudo)[ -]+colou?r\w*", re.IGNORECASE)
_IN_SENTENCE = re.compile(r"\b(?:not|non|no)[ -]+(?:an? |the )?(?!only\b)[^\W\d]\w*", re.IGNORECASE)


def is_negated(name: str) -> bool:
    """Whether a label or the name of a folder says what its images are not.

    Parameters
    ----------
    name : str
        A few words; a class that is called so itself must be looked for before.

    Examples
    --------
    >>> is_negated("not a galaxy"), is_negated("galaxy")
    (True, False)
    """
    if name.strip().startswith(_SIGNS):
        return True
    words = _OTHER_USE.sub(" ", plain(words_of_name(name)))
    tokens = re.split(r"[\W_]+", words)
    return not _WORDS.isdisjoint(tokens)


def without_negated(title: str, inside: Iterable[str] = ()) -> str:
    """A title without what it says that the image is not; nothing of a negated file name.

    Parameters
    ----------
    title : str
        A title, or a file name in its place.
    inside : iterable of str
        Words that may be glued to others in a file name (``notgalaxy``).

    Examples
    --------
    >>> without_negated("A star, not a galaxy").strip(" ,")
    'A star'
    """
    if len(title.split()) <= _NAME_WORDS:
        negated = is_negated(title) or is_negated(words_of_name(title, inside))
        return "" if negated else title
    kept = _OTHER_USE.sub(lambda found: found[0].replace(" ", "\0"), title)
    return _IN_SENTENCE.sub(" ", kept).replace("\0", " ")
