"""A harvest that is taken up again beside the pages, one at a time."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import retry_source
from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.io_utils import write_json
from cosmic_morphology.serve.jobs.aside import Aside
from cosmic_morphology.settings import LocalSettings, Settings

log = logging.getLogger(__name__)
_NOTE, _LOCK = "harvest-retry.json", "harvest-retry.lock"


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the last retry that this server knows of.

    Attributes
    ----------
    state : str
        ``none``: there was none; ``working``; ``done``; ``failed``; ``left``: an earlier server
        ended before it was done, and what is missing can be taken up again.
    source, who, since : str
        Which source, who asked for it, and when.
    seen, announced : int
        Records that were handled, and that the source has announced so far.
    stored, missing : int
        Images that came, and that still could not be had.
    failure : str
        Why it failed.
    """

    state: Literal["none", "working", "done", "failed", "left"]
    source: str = ""
    who: str = ""
    since: str = ""
    seen: int = 0
    announced: int = 0
    stored: int = 0
    missing: int = 0
    failure: str = ""


class Retrying:
    """Takes one source up again at a time, in a process of its own.

    A note in the folder of runs says that it is at work: where a server ends before that is done,
    the next one finds it. What had been stored by then stays.

    Parameters
    ----------
    settings : Settings
        As the command line has them.
    """

    def __init__(self, settings: Settings) -> None:
        # Pages need the other cores.
        quiet = settings.model_copy(update={"local": LocalSettings(processes=1)})
        self._given = quiet.model_dump()
        self._out = settings.out
        self._known = Retried("none")
        self._lock = threading.Lock()
        self._work: Aside | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    @property
    def now(self) -> Retried:
        """How far it is."""
        return self._known

    def start(self) -> None:
        """Look for what an earlier server has left."""
        note = self._out / _NOTE
        if not note.is_file():
            return
        with suppress(Timeout), FileLock(self._out / _LOCK, timeout=0):
            said = json.loads(note.read_text("utf-8"))
            self._known = Retried("left", said["source"], said["who"], said["since"])

    def begin(self, source: str, states: Sequence[str], who: str) -> Retried:
        """Take a source up again; one that is being taken up goes on as it was asked for.

        Raises
        ------
        UsageError
            Another one is being taken up.
        """
        with self._lock:
            if (self._known.state, self._known.source) == ("working", source):
                return self._known
            if self._ended or self._known.state == "working":
                raise UsageError(
                    f"{self._known.source or 'a source'} is being taken up again already",
                    where="harvest",
                    todo="Wait until that is done.",
                )
            since = datetime.now(UTC).isoformat(timespec="seconds")
            self._known = Retried("working", source, who, since)
            note = {"source": source, "who": who, "since": since}
            self._work = Aside(retry_in_atlas, self._given, tuple(states), note, told=self._told)
            self._thread = threading.Thread(
                target=self._wait, args=(self._work,), name="retry", daemon=True
            )
            self._thread.start()
            return self._known

    def stop(self) -> None:
        """End; the note says what was left."""
        with self._lock:
            self._ended = True
            if self._work:
                self._work.stop()
        if self._thread:
            self._thread.join()

    def _told(self, seen: int, announced: int) -> None:
        self._known = replace(self._known, seen=seen, announced=announced)

    def _wait(self, work: Aside) -> None:
        found, failure = work.result()
        with self._lock:
            self._work = None
            if failure:
                if not self._ended:
                    log.error("%s was not taken up again: %s", self._known.source, failure)
                self._known = replace(self._known, state="failed", failure=failure)
            else:
                stored, missing = found
                self._known = replace(self._known, state="done", stored=stored, missing=missing)


@contextmanager
def _alone(out: Path, source: str) -> Iterator[None]:
    """Hold what only one process can, until it ends, however it does."""
    lock = FileLock(out / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CosmicError(
            "another server is taking a source up again",
            where=source,
            todo="Wait until that is done.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def retry_in_atlas(
    given: dict[str, Any],
    states: tuple[str, ...],
    note: dict[str, str],
    *,
    progress: Callable[[int, int], None],
) -> tuple[int, int]:
    """Take a source of some settings up again: images stored, and those that are missing still."""
    settings = Settings.model_validate(given)
    settings.out.mkdir(parents=True, exist_ok=True)
    with _alone(settings.out, note["source"]):
        write_json(settings.out / _NOTE, note)
        try:
            atlas = Atlas.open(settings.atlas, storage_options=settings.storage_options or None)
            done = retry_source(
                atlas, note["source"], settings=settings, states=states, progress=progress
            )
        finally:
            # A process that is killed does not come here: then the note stays.
            (settings.out / _NOTE).unlink(missing_ok=True)
    return sum(each.stored for each in done), sum(sum(each.failed.values()) for each in done)
