"""Reviewing in the terminal: the image opens, one key is one verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.review.queue import QueueItem
from cosmic_morphology.display import Shown
from cosmic_morphology.taxonomy import Taxonomy

KEEP, DROP, SKIP, UNDO, QUIT = "k", "d", "s", "u", "q"
_TAKEN = {KEEP, DROP, SKIP, UNDO, QUIT}


@dataclass(frozen=True, slots=True, repr=False)
class TerminalReviewResult(Shown):
    """What one sitting gave.

    Attributes
    ----------
    given, skipped : int
        Verdicts stored, and images passed over.
    finished : bool
        Whether the queue was seen to its end.
    """

    given: int
    skipped: int
    finished: bool


def review(
    atlas: Atlas,
    queue: Iterable[QueueItem],
    *,
    taxonomy: Taxonomy,
    who: str,
    ask: Callable[[], str],
    show: Callable[[QueueItem], None],
    note: Callable[[str], None],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TerminalReviewResult:
    """Ask for a verdict on image after image; each is stored at once.

    Parameters
    ----------
    atlas : Atlas
        Gets the verdicts.
    queue : iterable of QueueItem
        From :func:`cosmic_morphology.curate.review.queue.review_queue`.
    taxonomy : Taxonomy
        Gives the keys of the classes, see :func:`keys_of`.
    who : str
        The person.
    ask : callable
        Waits for one key.
    show : callable
        Opens the image and says which label it has.
    note : callable
        Says why a key gives no verdict.
    now : callable
        The time of a verdict.
    """
    keys = keys_of(taxonomy)
    items = list(queue)
    given: dict[str, None] = {}
    skipped, at = 0, 0
    while at < len(items):
        item = items[at]
        show(item)
        key = _valid(item, taxonomy, ask, note)
        if key == QUIT:
            return TerminalReviewResult(len(given), skipped, finished=False)
        if key == UNDO:
            # Verdicts are never deleted: going back lets a later one win over the earlier.
            at = max(at - 1, 0)
            continue
        if key == SKIP:
            skipped += 1
        else:
            atlas.append_decisions([_verdict(item, key, keys, who, now())])
            given[item.id] = None
        at += 1
    return TerminalReviewResult(len(given), skipped, finished=True)


def keys_of(taxonomy: Taxonomy) -> dict[str, str]:
    """The key of each class: digits first, then capital letters."""
    letters = "1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return dict(zip(letters, taxonomy.names, strict=False))


def keys_in_words(taxonomy: Taxonomy) -> str:
    """The keys of a single image, for a person.

    Examples
    --------
    >>> keys_in_words(taxonomy)[:22]
    '1 asteroid  2 comet  3'
    """
    return f"{class_keys_in_words(taxonomy)}  k keep  d drop  s skip  u back  q quit"


def class_keys_in_words(taxonomy: Taxonomy) -> str:
    """The keys of the classes, for a person."""
    return "  ".join(f"{key} {name}" for key, name in keys_of(taxonomy).items())


def _valid(
    item: QueueItem, taxonomy: Taxonomy, ask: Callable[[], str], note: Callable[[str], None]
) -> str:
    known = {*keys_of(taxonomy), *_TAKEN}
    while True:
        key = ask()
        if key == KEEP and not item.label:
            note("there is no label to keep: give a class, or s to pass over the image")
        elif key in known:
            return key
        else:
            note(f"{key!r} is none of the keys: {keys_in_words(taxonomy)}")


def _verdict(
    item: QueueItem, key: str, keys: dict[str, str], who: str, at: datetime
) -> dict[str, object]:
    label = keys.get(key, item.label if key == KEEP else "")
    verdict = {KEEP: "keep", DROP: "drop"}.get(key, "label")
    return {"id": item.id, "verdict": verdict, "label": label, "who": who, "at": at, "why": ""}
