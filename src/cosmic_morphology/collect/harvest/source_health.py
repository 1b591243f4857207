"""Is the source still itself? Placeholders, rubbish, and sizes that change at a stroke."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

import numpy as np

from cosmic_morphology.collect.harvest.items import FetchResult, FetchState, PendingFetch
from cosmic_morphology.errors import SourceError

SAME_BYTES = 5
"""So many records with the very same file: it is a placeholder, not their image."""

SAME_BYTES_KIND = "same_bytes"
_SAME_BYTES_ERROR = f"the same file came for {SAME_BYTES} records or more, SHA-256 "

_HELD_BYTES = 64_000_000
_WINDOW = 50
_RUBBISH_SHARE = 0.5
_RUBBISH = frozenset({FetchState.PLACEHOLDER, FetchState.NOT_AN_IMAGE})
_REFERENCE = 200
_BATCH = 64
_CHANGED_SHARE = 0.9
_FACTOR = 2.0
_TODO = (
    "Look at the archive. If it is right, run again with collect.stop_on_source_change = false; "
    "what was stored before stands."
)


class PlaceholderDetector:
    """Holds back files that come again until it is clear whether they are a placeholder.

    Copies of one image under two or three ids are common in archives, and are stored. When a
    file turns out to be a placeholder, what was stored of it before is to be taken back.

    Parameters
    ----------
    stored : iterable of (str, str)
        Hashes (hex) and ids of the source's images that are in the atlas.
    files : iterable of str
        Hashes (hex) of placeholders that were found before.

    Attributes
    ----------
    files : set of str
        Hashes (hex) of the placeholders that are known.
    """

    def __init__(self, stored: Iterable[tuple[str, str]], files: Iterable[str] = ()) -> None:
        self._ids: dict[int, tuple[str, ...]] = {}
        self._counts: Counter[int] = Counter()
        self._held: dict[int, list[FetchResult]] = {}
        self._held_bytes = 0
        self.files = set(files)
        self._stored: set[str] = set()
        for sha256, record_id in stored:
            self._stored.add(record_id)
            self._count(_short(sha256), record_id)

    def classify(self, outcomes: Sequence[FetchResult]) -> tuple[list[FetchResult], set[str]]:
        """Outcomes to be written now, and ids whose stored image is to be taken back."""
        ready: list[FetchResult] = []
        fresh: dict[str, FetchResult] = {}
        withdrawn: set[str] = set()
        for outcome in outcomes:
            if outcome.intake is None:
                ready.append(outcome)
                continue
            key, record_id = _short(outcome.intake.sha256), outcome.item.record.id
            self._count(key, record_id)
            if self._counts[key] >= SAME_BYTES or outcome.intake.sha256 in self.files:
                same = [*self._held.pop(key, ()), outcome]
                self.files.add(outcome.intake.sha256)
                now = {each.item.record.id for each in same}
                before = set(self._ids.pop(key, ())) - now
                # What is in this very batch is not written yet.
                for each in before & fresh.keys():
                    _placeholder(fresh[each])
                ready += [_placeholder(each) for each in same]
                # A kill may have left the image of one that is fetched again.
                withdrawn |= (before - fresh.keys()) | (now & self._stored)
            elif self._counts[key] > 1:
                self._hold(key, outcome)
            else:
                fresh[record_id] = outcome
                ready.append(outcome)
        if self._held_bytes > _HELD_BYTES:
            ready += self.flush()
        return ready, withdrawn

    def _count(self, key: int, record_id: str) -> None:
        if record_id in self._ids.get(key, ()):
            return
        self._counts[key] += 1
        if self._counts[key] <= SAME_BYTES or key in self._ids:
            self._ids[key] = (*self._ids.get(key, ()), record_id)

    def flush(self) -> list[FetchResult]:
        """Everything that was held back: nothing spoke against it."""
        free = [outcome for held in self._held.values() for outcome in held]
        self._held, self._held_bytes = {}, 0
        return free

    def on_hold(self, record_id: str) -> PendingFetch | None:
        """The item of an id that is held back."""
        for outcomes in self._held.values():
            for outcome in outcomes:
                if outcome.item.record.id == record_id:
                    return outcome.item
        return None

    def _hold(self, key: int, outcome: FetchResult) -> None:
        held = self._held.setdefault(key, [])
        if held:
            outcome.data, outcome.intake = held[0].data, held[0].intake
        else:
            self._held_bytes += len(outcome.data) * 2
        held.append(outcome)


class SourceHealthCheck:
    """Watches what a source sends.

    Parameters
    ----------
    source : str
        For the message.
    sides_px : sequence of int
        Longest sides of the source's images that are in the atlas, in pixels.
    """

    def __init__(self, source: str, sides_px: Sequence[int]) -> None:
        self._source = source
        self._recent: deque[bool] = deque(maxlen=_WINDOW)
        self._sides: deque[int] = deque(sides_px, maxlen=20_000)

    def check(self, outcomes: Sequence[FetchResult]) -> None:
        """Look at a batch before it is written.

        Raises
        ------
        SourceError
            Most of the last answers are rubbish, or nearly all sizes are new.
        """
        for outcome in outcomes:
            self._recent.append(outcome.state in _RUBBISH)
            if len(self._recent) == _WINDOW and sum(self._recent) > _RUBBISH_SHARE * _WINDOW:
                raise SourceError(
                    f"{sum(self._recent)} of the last {_WINDOW} answers are no images of the "
                    f"records, the last one: {outcome.error or outcome.kind}",
                    where=f"{self._source}: {outcome.item.url}",
                    todo=_TODO,
                )
        sides = [max(o.intake.width, o.intake.height) for o in outcomes if o.intake is not None]
        if len(self._sides) >= _REFERENCE and len(sides) >= _BATCH:
            low, high = np.percentile(np.array(self._sides), [5, 95])
            new = np.array(sides)
            for changed in (new * _FACTOR < low, new > high * _FACTOR):
                if changed.mean() >= _CHANGED_SHARE:
                    raise SourceError(
                        f"{changed.sum()} of {len(new)} new images have about "
                        f"{int(np.median(new))} px where {low:.0f} to {high:.0f} px were usual",
                        where=self._source,
                        todo=_TODO,
                    )
        self._sides.extend(sides)


def _placeholder(outcome: FetchResult) -> FetchResult:
    outcome.state, outcome.kind = FetchState.PLACEHOLDER, SAME_BYTES_KIND
    if outcome.intake is not None:
        outcome.error = same_bytes_error(outcome.intake.sha256)
    outcome.data, outcome.intake = b"", None
    return outcome


def same_bytes_error(sha256: str) -> str:
    """What the ledger says of a record whose file is a placeholder: it names the file."""
    return f"{_SAME_BYTES_ERROR}{sha256}"


def file_of_error(error: str) -> str:
    """The file that :func:`same_bytes_error` names."""
    return error.removeprefix(_SAME_BYTES_ERROR)


def _short(sha256: str) -> int:
    return int(sha256[:16], 16)
