"""Which of the known names a person may have meant: one sentence for every list of names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# With more names than this, the one that was meant says more than all of them.
_SHORT_LIST = 12
# difflib's ratio; 0.6 is its default: one wrong letter of three is still found.
_LIKE_ENOUGH = 0.6


def nearest_name(given: str, known: Iterable[str]) -> str | None:
    """The known name that is most like what was given; ``None`` where none is.

    Capitals, and whether words are joined by ``-``, ``_`` or a space, make no difference.

    Examples
    --------
    >>> nearest_name("Linear_prob", ["linear-probe", "scratch"])
    'linear-probe'
    >>> nearest_name("Learning-Rate", ["learning_rate"])
    'learning_rate'
    >>> nearest_name("xyz", ["linear-probe", "scratch"]) is None
    True
    """
    plain = {_plain(each): each for each in known}
    near = get_close_matches(_plain(given), plain, n=1, cutoff=_LIKE_ENOUGH)
    return plain[near[0]] if near else None


def suggest_names(given: str, known: Iterable[str]) -> str:
    """What an error about an unknown name says next: the name that was meant, and all there are.

    Parameters
    ----------
    given : str
        What the person wrote.
    known : iterable of str
        The names that there are, in the order in which they are listed.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> suggest_names("galaxi", ["galaxy", "nebula"])
    "Did you mean 'galaxy'? There are: galaxy, nebula."
    >>> suggest_names("xyz", ["galaxy", "nebula"])
    'There are: galaxy, nebula.'
    >>> suggest_names("xyz", [])
    'There are none.'
    """
    names = list(known)
    near = nearest_name(given, names)
    listed = f"There are: {', '.join(names)}." if names else "There are none."
    if near is None:
        return listed
    meant = f"Did you mean {near!r}?"
    return f"{meant} {listed}" if len(names) <= _SHORT_LIST else meant


def _plain(name: str) -> str:
    return name.lstrip("-").lower().replace("_", "-").replace(" ", "-")
