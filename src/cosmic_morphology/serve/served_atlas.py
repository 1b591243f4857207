"""The atlas and the runs that are served; several requests read at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

Found = TypeVar("Found")
# Facts of so many versions and questions are kept.
_KEPT = 256


class ServedAtlas:
    """Handles of one atlas, each used by one request at a time.

    A handle looks its rows up in a version of its own, which another thread must not change while
    it reads.

    Parameters
    ----------
    settings : Settings
        They name the atlas and the folder of runs.

    Attributes
    ----------
    settings : Settings
        As given.
    taxonomy : Taxonomy
        The classes.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.taxonomy: Taxonomy = load_taxonomy(settings.taxonomy)
        self._handles: queue.LifoQueue[Atlas] = queue.LifoQueue()
        # The first is opened at once, so that a wrong place is told before anything listens.
        self._handles.put(self.open())
        self._unopened = threading.Semaphore(settings.serve.readers - 1)
        self._facts: dict[tuple[Any, ...], Any] = {}
        self._making: dict[tuple[Any, ...], threading.Event] = {}
        self._lock = threading.Lock()

    def open(self) -> Atlas:
        """A handle of one's own."""
        return Atlas.open(
            self.settings.atlas, storage_options=self.settings.storage_options or None
        )

    @contextmanager
    def reading(self) -> Iterator[Atlas]:
        """A handle at the newest version, held while the block reads."""
        handle = self._take()
        try:
            with handle.held():
                yield handle
        finally:
            self._handles.put(handle)

    @contextmanager
    def writing(self) -> Iterator[Atlas]:
        """A handle that follows its own commits."""
        handle = self._take()
        try:
            yield handle
        finally:
            self._handles.put(handle)

    def remembered(
        self, atlas: Atlas, key: tuple[Any, ...], make: Callable[[], Found], *, table: str = ""
    ) -> Found:
        """What was found for this version of the atlas before, or is found now.

        Parameters
        ----------
        atlas : Atlas
            From :meth:`reading`.
        key : tuple
            What is asked.
        make : callable
            Finds it.
        table : str
            The one table that it depends on; without it all of them.
        """
        version = str(getattr(atlas.version, table) if table else atlas.version)
        whole = (version, *key)
        while True:
            with self._lock:
                if whole in self._facts:
                    found: Found = self._facts[whole]
                    return found
                ready = self._making.get(whole)
                if ready is None:
                    mine = self._making[whole] = threading.Event()
                    break
            # Whoever asks the same meanwhile waits for the answer, and does not make it, too.
            ready.wait()
        try:
            made = make()
            with self._lock:
                while len(self._facts) >= _KEPT:
                    self._facts.pop(next(iter(self._facts)))
                self._facts[whole] = made
            return made
        finally:
            with self._lock:
                del self._making[whole]
            mine.set()

    def _take(self) -> Atlas:
        try:
            return self._handles.get_nowait()
        except queue.Empty:
            pass
        if self._unopened.acquire(blocking=False):
            return self.open()
        return self._handles.get()
