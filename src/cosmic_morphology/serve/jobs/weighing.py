"""Labels are weighed again after verdicts, beside the pages and one time after the other."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import weigh_again
from cosmic_morphology.serve.jobs.aside import Aside
from cosmic_morphology.settings import LocalSettings, Settings

log = logging.getLogger(__name__)
_AGAIN_S, _LONGEST_S = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Weighed:
    """How far the labels are behind the verdicts.

    Attributes
    ----------
    state : str
        ``current``: verdicts of this server are in the labels; ``waiting``: they will be;
        ``working``: labels are being computed; ``failed``: they were not, and will be tried again;
        ``off``: only ``cosmic curate`` computes them.
    failure : str
        Why the last try failed.
    rounds : int
        Times that labels were computed since the server started.
    """

    state: Literal["current", "waiting", "working", "failed", "off"]
    failure: str = ""
    rounds: int = 0


class Weighing:
    """Computes labels again some seconds after the first verdict that they do not know.

    The next time comes no sooner than the last one took: at most half of the time is worked.

    Parameters
    ----------
    settings : Settings
        ``serve.weigh_seconds`` says how long it waits; 0: it never works.
    may_write : bool
        Whether somebody may give verdicts here: a server without such people never works.
    """

    def __init__(self, settings: Settings, *, may_write: bool) -> None:
        # Pages need the other cores. As plain values: settings of a file are of a class of their
        # own, which another process does not know.
        quiet = settings.model_copy(update={"local": LocalSettings(processes=1)})
        self._given = quiet.model_dump()
        self._wait = settings.serve.weigh_seconds
        self._is_on = may_write and self._wait > 0
        self._known = Weighed("current" if self._is_on else "off")
        self._new = threading.Condition()
        self._asked = self._ended = False
        self._work: Aside | None = None
        self._thread: threading.Thread | None = None

    @property
    def now(self) -> Weighed:
        """How far it is."""
        return self._known

    def start(self) -> None:
        """Begin, with verdicts that an earlier server has left."""
        if self._is_on and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="weighing", daemon=True)
            self._thread.start()
            self.ask()

    def ask(self) -> None:
        """There are new verdicts."""
        with self._new:
            if self._is_on and self._thread:
                self._asked = True
                if self._known.state == "current":
                    self._known = replace(self._known, state="waiting")
                self._new.notify()

    def stop(self) -> None:
        """End; verdicts that are not in the labels are found by the next server."""
        with self._new:
            self._ended = True
            if self._work:
                self._work.stop()
            self._new.notify()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        pause, again = self._wait, _AGAIN_S
        while self._is_due(pause):
            began = time.monotonic()
            failure = self._weigh()
            pause = max(self._wait, time.monotonic() - began)
            if failure and not self._ended:
                log.error("labels were not weighed again: %s", failure)
                self._asked, pause, again = True, again, min(2 * again, _LONGEST_S)
            else:
                again = _AGAIN_S

    def _is_due(self, pause: float) -> bool:
        """Wait for verdicts, then the pause; False at the end."""
        with self._new:
            self._new.wait_for(lambda: self._asked or self._ended)
            self._new.wait_for(lambda: self._ended, timeout=pause)
            return not self._ended

    def _weigh(self) -> str:
        """Why it failed; empty where it did not."""
        with self._new:
            if self._ended:
                return ""
            # Verdicts that come from now on make another round.
            self._asked = False
            self._known = replace(self._known, state="working")
            self._work = Aside(weigh_in_atlas, self._given)
        _, failure = self._work.result()
        with self._new:
            self._work = None
            if failure:
                self._known = Weighed("failed", failure, self._known.rounds)
            else:
                rounds = self._known.rounds + 1
                self._known = Weighed("waiting" if self._asked else "current", rounds=rounds)
        return failure


def weigh_in_atlas(given: dict[str, Any]) -> int:
    """Open the atlas of some settings and compute its labels again; how many were behind."""
    settings = Settings.model_validate(given)
    atlas = Atlas.open(settings.atlas, storage_options=settings.storage_options or None)
    return weigh_again(atlas, settings=settings)
