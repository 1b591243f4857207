"""The queue of likely errors, shared by those who review at the same time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from cosmic_morphology.atlas import WITHDRAW, standing_decisions
from cosmic_morphology.atlas.query import take
from cosmic_morphology.curate import QueueItem, Sheet, review_queue, review_sheets
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.serve.rows import columns_there
from cosmic_morphology.serve.served_atlas import ServedAtlas

_KEPT = 5000
_CLAIM_S = 600.0
# Sheets are made of so many of the first: their embeddings are held at once.
_ON_SHEETS = 2048
log = logging.getLogger(__name__)


class ReviewLine:
    """Images that wait for a verdict; a claimed one is given to nobody else for ten minutes.

    The order is made in the background: it reads every record. Until a new one is there the old
    one serves, without the images that were judged meanwhile.

    Parameters
    ----------
    sky : ServedAtlas
        Whose images wait.
    now : callable
        Seconds that only go up.
    """

    def __init__(self, sky: ServedAtlas, now: Callable[[], float] = time.monotonic) -> None:
        self._sky, self._now = sky, now
        self._items: list[QueueItem] = []
        self._judged: set[str] = set()
        self._claims: dict[str, tuple[str, float]] = {}
        self._version = ""
        self._lock = threading.Lock()
        self._making, self._sheeting = threading.Lock(), threading.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether the order is of the newest labels."""
        with self._sky.reading() as atlas:
            return self._version == str(atlas.version.catalogue)

    def waiting(self, n: int) -> list[QueueItem]:
        """The first images, whoever has claimed them."""
        self._renew()
        with self._lock:
            return [each for each in self._items if each.id not in self._judged][:n]

    def claim(self, who: str, n: int) -> list[QueueItem]:
        """The first images that nobody else has: those that the person has already come first."""
        self._renew()
        with self._lock:
            free = self._free_for(who)[:n]
            self._take(free, who)
            return free

    def sheets(self, n: int) -> list[Sheet]:
        """The first sheets of look-alikes, whoever has claimed their images."""
        return self._on_sheets(self.waiting(_ON_SHEETS), n)

    def claim_sheets(self, who: str, n: int, passed: Iterable[str] = ()) -> list[Sheet]:
        """The first sheets of images that nobody else has, without those that were passed over."""
        self._renew()
        left_out = set(passed)
        # One person after the other: two who ask at once would get the same sheets.
        with self._sheeting:
            with self._lock:
                free = [each for each in self._free_for(who) if each.id not in left_out]
            found = self._on_sheets(free[:_ON_SHEETS], n)
            with self._lock:
                # Some may have been claimed or judged while the sheets were made.
                still = {each.id for each in self._free_for(who)}
                kept = [
                    replace(sheet, items=items)
                    for sheet in found
                    if (items := tuple(each for each in sheet.items if each.id in still))
                ]
                self._take([each for sheet in kept for each in sheet.items], who)
        return kept

    def _on_sheets(self, items: Sequence[QueueItem], n: int) -> list[Sheet]:
        with self._sky.reading() as atlas:
            return review_sheets(atlas, taxonomy=self._sky.taxonomy, limit=n, queue=items)

    def _free_for(self, who: str) -> list[QueueItem]:
        oldest = self._now() - _CLAIM_S
        self._claims = {id_: claim for id_, claim in self._claims.items() if claim[1] > oldest}
        return [
            each
            for each in self._items
            if each.id not in self._judged and self._claims.get(each.id, (who,))[0] == who
        ]

    def _take(self, items: Iterable[QueueItem], who: str) -> None:
        for each in items:
            self._claims[each.id] = (who, self._now())

    def for_agreement(self, who: str, n: int) -> list[QueueItem]:
        """Images that others have judged and this person has not, the latest first."""
        with self._sky.reading() as atlas:
            given = standing_decisions(atlas)
            mine = {each.id for each in given if each.who == who}
            theirs = [each.id for each in reversed(given) if each.who != who]
            ids = [id_ for id_ in dict.fromkeys(theirs) if id_ not in mine][:n]
            shown = columns_there(atlas, ("id", "title", "label"))
            rows = take(atlas, ids, shown, table="images").to_pylist()
        return [
            QueueItem(
                id=row["id"],
                title=row.get("title") or "",
                label="",
                suggested="",
                worth=0.0,
                reason="judged by another; your own opinion, please",
            )
            for row in rows
        ]

    def judged(self, verdicts: Mapping[str, str]) -> None:
        """Take images out of the line, or put those back whose verdict was withdrawn."""
        with self._lock:
            for id_, verdict in verdicts.items():
                self._claims.pop(id_, None)
                if verdict == WITHDRAW:
                    self._judged.discard(id_)
                else:
                    self._judged.add(id_)

    def _renew(self) -> None:
        if not self._items and not self._version:
            self._make()
        elif not self.is_fresh and not self._making.locked():
            threading.Thread(target=self._make, name="review line", daemon=True).start()

    def _make(self) -> None:
        with self._making:
            try:
                with self._sky.reading() as atlas:
                    version = str(atlas.version.catalogue)
                    if version == self._version:
                        return
                    found = review_queue(atlas, taxonomy=self._sky.taxonomy, limit=_KEPT)
            except CosmicError:
                if not self._version:
                    raise
                log.exception("the queue could not be made anew; the old one serves")
                return
            with self._lock:
                self._items, self._version = found, version
