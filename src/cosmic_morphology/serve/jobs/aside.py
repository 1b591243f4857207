"""A piece of work in a process of its own, which gives way to the pages."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.safe_text import without_secrets

log = logging.getLogger(__name__)
_BEHIND_PAGES = 10
_TOLD_EVERY_S = 0.3
_TOLD, _DONE = "told", "done"


class Aside:
    """One piece of work that runs beside the server.

    Parameters
    ----------
    function : callable
        Of a module, so that the other process finds it.
    *given
        Its arguments; they travel to the other process.
    told : callable, optional
        Gets how much is done, and in all, while it is waited for. The function then takes
        ``progress``, to call with these.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *given: Any,
        told: Callable[[int, int], None] | None = None,
    ) -> None:
        # Started anew: threads of the server hold locks that a forked process would inherit.
        context = get_context("spawn")
        self._answer, theirs = context.Pipe(duplex=False)
        self._told = told
        self._process = context.Process(
            target=_work,
            args=(theirs, function, given),
            kwargs={"tells": told is not None},
            name="aside",
        )
        self._process.start()
        theirs.close()

    def result(self) -> tuple[Any, str]:
        """Wait for what it returned, and why it failed: empty where it did not."""
        try:
            while (said := self._answer.recv())[0] == _TOLD:
                if self._told:
                    self._told(*said[1:])
            _, value, failure = said
        except (EOFError, OSError):
            value, failure = None, "the work was ended before it was done"
        self._process.join()
        return value, failure

    def stop(self) -> None:
        """End it; what it had committed stays."""
        self._process.terminate()


class _Teller:
    """What the other process says; a server that was killed hears it no more, and need not."""

    def __init__(self, answer: Connection) -> None:
        self._answer, self._next = answer, 0.0

    def __call__(self, done: int, in_all: int) -> None:
        """How far it is, a few times a second."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _TOLD_EVERY_S
            self._say(_TOLD, done, in_all)

    def end(self, value: Any, failure: str = "") -> None:
        """What came of it."""
        self._say(_DONE, value, failure)

    def _say(self, *words: Any) -> None:
        with suppress(OSError):
            self._answer.send(words)


def _work(
    answer: Connection, function: Callable[..., Any], given: tuple[Any, ...], *, tells: bool
) -> None:
    # Ctrl-C is for the server, which ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_BEHIND_PAGES)
    teller = _Teller(answer)
    try:
        teller.end(function(*given, **({"progress": teller} if tells else {})))
    except CosmicError as error:
        teller.end(None, without_secrets(str(error)))
    except Exception as error:
        log.exception("the work beside the pages failed")
        teller.end(None, f"{type(error).__name__}; the log of the server says more")
