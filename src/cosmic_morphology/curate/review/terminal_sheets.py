"""Reviewing sheets in the terminal: one key confirms a sheet, exceptions are named singly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_lowercase

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.review.sheets import Sheet, sheet_verdicts
from cosmic_morphology.curate.review.terminal import (
    DROP,
    KEEP,
    QUIT,
    SKIP,
    UNDO,
    class_keys_in_words,
    keys_of,
)
from cosmic_morphology.display import Shown
from cosmic_morphology.taxonomy import Taxonomy

EXCEPTION = "e"
SHEET_LETTERS = ascii_lowercase
"""The names of the images of a sheet, in their order."""


@dataclass(frozen=True, slots=True, repr=False)
class SheetReviewResult(Shown):
    """What one sitting gave, its actions and the images looked at counted apart.

    Attributes
    ----------
    given : int
        Verdicts stored.
    actions : int
        What they took: one for each sheet that was answered, one for each exception.
    looked : int
        Images on the sheets that were shown.
    skipped : int
        Sheets passed over.
    finished : bool
        Whether all sheets were seen.
    """

    given: int
    actions: int
    looked: int
    skipped: int
    finished: bool


def review_sheets_in_terminal(
    atlas: Atlas,
    sheets: Sequence[Sheet],
    *,
    taxonomy: Taxonomy,
    who: str,
    ask: Callable[[], str],
    show: Callable[[Sheet], None],
    note: Callable[[str], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SheetReviewResult:
    """Ask for an answer to sheet after sheet; each is stored at once.

    ``k`` confirms the suggested label of all images, a class key or ``d`` says what all of them
    are; before it, ``e``, the letter of an image and a class key name an exception (``s`` instead
    of a class passes over the image). ``s`` passes over the sheet, ``u`` takes the last exception
    back or goes to the sheet before, ``q`` ends.

    Parameters
    ----------
    atlas : Atlas
        Gets the verdicts.
    sheets : sequence of Sheet
        From :func:`~cosmic_morphology.curate.review.sheets.review_sheets`, of 26 images at most.
    taxonomy : Taxonomy
        Gives the keys of the classes, as for single images.
    who : str
        The person.
    ask : callable
        Waits for one key.
    show : callable
        Shows a sheet and says what it suggests.
    note : callable
        Says what was understood.
    now : callable
        The time of an answer.
    """
    names = _names(taxonomy)
    given: dict[str, None] = {}
    actions, skipped, at, seen = 0, 0, 0, 0
    while at < len(sheets):
        sheet, seen = sheets[at], max(seen, at + 1)
        show(sheet)
        answer, exceptions = _answer(sheet, taxonomy, ask, note)
        if answer == QUIT:
            break
        if answer == UNDO:
            # Verdicts are never deleted: the answer to come wins over the earlier one.
            at = max(at - 1, 0)
            continue
        if answer == SKIP:
            skipped += 1
        else:
            label = sheet.suggested if answer == KEEP else names[answer]
            rows = sheet_verdicts(sheet, label, exceptions, taxonomy=taxonomy, who=who, at=now())
            atlas.append_decisions(rows)
            given.update(dict.fromkeys(row["id"] for row in rows))
            actions += 1 + len(exceptions)
        at += 1
    looked = sum(len(sheet.items) for sheet in sheets[:seen])
    return SheetReviewResult(len(given), actions, looked, skipped, finished=at == len(sheets))


def _answer(
    sheet: Sheet, taxonomy: Taxonomy, ask: Callable[[], str], note: Callable[[str], None]
) -> tuple[str, dict[str, str]]:
    """The key that ends the sheet, and the exceptions that were named before it."""
    names = _names(taxonomy)
    exceptions: dict[str, str] = {}
    while True:
        key = ask()
        if key == EXCEPTION:
            found = _exception(sheet, names, ask, note)
            if found:
                exceptions.pop(found[0], None)
                exceptions[found[0]] = found[1]
        elif key == UNDO and exceptions:
            id_, _ = exceptions.popitem()
            note(f"no exception any more: {id_}")
        elif (key == KEEP and sheet.suggested) or key in {*names, SKIP, UNDO, QUIT}:
            return key, exceptions
        elif key == KEEP:
            note("nothing is suggested for this sheet: give a class, or s to pass over it")
        else:
            note(f"{key!r} is none of the keys: {sheet_keys_in_words(taxonomy)}")


def sheet_keys_in_words(taxonomy: Taxonomy) -> str:
    """The keys of a sheet, for a person.

    Examples
    --------
    >>> sheet_keys_in_words(taxonomy)[-38:]
    'e an exception  s skip  u back  q quit'
    """
    classes = class_keys_in_words(taxonomy)
    return f"{classes}  d drop  k as suggested  e an exception  s skip  u back  q quit"


def _names(taxonomy: Taxonomy) -> dict[str, str]:
    return {**keys_of(taxonomy), DROP: taxonomy.reject}


def _exception(
    sheet: Sheet, names: dict[str, str], ask: Callable[[], str], note: Callable[[str], None]
) -> tuple[str, str] | None:
    """An image and its class, or an empty one to pass over it; None where keys name neither."""
    note("which image? which class?")
    at = SHEET_LETTERS.find(ask())
    if not 0 <= at < len(sheet.items):
        note("there is no such image on the sheet")
        return None
    key = ask()
    if key not in {*names, SKIP}:
        note(f"{key!r} names no class; these do: {', '.join(names)}, and s passes over it")
        return None
    id_, name = sheet.items[at].id, "" if key == SKIP else names[key]
    note(f"{SHEET_LETTERS[at]} {name or 'passed over'}")
    return id_, name
