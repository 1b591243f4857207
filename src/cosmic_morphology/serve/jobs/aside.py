"""A piece of work in a process of its own, which gives way to the pages."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.safe_text import without_secrets

log = logging.getLogger(__name__)
_BEHIND_PAGES = 10


class Aside:
    """One piece of work that runs beside the server.

    Parameters
    ----------
    function : callable
        Of a module, so that the other process finds it.
    *given
        Its arguments; they travel to the other process.
    """

    def __init__(self, function: Callable[..., Any], *given: Any) -> None:
        # Started anew: threads of the server hold locks that a forked process would inherit.
        context = get_context("spawn")
        self._answer, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(theirs, function, given), name="aside")
        self._process.start()
        theirs.close()

    def result(self) -> tuple[Any, str]:
        """Wait for what it returned, and why it failed: empty where it did not."""
        try:
            value, failure = self._answer.recv()
        except (EOFError, OSError):
            value, failure = None, "the work was ended before it was done"
        self._process.join()
        return value, failure

    def stop(self) -> None:
        """End it; what it had committed stays."""
        self._process.terminate()


def _work(answer: Connection, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    # Ctrl-C is for the server, which ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_BEHIND_PAGES)
    try:
        answer.send((function(*given), ""))
    except CosmicError as error:
        answer.send((None, without_secrets(str(error))))
    except Exception as error:
        log.exception("the work beside the pages failed")
        answer.send((None, f"{type(error).__name__}; the log of the server says more"))
